// SPDX-License-Identifier: BSL-1.0
// softmax and log_softmax along one dimension, forward and backward.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/parallel.hpp"
#include "stator/kernel/math.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

namespace stator::kernel {

namespace detail {

/// Rows of E along Axis: `outer` blocks of `inner` interleaved rows of `length`.
template<Extents E, std::size_t Axis>
struct AxisRows {
  static constexpr Index length = E[Axis];
  static constexpr Index inner = E.product(Axis + 1, E.rank);

  /// Calls `body(first element)` for each row; the elements of a row are `inner` apart.
  template<class Body>
  static void for_each(Index batch, Body&& body) {
    if constexpr (length > 0 && inner > 0) {
      const Index outer = E.product(0, Axis) * (E.is_dynamic() && Axis > 0 ? batch : 1);
      parallel_for(outer * inner, std::max<Index>((Index{1} << 15) / length, 1),
                   [&](Index first, Index last, int) {
                     for (Index r = first; r < last; ++r) body(r / inner * length * inner + r % inner);
                   });
    }
  }
  /// Calls `body.operator()<V>(first element)` for as many rows at a time as V has lanes: Simd<T>, then
  /// single ones.
  template<class T, class Body>
  static void for_each_vector(Index batch, Body&& body) {
    if constexpr (length > 0 && inner > 0) {
      const Index outer = E.product(0, Axis) * (E.is_dynamic() && Axis > 0 ? batch : 1);
      constexpr Index width = native_width<T>, whole = inner / width, pieces = whole + inner % width;
      parallel_for(outer * pieces, std::max<Index>((Index{1} << 15) / (length * width), 1),
                   [&](Index first, Index last, int) {
                     for (Index r = first; r < last; ++r) {
                       const Index block = r / pieces * length * inner, piece = r % pieces;
                       if (piece < whole)
                         body.template operator()<Simd<T>>(block + piece * width);
                       else
                         body.template operator()<Simd<T, 1>>(block + whole * width + piece - whole);
                     }
                   });
    }
  }
};

/// What `load(count, i)` gives for the vectors of N contiguous elements, joined by `join` in several chains:
/// count is 0 for a whole vector, or the elements of the last one. The order is always the same.
template<Index N, class T, class F, class Join>
STATOR_ALWAYS_INLINE inline Simd<T> reduce_row(T filling, const F& load, const Join& join) {
  constexpr Index width = Simd<T>::size, whole = N / width, chains = whole < 4 ? (whole < 1 ? 1 : whole) : 4;
  Simd<T> part[static_cast<std::size_t>(chains)];
  for (Simd<T>& p : part) p = Simd<T>(filling);
  constexpr Index together = whole / chains * chains;
  for (Index i = 0; i < together; i += chains) {
    STATOR_UNROLL
    for (Index c = 0; c < chains; ++c)
      part[c] = join(part[c], load(std::integral_constant<Index, 0>(), (i + c) * width));
  }
  if constexpr (together < whole) {
    STATOR_UNROLL
    for (Index i = together; i < whole; ++i)
      part[i - together] = join(part[i - together], load(std::integral_constant<Index, 0>(), i * width));
  }
  if constexpr (whole * width < N)
    part[0] = join(part[0], load(std::integral_constant<Index, N - whole * width>(), whole * width));
  STATOR_UNROLL
  for (Index c = 1; c < chains; ++c) part[0] = join(part[0], part[c]);
  return part[0];
}

/// The elements of a vector that are less than a vector: two that overlap, since what is put together in
/// memory is waited for. Of fewer than two there is only one.
template<class T, Index Count>
struct PartOfVector {
  static constexpr Index width = native_width<T>,
                         half = static_cast<Index>(std::bit_floor(static_cast<std::size_t>(Count)));
  using Whole = vec<T, width>;
  using Half = vec<T, half>;

  static void load(const T* x, Whole& v) {
    if constexpr (half == 1) {
      v[0] = x[0];
    } else {
      Half low, high;
      kernel::load(low, x);
      kernel::load(high, x + Count - half);
      [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
        const Whole found = __builtin_shufflevector(low, high, of_halves(I)...);
        v = __builtin_shufflevector(found, v, (I < Count ? I : static_cast<int>(width) + I)...);
      }(std::make_integer_sequence<int, static_cast<int>(width)>{});
    }
  }
  static void store(const Whole& v, T* to) {
    if constexpr (half == 1) {
      to[0] = v[0];
    } else {
      [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
        const Half low = __builtin_shufflevector(v, v, I...),
                   high = __builtin_shufflevector(v, v, (static_cast<int>(Count - half) + I)...);
        kernel::store(low, to);
        kernel::store(high, to + Count - half);
      }(std::make_integer_sequence<int, static_cast<int>(half)>{});
    }
  }

private:
  /// Where element i lies in the two halves.
  static constexpr int of_halves(int i) {
    if (i >= Count) return -1;
    return i < half ? i : i + static_cast<int>(2 * half - Count);
  }
};

/// Count elements at x, or a vector where Count is 0; `filling` for what is missing.
template<Index Count, class T>
STATOR_ALWAYS_INLINE inline Simd<T> load_part(const T* x, T filling) {
  if constexpr (Count == 0) {
    return Simd<T>::load(x);
  } else {
    Simd<T> v(filling);
    PartOfVector<T, Count>::load(x, v.raw);
    return v;
  }
}

/// Writes what load_part has read.
template<Index Count, class T>
STATOR_ALWAYS_INLINE inline void store_part(const Simd<T>& v, T* to) {
  if constexpr (Count == 0)
    v.store(to);
  else
    PartOfVector<T, Count>::store(v.raw, to);
}
/// Calls `body(count, i)` for the vectors of N contiguous elements; count as in load_part.
template<Index N, class T, class Body>
STATOR_ALWAYS_INLINE inline void for_each_part(const Body& body) {
  constexpr Index width = Simd<T>::size, whole = N / width * width;
  for (Index i = 0; i < whole; i += width) body(std::integral_constant<Index, 0>(), i);
  if constexpr (whole < N) body(std::integral_constant<Index, N - whole>(), whole);
}

/// The largest element of a vector; where one is NaN, any.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline T largest_of(const Simd<T, W>& x) {
  if constexpr (W == 1) {
    return x.raw;
  } else if constexpr (W == 2) {
    return x.raw[0] < x.raw[1] ? x.raw[1] : x.raw[0];
  } else {
    return [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
      constexpr int half = static_cast<int>(W / 2);
      using Half = Simd<T, W / 2>;
      return largest_of(larger(Half::of(__builtin_shufflevector(x.raw, x.raw, I...)),
                               Half::of(__builtin_shufflevector(x.raw, x.raw, (half + I)...))));
    }(std::make_integer_sequence<int, static_cast<int>(W / 2)>{});
  }
}

/// The largest of N contiguous elements; where one is NaN, any.
template<Index N, class T>
T largest_of_row(const T* x) {
  constexpr T lowest = -std::numeric_limits<T>::infinity();
  const Simd<T> high = reduce_row<N>(
      lowest, [&](auto count, Index i) { return load_part<count()>(x + i, lowest); },
      [](const Simd<T>& a, const Simd<T>& b) { return larger(a, b); });
  return largest_of(high);
}

/// The sum of g[i], or of g[i] y[i], over N contiguous elements.
template<bool Weighted, Index N, class T>
T sum_of_row(const T* g, const T* y) {
  return reduce_row<N>(
             T{},
             [&](auto count, Index i) {
               const Simd<T> v = load_part<count()>(g + i, T{});
               if constexpr (Weighted)
                 return v * load_part<count()>(y + i, T{});
               else
                 return v;
             },
             [](const Simd<T>& a, const Simd<T>& b) { return a + b; })
      .sum();
}

/// y[i] = exp(x[i] - shift), which is at most 1, for N contiguous elements; returns the sum of y; without
/// Kept y is not written.
template<Index N, bool Kept, class T>
T exp_row(const T* x, [[maybe_unused]] T* y, T shift) {
  Simd<T> sum(T{});
  for_each_part<N, T>([&](auto part, Index i) STATOR_INLINE_LAMBDA {
    // What is missing in a part of a vector adds exp(-infinity) to the sum.
    const Simd<T> e = decay(load_part<part()>(x + i, -std::numeric_limits<T>::infinity()) - shift);
    if constexpr (Kept) store_part<part()>(e, y + i);
    sum += e;
  });
  return sum.sum();
}

} // namespace detail

/// softmax over Axis of x with extents E, exp(x) / sum(exp(x)), or with Log its logarithm; and the gradient.
template<bool Log, class T, Extents E, std::size_t Axis>
struct softmax {
  using Rows = detail::AxisRows<E, Axis>; ///< what is normalised
  /// Elements of a row, and how far they are apart.
  static constexpr Index n = Rows::length, step = Rows::inner;

  /// y = exp(x - max) / sum(exp(x - max)), or x - max - log(sum(exp(x - max)))
  static void forward(const T* x, T* y, Index batch) {
    if constexpr (step == 1)
      Rows::for_each(batch, [&](Index at) {
        const T* from = x + at;
        T* to = y + at;
        const T high = detail::largest_of_row<n>(from);
        const T total = detail::exp_row<n, !Log>(from, to, high);
        [[maybe_unused]] const T shift = Log ? high + std::log(total) : T{};
        detail::for_each_part<n, T>([&](auto part, Index k) STATOR_INLINE_LAMBDA {
          const auto v = detail::load_part<part()>((Log ? from : to) + k, T{});
          detail::store_part<part()>(Log ? v - shift : v / total, to + k);
        });
      });
    else
      Rows::template for_each_vector<T>(batch, [&]<class V>(Index at)
                                                   STATOR_INLINE_LAMBDA { forward_rows<V>(x + at, y + at); });
  }
  /// dx = y (g - sum(g y)), or g - exp(y) sum(g)
  static void backward(const T* y, const T* g, T* dx, Index batch) {
    if constexpr (step == 1)
      Rows::for_each(batch, [&](Index at) {
        const T total = detail::sum_of_row<!Log, n>(g + at, y + at);
        // The constants of exp leave 16 registers little room for more than exp in a long loop.
        if constexpr (Log && (vector_registers >= 32 || n < 64)) {
          detail::for_each_part<n, T>([&](auto part, Index k) STATOR_INLINE_LAMBDA {
            const auto slope = detail::load_part<part()>(g + at + k, T{});
            const auto p = detail::decay(detail::load_part<part()>(y + at + k, T{}));
            detail::store_part<part()>(slope - p * total, dx + at + k);
          });
        } else if constexpr (Log) {
          detail::exp_row<n, true>(y + at, dx + at, T{});
          for (Index k = 0; k < n; ++k) dx[at + k] = g[at + k] - dx[at + k] * total;
        } else {
          detail::for_each_part<n, T>([&](auto part, Index k) STATOR_INLINE_LAMBDA {
            const auto slope = detail::load_part<part()>(g + at + k, T{}) - total;
            detail::store_part<part()>(detail::load_part<part()>(y + at + k, T{}) * slope, dx + at + k);
          });
        }
      });
    else
      Rows::template for_each_vector<T>(
          batch, [&]<class V>(Index at) STATOR_INLINE_LAMBDA { backward_rows<V>(y + at, g + at, dx + at); });
  }

private:
  // Rows whose elements lie beside each other, in the lanes of V.
  template<class V>
  STATOR_ALWAYS_INLINE static void forward_rows(const T* x, T* y) {
    V high = V::load(x), total(T{});
    for (Index k = 1; k < n; ++k) high = larger(high, V::load(x + k * step));
    for (Index k = 0; k < n; ++k) {
      const V e = detail::decay(V::load(x + k * step) - high);
      if constexpr (!Log) e.store(y + k * step);
      total += e;
    }
    if constexpr (Log) {
      const V shift = high + log(total);
      for (Index k = 0; k < n; ++k) (V::load(x + k * step) - shift).store(y + k * step);
    } else {
      for (Index k = 0; k < n; ++k) (V::load(y + k * step) / total).store(y + k * step);
    }
  }
  template<class V>
  STATOR_ALWAYS_INLINE static void backward_rows(const T* y, const T* g, T* dx) {
    V total(T{});
    for (Index k = 0; k < n; ++k)
      total += Log ? V::load(g + k * step) : V::load(g + k * step) * V::load(y + k * step);
    for (Index k = 0; k < n; ++k) {
      const V slope = V::load(g + k * step), v = V::load(y + k * step);
      if constexpr (Log)
        (slope - detail::decay(v) * total).store(dx + k * step);
      else
        (v * (slope - total)).store(dx + k * step);
    }
  }
};

} // namespace stator::kernel
