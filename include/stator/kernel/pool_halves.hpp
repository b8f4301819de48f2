// SPDX-License-Identifier: BSL-1.0
// Pooling by two in both directions, a vector of windows at a time: the common case.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/shuffle.hpp"
#include "stator/kernel/simd.hpp"

namespace stator::kernel::detail {

/// Whether `x` takes the place of the maximum so far: it is greater, or NaN.
template<class T>
STATOR_ALWAYS_INLINE inline bool beats(T x, T so_far) {
  return x > so_far || x != x;
}

/// The greater of two vectors, the second where it is NaN. (One comparison a choice: GCC 12 has no good code
/// for both at once.)
template<class V>
STATOR_ALWAYS_INLINE inline void take(const V& so_far, const V& x, V& best) {
  best = x > so_far ? x : so_far;
  best = x != x ? x : best;
}
/// Gives `g` to `winner` where x beats what there is so far, and leaves it as `rest` elsewhere.
template<class V>
STATOR_ALWAYS_INLINE inline void deal(const V& so_far, const V& x, const V& g, V& rest, V& winner) {
  const V zero{};
  const V kept = x > so_far ? zero : g, given = x > so_far ? g : zero;
  rest = x != x ? zero : kept;
  winner = x != x ? g : given;
}

/// y[i] from windows of two rows, by `combine(a, b)` on vectors or numbers; rows first, then columns. From
/// column i on, with vectors of W and then narrower ones, or one that overlaps
/// the one before.
template<class T, Index W, class Combine>
STATOR_ALWAYS_INLINE inline void halve_rows(const T* upper, const T* lower, T* y, Index i, Index count,
                                            Combine&& combine) {
  if constexpr (W > 1) {
    using V = vec<T, W>;
    const auto windows = [&](Index from) STATOR_INLINE_LAMBDA {
      V a, b, c, d;
      load(a, upper + 2 * from);
      load(b, upper + 2 * from + W);
      load(c, lower + 2 * from);
      load(d, lower + 2 * from + W);
      combine(a, c);
      combine(b, d);
      V even, odd;
      split<T, W>(a, b, even, odd);
      combine(even, odd);
      store(even, y + from);
    };
    for (; i + W <= count; i += W) windows(i);
    if (i >= W && i + 1 < count && 2 * (count - i) != W) { // several are left, but no narrower vector
      windows(count - W);
      return;
    }
    halve_rows<T, (W > quad<T> ? W / 2 : 1)>(upper, lower, y, i, count, combine);
  } else {
    for (; i < count; ++i) {
      T a = upper[2 * i], b = upper[2 * i + 1];
      combine(a, lower[2 * i]);
      combine(b, lower[2 * i + 1]);
      combine(a, b);
      y[i] = a;
    }
  }
}

/// The gradient of the maxima of windows of two rows: dy[i] for the first maximum, zero for the others; with
/// `Cut` zero for all if that is at most zero.
template<class T, Index W, bool Cut>
STATOR_ALWAYS_INLINE inline void unhalve_max(const T* upper, const T* lower, const T* dy, T* dupper,
                                             T* dlower, Index i, Index count) {
  if constexpr (W > 1) {
    using V = vec<T, W>;
    const auto windows = [&](Index from) STATOR_INLINE_LAMBDA {
      V a, b, x0, x1, x2, x3, g;
      load(a, upper + 2 * from);
      load(b, upper + 2 * from + W);
      split<T, W>(a, b, x0, x1);
      load(a, lower + 2 * from);
      load(b, lower + 2 * from + W);
      split<T, W>(a, b, x2, x3);
      load(g, dy + from);
      // From the last to the first: what a later element takes, an earlier one does not get.
      V best1, best2, rest2, rest1, g0, g1, g2, g3;
      take(x0, x1, best1);
      take(best1, x2, best2);
      if constexpr (Cut) {
        V best3;
        take(best2, x3, best3);
        g = best3 <= V{} ? V{} : g;
      }
      deal(best2, x3, g, rest2, g3);
      deal(best1, x2, rest2, rest1, g2);
      deal(x0, x1, rest1, g0, g1);
      merge<T, W>(g0, g1, a, b);
      store(a, dupper + 2 * from);
      store(b, dupper + 2 * from + W);
      merge<T, W>(g2, g3, a, b);
      store(a, dlower + 2 * from);
      store(b, dlower + 2 * from + W);
    };
    for (; i + W <= count; i += W) windows(i);
    // What is left takes one narrower vector, or one that overlaps those before.
    if (i < count && count >= W && (W == quad<T> || 2 * (count - i) > W)) {
      windows(count - W);
      return;
    }
    unhalve_max<T, (W > quad<T> ? W / 2 : 1), Cut>(upper, lower, dy, dupper, dlower, i, count);
  } else {
    for (; i < count; ++i) {
      T best = upper[2 * i];
      T* to = dupper + 2 * i;
      dupper[2 * i] = dupper[2 * i + 1] = dlower[2 * i] = dlower[2 * i + 1] = T{};
      if (beats(upper[2 * i + 1], best)) best = upper[2 * i + 1], to = dupper + 2 * i + 1;
      if (beats(lower[2 * i], best)) best = lower[2 * i], to = dlower + 2 * i;
      if (beats(lower[2 * i + 1], best)) best = lower[2 * i + 1], to = dlower + 2 * i + 1;
      if (!(Cut && best <= T{})) *to = dy[i];
    }
  }
}

/// The gradient of the means of windows of two rows: a quarter of dy[i] for each element.
template<class T>
STATOR_ALWAYS_INLINE inline void unhalve_mean(const T* dy, T* dupper, T* dlower, Index count) {
  constexpr Index W = native_width<T>;
  Index i = 0;
  if constexpr (W > 1)
    for (; i + W <= count; i += W) {
      vec<T> g, a, b;
      load(g, dy + i);
      g *= T(0.25);
      merge<T, W>(g, g, a, b);
      for (T* const to : {dupper, dlower}) {
        store(a, to + 2 * i);
        store(b, to + 2 * i + W);
      }
    }
  for (; i < count; ++i) dupper[2 * i] = dupper[2 * i + 1] = dlower[2 * i] = dlower[2 * i + 1] = dy[i] / T(4);
}

/// y[i]: from each window of two rows the element of v where x has its first maximum.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline void pick_max(const T* upper, const T* lower, const T* vupper, const T* vlower,
                                          T* y, Index i, Index count) {
  if constexpr (W > 1) {
    using V = vec<T, W>;
    for (; i + W <= count; i += W) {
      V a, b, x0, x1, x2, x3, v0, v1, v2, v3;
      const auto windows = [&](const T* row, V& even, V& odd) STATOR_INLINE_LAMBDA {
        load(a, row + 2 * i);
        load(b, row + 2 * i + W);
        split<T, W>(a, b, even, odd);
      };
      windows(upper, x0, x1);
      windows(lower, x2, x3);
      windows(vupper, v0, v1);
      windows(vlower, v2, v3);
      const auto next = [&](const V& x, const V& v) STATOR_INLINE_LAMBDA {
        v0 = x > x0 ? v : v0;
        v0 = x != x ? v : v0;
        V best;
        take(x0, x, best);
        x0 = best;
      };
      next(x1, v1);
      next(x2, v2);
      next(x3, v3);
      store(v0, y + i);
    }
    pick_max<T, (W > quad<T> ? W / 2 : 1)>(upper, lower, vupper, vlower, y, i, count);
  } else {
    for (; i < count; ++i) {
      T best = upper[2 * i], found = vupper[2 * i];
      const auto next = [&](T x, T v) STATOR_INLINE_LAMBDA {
        const bool is_larger = beats(x, best);
        best = is_larger ? x : best;
        found = is_larger ? v : found;
      };
      next(upper[2 * i + 1], vupper[2 * i + 1]);
      next(lower[2 * i], vlower[2 * i]);
      next(lower[2 * i + 1], vlower[2 * i + 1]);
      y[i] = found;
    }
  }
}

} // namespace stator::kernel::detail
