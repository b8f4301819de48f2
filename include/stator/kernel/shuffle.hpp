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

} // namespace stator::kernel
