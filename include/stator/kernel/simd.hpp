// SPDX-License-Identifier: BSL-1.0
// Portable vector registers on the vector extensions of GCC and clang, for kernels that choose their own
// register tiles. Vectors are only ever passed by reference to inlined functions, so no ABI depends on the
// target.
#pragma once

#include "stator/core/shape.hpp"

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

// Loops over registers must unroll for arrays of vectors to stay in registers.
#ifdef __clang__
#define STATOR_UNROLL _Pragma("clang loop unroll(full)")
#define STATOR_UNROLL_BY_4 _Pragma("clang loop unroll_count(4)")
#else
#define STATOR_UNROLL _Pragma("GCC unroll 32")
#define STATOR_UNROLL_BY_4 _Pragma("GCC unroll 4")
#endif

namespace stator::kernel {

#if defined(__AVX512F__)
inline constexpr Index vector_bytes = 64;
inline constexpr Index vector_registers = 32;
#elif defined(__AVX__)
inline constexpr Index vector_bytes = 32;
inline constexpr Index vector_registers = 16;
#elif defined(__aarch64__)
inline constexpr Index vector_bytes = 16;
inline constexpr Index vector_registers = 32;
#else
inline constexpr Index vector_bytes = 16;
inline constexpr Index vector_registers = 16;
#endif

/// Scalars with vector kernels; all others take plain loops.
template<class T>
inline constexpr bool vectorizable = std::is_same_v<T, float> || std::is_same_v<T, double>;

/// Elements of a vector register.
template<class T>
inline constexpr Index lanes = vectorizable<T> ? vector_bytes / static_cast<Index>(sizeof(T)) : 1;

/// Elements in 128 bits: shuffles within such quarters of a register are the cheap ones.
template<class T>
inline constexpr Index quad = 16 / static_cast<Index>(sizeof(T));

/// The narrowest vector that holds `n` elements, or the full register.
template<class T>
constexpr Index lanes_for(Index n) {
  Index w = quad<T>;
  while (w < n && w < lanes<T>) w *= 2;
  return w;
}

constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }
constexpr Index round_up(Index a, Index b) { return ceil_div(a, b) * b; }

namespace detail {
template<class T, Index W>
struct vector {
  typedef T type __attribute__((vector_size(static_cast<std::size_t>(W) * sizeof(T))));
};
} // namespace detail

/// A vector of W elements.
template<class T, Index W = lanes<T>>
using vec = typename detail::vector<T, W>::type;

/// Loads from any address.
template<class V, class T>
[[gnu::always_inline]] inline void load(V& v, const T* p) {
  __builtin_memcpy(&v, p, sizeof(V));
}
/// Stores to any address.
template<class V, class T>
[[gnu::always_inline]] inline void store(const V& v, T* p) {
  __builtin_memcpy(p, &v, sizeof(V));
}

/// The sum of all elements, as a tree.
template<class T, Index W, class V>
[[gnu::always_inline]] inline T horizontal_sum(const V& v) {
  if constexpr (W == 2) {
    return v[0] + v[1];
  } else {
    return [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
      constexpr int half = static_cast<int>(W / 2);
      const vec<T, W / 2> sum =
          __builtin_shufflevector(v, v, I...) + __builtin_shufflevector(v, v, (half + I)...);
      return horizontal_sum<T, W / 2>(sum);
    }(std::make_integer_sequence<int, static_cast<int>(W / 2)>{});
  }
}

/// The sum of the quarters of a vector.
template<class T, Index W, class V>
[[gnu::always_inline]] inline void fold(const V& v, vec<T, quad<T>>& out) {
  if constexpr (W == quad<T>) {
    out = v;
  } else {
    [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
      constexpr int half = static_cast<int>(W / 2);
      const vec<T, W / 2> sum =
          __builtin_shufflevector(v, v, I...) + __builtin_shufflevector(v, v, (half + I)...);
      fold<T, W / 2>(sum, out);
    }(std::make_integer_sequence<int, static_cast<int>(W / 2)>{});
  }
}

/// Elements of a and b in turn within each 128 bits: the lower halves, or the upper ones.
template<class T, Index W, int Upper, class V>
[[gnu::always_inline]] inline void interleave(const V& a, const V& b, V& out) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    constexpr int q = static_cast<int>(quad<T>);
    out = __builtin_shufflevector(
        a, b, (I / q * q + I % q / 2 + Upper * (q / 2) + (I % 2) * static_cast<int>(W))...);
  }(std::make_integer_sequence<int, static_cast<int>(W)>{});
}

/// The 64-bit halves of each 128 bits: lower of a, lower of b, or the upper ones.
template<class T, Index W, int Upper, class V>
[[gnu::always_inline]] inline void join_halves(const V& a, const V& b, V& out) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    constexpr int q = static_cast<int>(quad<T>), h = q / 2;
    out =
        __builtin_shufflevector(a, b, (I / q * q + I % h + Upper * h + (I % q / h) * static_cast<int>(W))...);
  }(std::make_integer_sequence<int, static_cast<int>(W)>{});
}

/// Loads 128 bits from each of `p`, `p + stride`, ... into the quarters of a vector.
template<class T, Index W, class V>
[[gnu::always_inline]] inline void load_quads(V& v, const T* p, Index stride) {
  if constexpr (W == quad<T>) {
    load(v, p);
  } else {
    vec<T, W / 2> low, high;
    load_quads<T, W / 2>(low, p, stride);
    load_quads<T, W / 2>(high, p + W / 2 / quad<T> * stride, stride);
    [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
      v = __builtin_shufflevector(low, high, I...);
    }(std::make_integer_sequence<int, static_cast<int>(W)>{});
  }
}

/// Stores the quarters of a vector to `p`, `p + stride`, ...
template<class T, Index W, class V>
[[gnu::always_inline]] inline void store_quads(const V& v, T* p, Index stride) {
  if constexpr (W == quad<T>) {
    store(v, p);
  } else {
    [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
      constexpr int half = static_cast<int>(W / 2);
      const vec<T, W / 2> low = __builtin_shufflevector(v, v, I...);
      const vec<T, W / 2> high = __builtin_shufflevector(v, v, (half + I)...);
      store_quads<T, W / 2>(low, p, stride);
      store_quads<T, W / 2>(high, p + W / 2 / quad<T> * stride, stride);
    }(std::make_integer_sequence<int, static_cast<int>(W / 2)>{});
  }
}

/// Transposes within each 128 bits: element j of quarter q of r[i] moves to element i of quarter q of r[j].
template<class T, Index W, class V>
[[gnu::always_inline]] inline void transpose_quads(V (&r)[quad<T>]) {
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
