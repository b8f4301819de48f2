// SPDX-License-Identifier: BSL-1.0
// vec<T, W>: the bare vector, on the vector extensions of GCC and clang, and what is known of the machine's
// registers; for kernels that choose their own register tiles. Elementwise code is written in Simd<T, W>,
// kernel/simd.hpp. Vectors are only ever passed by reference to inlined functions, so no ABI depends on the
// target.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/shape.hpp"

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

// clang-format off
#if defined(__FAST_MATH__) && !defined(STATOR_ALLOW_FAST_MATH)
#error "stator: -ffast-math (-Ofast) assumes that no number is NaN or infinite and reorders roundings that the results \
rest on. Compile with -O3 -fno-math-errno -fno-trapping-math instead, or define STATOR_ALLOW_FAST_MATH, for which \
nothing is promised: functions lose their accuracy, and not only for special numbers."
#endif
// clang-format on

namespace stator::kernel {

#if defined(__AVX512F__)
/// Bytes of a vector register of the machine that is compiled for.
inline constexpr Index vector_bytes = 64;
/// Number of vector registers.
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
inline constexpr Index native_width = vectorizable<T> ? vector_bytes / static_cast<Index>(sizeof(T)) : 1;

/// Elements in 128 bits: shuffles within such quarters of a register are the cheap ones.
template<class T>
inline constexpr Index quad = 16 / static_cast<Index>(sizeof(T));

/// The narrowest vector that holds `n` elements, or the full register.
template<class T>
constexpr Index width_for(Index n) {
  Index w = quad<T>;
  while (w < n && w < native_width<T>) w *= 2;
  return w;
}

/// a / b, rounded up; both positive.
constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }
/// a rounded up to the next multiple of b.
constexpr Index round_up(Index a, Index b) { return ceil_div(a, b) * b; }

namespace detail {
template<class T, Index W>
struct vector {
  typedef T type // NOLINT(modernize-use-using): a size that depends on parameters
      STATOR_VECTOR_OF_BYTES(static_cast<std::size_t>(W) * sizeof(T));
};
template<class T>
struct vector<T, 1> {
  using type = T;
};
/// What comparing gives: all bits of an element set where it holds.
template<class T, Index W>
struct mask {
  using element = std::conditional_t<sizeof(T) == 8, std::int64_t,
                                     std::conditional_t<sizeof(T) == 4, std::int32_t, std::int8_t>>;
  using type = typename vector<element, W>::type;
};
template<class T>
struct mask<T, 1> {
  using type = bool;
};
} // namespace detail

/// A bare vector of W elements; T itself for one.
template<class T, Index W = native_width<T>>
using vec = typename detail::vector<T, W>::type;

/// Loads from any address.
template<class V, class T>
STATOR_ALWAYS_INLINE inline void load(V& v, const T* p) {
  STATOR_MEMCPY(&v, p, sizeof(V));
}
/// Loads what several operations use into a register: g++ would make it an operand in memory of each of them.
template<class V, class T>
STATOR_ALWAYS_INLINE inline void load_once(V& v, const T* p) {
  load(v, p);
  STATOR_IN_REGISTER(v);
}
/// Stores to any address.
template<class V, class T>
STATOR_ALWAYS_INLINE inline void store(const V& v, T* p) {
  STATOR_MEMCPY(p, &v, sizeof(V));
}

/// The sum of all elements, as a tree.
template<class T, Index W, class V>
STATOR_ALWAYS_INLINE inline T horizontal_sum(const V& v) {
  if constexpr (W == 2) {
    return v[0] + v[1];
  } else {
    return [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
      constexpr int half = static_cast<int>(W / 2);
      const vec<T, W / 2> sum =
          __builtin_shufflevector(v, v, I...) + __builtin_shufflevector(v, v, (half + I)...);
      return horizontal_sum<T, W / 2>(sum);
    }(std::make_integer_sequence<int, static_cast<int>(W / 2)>{});
  }
}

} // namespace stator::kernel
