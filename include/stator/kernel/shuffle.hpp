// SPDX-License-Identifier: BSL-1.0
// Elements of bare vectors moved between each other: interleaving and transposing within 128 bits, loads and
// stores of quarters. Transposing kernels and register tiles are made of it.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/vector.hpp"

namespace stator::kernel {

/// The sum of the quarters of a vector.
template<class T, Index W, class V>
STATOR_ALWAYS_INLINE inline void fold(const V& v, vec<T, quad<T>>& out) {
  if constexpr (W == quad<T>) {
    out = v;
  } else {
    [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
      constexpr int half = static_cast<int>(W / 2);
      const vec<T, W / 2> sum =
          __builtin_shufflevector(v, v, I...) + __builtin_shufflevector(v, v, (half + I)...);
      fold<T, W / 2>(sum, out);
    }(std::make_integer_sequence<int, static_cast<int>(W / 2)>{});
  }
}

/// Elements of a and b in turn within each 128 bits: the lower halves, or the upper ones.
template<class T, Index W, int Upper, class V>
STATOR_ALWAYS_INLINE inline void interleave(const V& a, const V& b, V& out) {
  [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
    constexpr int q = static_cast<int>(quad<T>);
    out = __builtin_shufflevector(
        a, b, (I / q * q + I % q / 2 + Upper * (q / 2) + (I % 2) * static_cast<int>(W))...);
  }(std::make_integer_sequence<int, static_cast<int>(W)>{});
}

/// The 64-bit halves of each 128 bits: lower of a, lower of b, or the upper ones.
template<class T, Index W, int Upper, class V>
STATOR_ALWAYS_INLINE inline void join_halves(const V& a, const V& b, V& out) {
  [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
    constexpr int q = static_cast<int>(quad<T>), h = q / 2;
    out =
        __builtin_shufflevector(a, b, (I / q * q + I % h + Upper * h + (I % q / h) * static_cast<int>(W))...);
  }(std::make_integer_sequence<int, static_cast<int>(W)>{});
}

/// Even and odd elements of two vectors that follow one another.
template<class T, Index W, class V>
STATOR_ALWAYS_INLINE inline void split(const V& a, const V& b, V& even, V& odd) {
  [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
    even = __builtin_shufflevector(a, b, (2 * I)...);
    odd = __builtin_shufflevector(a, b, (2 * I + 1)...);
  }(std::make_integer_sequence<int, static_cast<int>(W)>{});
}
/// The inverse of `split`: two vectors that follow one another, from their even and odd elements.
template<class T, Index W, class V>
STATOR_ALWAYS_INLINE inline void merge(const V& even, const V& odd, V& a, V& b) {
  [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
    constexpr int w = static_cast<int>(W), h = w / 2;
    a = __builtin_shufflevector(even, odd, (I / 2 + I % 2 * w)...);
    b = __builtin_shufflevector(even, odd, (h + I / 2 + I % 2 * w)...);
  }(std::make_integer_sequence<int, static_cast<int>(W)>{});
}

/// Loads 128 bits from each of `p`, `p + stride`, ... into the quarters of a vector.
template<class T, Index W, class V>
STATOR_ALWAYS_INLINE inline void load_quads(V& v, const T* p, Index stride) {
  if constexpr (W == quad<T>) {
    load(v, p);
  } else {
    vec<T, W / 2> low, high;
    load_quads<T, W / 2>(low, p, stride);
    load_quads<T, W / 2>(high, p + W / 2 / quad<T> * stride, stride);
    [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
      v = __builtin_shufflevector(low, high, I...);
    }(std::make_integer_sequence<int, static_cast<int>(W)>{});
  }
}

/// Loads 128 bits from each of p + offset[0], p + offset[quad<T>], ... into the quarters of a vector.
template<class T, Index W, class V>
STATOR_ALWAYS_INLINE inline void gather_quads(V& v, const T* p, const std::int32_t* offset) {
  if constexpr (W == quad<T>) {
    load(v, p + *offset);
  } else {
    vec<T, W / 2> low, high;
    gather_quads<T, W / 2>(low, p, offset);
    gather_quads<T, W / 2>(high, p, offset + W / 2);
    [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
      v = __builtin_shufflevector(low, high, I...);
    }(std::make_integer_sequence<int, static_cast<int>(W)>{});
  }
}

/// Stores the quarters of a vector, or their first `Part` elements, to `p`, `p + stride`, ...
template<class T, Index W, Index Part = quad<T>, class V>
STATOR_ALWAYS_INLINE inline void store_quads(const V& v, T* p, Index stride) {
  if constexpr (W == quad<T>) {
    STATOR_MEMCPY(p, &v, static_cast<std::size_t>(Part) * sizeof(T));
  } else {
    [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
      constexpr int half = static_cast<int>(W / 2);
      const vec<T, W / 2> low = __builtin_shufflevector(v, v, I...);
      const vec<T, W / 2> high = __builtin_shufflevector(v, v, (half + I)...);
      store_quads<T, W / 2, Part>(low, p, stride);
      store_quads<T, W / 2, Part>(high, p + W / 2 / quad<T> * stride, stride);
    }(std::make_integer_sequence<int, static_cast<int>(W / 2)>{});
  }
}

/// A vector twice as wide, its upper half without meaning. g++ has no portable spelling that costs nothing.
template<class T, Index W, class Half, class V>
STATOR_ALWAYS_INLINE inline void widen(const Half& low, V& v) {
  static_assert(sizeof v == 2 * sizeof low);
  [[maybe_unused]] constexpr bool single = sizeof(T) == 4;
  // clang-format off
#if defined(__AVX512F__) && !defined(__clang__)
  if constexpr (sizeof v == 64 && single) v = __builtin_ia32_ps512_256ps(low);
  else if constexpr (sizeof v == 64) v = __builtin_ia32_pd512_256pd(low);
  else
#endif
#if defined(__AVX__) && !defined(__clang__)
  if constexpr (sizeof v == 32 && single) v = __builtin_ia32_ps256_ps(low);
  else if constexpr (sizeof v == 32) v = __builtin_ia32_pd256_pd(low);
  else
#endif
    // clang-format on
    [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
      v = __builtin_shufflevector(low, low, (I < static_cast<int>(W / 2) ? I : -1)...);
    }(std::make_integer_sequence<int, static_cast<int>(W)>{});
}

/// Loads the first N elements: vectors half as wide, a quarter, ..., put together in a register. The others
/// have no meaning.
template<class T, Index W, Index N, class V>
STATOR_ALWAYS_INLINE inline void load_first(V& v, const T* p) {
  if constexpr (N == W) {
    load(v, p);
  } else if constexpr (W == 4 && N >= 2) { // a pair: clang keeps elements in registers of integers
    vec<T, 2> pair;
    load(pair, p);
    v = __builtin_shufflevector(pair, pair, 0, 1, -1, -1);
    if constexpr (N == 3) v[2] = p[2];
  } else if constexpr (W <= quad<T>) {
    [&]<int... I>(std::integer_sequence<int, I...>)
        STATOR_INLINE_LAMBDA { v = V{p[I]...}; }(std::make_integer_sequence<int, static_cast<int>(N)>{});
  } else if constexpr (N <= W / 2) {
    vec<T, W / 2> low;
    load_first<T, W / 2, N>(low, p);
    widen<T, W>(low, v);
  } else {
    vec<T, W / 2> low, high;
    load(low, p);
    load_first<T, W / 2, N - W / 2>(high, p + W / 2);
    [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
      v = __builtin_shufflevector(low, high, I...);
    }(std::make_integer_sequence<int, static_cast<int>(W)>{});
  }
}

/// Loads N elements and repeats them, so that every lane holds one that is there.
template<class T, Index W, Index N, class V>
STATOR_ALWAYS_INLINE inline void load_repeated(V& v, const T* p) {
  if constexpr (N == W) {
    load(v, p);
  } else {
    V once;
    load_first<T, W, N>(once, p);
    [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
      v = __builtin_shufflevector(once, once, (I % static_cast<int>(N))...);
    }(std::make_integer_sequence<int, static_cast<int>(W)>{});
  }
}

/// Stores the first N elements, likewise.
template<class T, Index W, Index N, class V>
STATOR_ALWAYS_INLINE inline void store_first(const V& v, T* p) {
  if constexpr (N == W) {
    store(v, p);
  } else if constexpr (W == 4 && N >= 2) {
    store(vec<T, 2>(__builtin_shufflevector(v, v, 0, 1)), p);
    if constexpr (N == 3) p[2] = v[2];
  } else if constexpr (W <= quad<T>) {
    p[0] = v[0];
  } else {
    [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
      constexpr int half = static_cast<int>(W / 2);
      store_first<T, W / 2, (N < W / 2 ? N : W / 2)>(vec<T, W / 2>(__builtin_shufflevector(v, v, I...)), p);
      if constexpr (N > W / 2)
        store_first<T, W / 2, N - W / 2>(vec<T, W / 2>(__builtin_shufflevector(v, v, (half + I)...)),
                                         p + W / 2);
    }(std::make_integer_sequence<int, static_cast<int>(W / 2)>{});
  }
}

/// Transposes within each 128 bits: element j of quarter q of r[i] moves to element i of quarter q of r[j].
template<class T, Index W, class V>
STATOR_ALWAYS_INLINE inline void transpose_quads(V (&r)[quad<T>]) {
  if constexpr (quad<T> == 2) {
    V t;
    interleave<T, W, 0>(r[0], r[1], t);
    interleave<T, W, 1>(r[0], r[1], r[1]);
    r[0] = t;
  } else {
    static_assert(quad<T> == 4);
    V t[4];
    interleave<T, W, 0>(r[0], r[1], t[0]);
    interleave<T, W, 1>(r[0], r[1], t[1]);
    interleave<T, W, 0>(r[2], r[3], t[2]);
    interleave<T, W, 1>(r[2], r[3], t[3]);
    join_halves<T, W, 0>(t[0], t[2], r[0]);
    join_halves<T, W, 1>(t[0], t[2], r[1]);
    join_halves<T, W, 0>(t[1], t[3], r[2]);
    join_halves<T, W, 1>(t[1], t[3], r[3]);
  }
}

/// Of four quarters of a vector, or two halves: the two of a that are named, then those of b.
template<class T, Index W, int First, int Second, class V>
STATOR_ALWAYS_INLINE inline void join_quarters(const V& a, const V& b, V& out) {
  [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
    constexpr int w = static_cast<int>(W), q = static_cast<int>(quad<T>), half = w / 2;
    // Of two halves, only the first name counts.
    out = __builtin_shufflevector(a, b, (I / half * w + (I % half / q == 0 ? First : Second) * q + I % q)...);
  }(std::make_integer_sequence<int, static_cast<int>(W)>{});
}

/// Transposes W vectors of W elements.
template<class T, Index W, class V>
STATOR_ALWAYS_INLINE inline void transpose_square(V (&r)[W]) {
  constexpr Index Q = quad<T>;
  STATOR_UNROLL
  for (Index g = 0; g < W; g += Q) {
    V t[Q];
    STATOR_UNROLL
    for (Index j = 0; j < Q; ++j) t[j] = r[g + j];
    transpose_quads<T, W>(t);
    STATOR_UNROLL
    for (Index j = 0; j < Q; ++j) r[g + j] = t[j];
  }
  // Now quarters are what changes places.
  static_assert(W / Q == 1 || W / Q == 2 || W / Q == 4);
  STATOR_UNROLL
  for (Index j = 0; j < Q; ++j) {
    if constexpr (W / Q == 2) {
      V low, high;
      join_quarters<T, W, 0, 0>(r[j], r[Q + j], low);
      join_quarters<T, W, 1, 1>(r[j], r[Q + j], high);
      r[j] = low, r[Q + j] = high;
    } else if constexpr (W / Q == 4) {
      V t[4];
      join_quarters<T, W, 0, 2>(r[j], r[Q + j], t[0]);
      join_quarters<T, W, 1, 3>(r[j], r[Q + j], t[1]);
      join_quarters<T, W, 0, 2>(r[2 * Q + j], r[3 * Q + j], t[2]);
      join_quarters<T, W, 1, 3>(r[2 * Q + j], r[3 * Q + j], t[3]);
      join_quarters<T, W, 0, 2>(t[0], t[2], r[j]);
      join_quarters<T, W, 0, 2>(t[1], t[3], r[Q + j]);
      join_quarters<T, W, 1, 3>(t[0], t[2], r[2 * Q + j]);
      join_quarters<T, W, 1, 3>(t[1], t[3], r[3 * Q + j]);
    }
  }
}

/// The sums within each 128 bits: element i of quarter q is that of quarter q of r[i].
template<class T, Index W, class V>
STATOR_ALWAYS_INLINE inline void sum_quads(const V* r, V& out) {
  const auto halves = [](const V& a, const V& b, V& sum) STATOR_INLINE_LAMBDA {
    V upper;
    interleave<T, W, 0>(a, b, sum);
    interleave<T, W, 1>(a, b, upper);
    sum += upper;
  };
  if constexpr (quad<T> == 2) {
    halves(r[0], r[1], out);
  } else {
    static_assert(quad<T> == 4);
    V low, high, upper;
    halves(r[0], r[1], low);
    halves(r[2], r[3], high);
    join_halves<T, W, 0>(low, high, out);
    join_halves<T, W, 1>(low, high, upper);
    out += upper;
  }
}

/// The sums of W vectors, in their order: each step adds one half of what two hold to the other.
template<class T, Index W, class V>
STATOR_ALWAYS_INLINE inline void sum_vectors(const V* r, V& out) {
  constexpr Index q = quad<T>;
  static_assert(W / q == 1 || W / q == 2 || W / q == 4);
  V part[W / q];
  STATOR_UNROLL
  for (Index i = 0; i < W / q; ++i) sum_quads<T, W>(r + i * q, part[i]);
  const auto add = []<int A, int B, int C, int D>(const V& a, const V& b, V& sum) STATOR_INLINE_LAMBDA {
    V other;
    join_quarters<T, W, C, D>(a, b, other);
    join_quarters<T, W, A, B>(a, b, sum);
    sum += other;
  };
  if constexpr (W == q) {
    out = part[0];
  } else if constexpr (W == 2 * q) {
    add.template operator()<0, 0, 1, 1>(part[0], part[1], out);
  } else {
    V low, high;
    add.template operator()<0, 1, 2, 3>(part[0], part[1], low);
    add.template operator()<0, 1, 2, 3>(part[2], part[3], high);
    add.template operator()<0, 2, 1, 3>(low, high, out);
  }
}

} // namespace stator::kernel
