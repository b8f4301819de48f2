// SPDX-License-Identifier: BSL-1.0
// Arrays of float16 and bfloat16 to float and back, a register at a time. Exact one way, rounded to nearest,
// ties to even, the other: the results of single conversions (core/float16.hpp), bit by bit but for the
// payloads of NaN. Not by the machine's instruction from float to bfloat16 (AVX512_BF16), which makes 0 of
// numbers that are subnormal.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/float16.hpp"
#include "stator/core/parallel.hpp"
#include "stator/kernel/vector.hpp"

namespace stator::kernel {

namespace detail {

// No more than 32 bytes, for which F16C has an instruction: memory decides how fast this is.
inline constexpr Index half_width = vector_bytes < 32 ? vector_bytes / 4 : 8;
using HalfVector = vec<std::uint16_t, half_width>;
using HalfBits = vec<std::int16_t, half_width>; // as the machine's instructions take them
using WideVector = vec<std::uint32_t, half_width>;
using FloatVector = vec<float, half_width>;

/// mask ? a : b; the bits of mask are all set or all clear in each element.
STATOR_ALWAYS_INLINE inline void choose(WideVector& to, const WideVector& mask, const WideVector& a,
                                        const WideVector& b) {
  to = (a & mask) | (b & ~mask);
}
/// All bits where x >= least; both below 2^31.
STATOR_ALWAYS_INLINE inline void at_least(WideVector& to, const WideVector& x, std::uint32_t least) {
  to = (WideVector)(((vec<std::int32_t, half_width>)x) >= static_cast<std::int32_t>(least));
}

/// Numbers of 16 bits as numbers of 32; g++ takes several instructions for what is one.
template<Index W>
STATOR_ALWAYS_INLINE inline void extend(vec<std::uint32_t, W>& to, const vec<std::uint16_t, W>& from) {
#if defined(__AVX2__) && !defined(__clang__)
  if constexpr (W == 8) {
    to = (vec<std::uint32_t, W>)__builtin_ia32_pmovzxwd256((vec<std::int16_t, W>)from);
    return;
  }
#ifdef __AVX512F__
  if constexpr (W == 16) {
    to = (vec<std::uint32_t, W>)__builtin_ia32_pmovzxwd512_mask((vec<std::int16_t, W>)from,
                                                                vec<std::int32_t, W>{}, 0xFFFF);
    return;
  }
#endif
#endif
  to = __builtin_convertvector(from, vec<std::uint32_t, W>);
}

STATOR_ALWAYS_INLINE inline void widen_bits(FloatVector& to, const HalfVector& from, bfloat16) {
  WideVector bits;
  extend<half_width>(bits, from);
  to = (FloatVector)(bits << 16);
}
STATOR_ALWAYS_INLINE inline void widen_bits(FloatVector& to, const HalfVector& from, float16) {
#ifdef __F16C__
  to = (FloatVector)__builtin_ia32_vcvtph2ps256((HalfBits)from);
#else
  const WideVector x = __builtin_convertvector(from, WideVector);
  const WideVector magnitude = x & 0x7FFFU;
  WideVector large, normal, bits;
  at_least(large, magnitude, 0x7C00U); // infinity and NaN
  at_least(normal, magnitude, 0x400U);
  bits = (magnitude << 13) + (112U << 23) + (large & (112U << 23));
  const FloatVector subnormal =
      __builtin_convertvector((vec<std::int32_t, half_width>)magnitude, FloatVector) * 0x1p-24F;
  choose(bits, normal, bits, (WideVector)subnormal);
  to = (FloatVector)(bits | (x & 0x8000U) << 16);
#endif
}

STATOR_ALWAYS_INLINE inline void narrow_bits(HalfVector& to, const FloatVector& from, bfloat16) {
  const WideVector x = (WideVector)from;
  WideVector nan, bits;
  at_least(nan, x & 0x7FFFFFFFU, 0x7F800001U);
  // Adding a half less one, and one for odd numbers, carries where rounding goes up.
  bits = (x + 0x7FFFU + (x >> 16 & 1U)) >> 16;
  choose(bits, nan, (x >> 16 & 0x8000U) | 0x7FC0U, bits);
  to = __builtin_convertvector(bits, HalfVector);
}
STATOR_ALWAYS_INLINE inline void narrow_bits(HalfVector& to, const FloatVector& from, float16) {
#ifdef __F16C__
  to = (HalfVector)__builtin_ia32_vcvtps2ph256(from, 0);
#else
  const WideVector x = (WideVector)from;
  const WideVector magnitude = x & 0x7FFFFFFFU;
  WideVector nan, normal, over, bits;
  at_least(nan, magnitude, 0x7F800001U);
  at_least(normal, magnitude, 113U << 23);
  at_least(over, magnitude, 0x477FF000U); // what rounds to 65536 or is more
  bits = (magnitude - (112U << 23) + 0xFFFU + (magnitude >> 13 & 1U)) >> 13;
  // The sum has the subnormal's place value in its last bit: the addition rounds.
  const WideVector sum = (WideVector)((FloatVector)magnitude + 0.5F);
  choose(bits, normal, bits, sum - 0x3F000000U);
  choose(bits, over, WideVector{} + 0x7C00U, bits);
  choose(bits, nan, WideVector{} + 0x7E00U, bits);
  to = __builtin_convertvector(bits | (x >> 16 & 0x8000U), HalfVector);
#endif
}

/// Elements from which threads are worth starting.
inline constexpr Index parallel_halves = Index{1} << 19;

/// f(begin, end) for all of [0, n), by several threads where that is worth while.
template<class F>
void in_parts(Index n, const F& f) {
  if (n > parallel_halves)
    parallel_for(n, parallel_halves / 8, [&f](Index from, Index to, int) { f(from, to); });
  else
    f(Index{0}, n);
}

} // namespace detail

/// float16 or bfloat16.
template<class T>
concept Half = std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>;

/// Loads as many numbers as V has elements, which are floats.
template<class V, Half T>
STATOR_ALWAYS_INLINE inline void load(V& v, const T* p) {
  constexpr auto width = static_cast<Index>(sizeof(V) / sizeof(float));
  if constexpr (std::is_same_v<T, bfloat16>) {
    vec<std::uint16_t, width> bits;
    vec<std::uint32_t, width> wide;
    STATOR_MEMCPY(&bits, p, sizeof bits);
    detail::extend<width>(wide, bits);
    v = (V)(wide << 16);
#if defined(__AVX512F__) && !defined(__clang__)
  } else if constexpr (width == 16) {
    vec<std::int16_t, width> bits;
    STATOR_MEMCPY(&bits, p, sizeof bits);
    v = (V)__builtin_ia32_vcvtph2ps512_mask(bits, V{}, -1, 4);
#endif
  } else {
    constexpr Index parts = width / detail::half_width;
    detail::HalfVector bits[static_cast<std::size_t>(parts)];
    detail::FloatVector floats[static_cast<std::size_t>(parts)];
    STATOR_MEMCPY(bits, p, sizeof bits);
    STATOR_UNROLL
    for (Index i = 0; i < parts; ++i) detail::widen_bits(floats[i], bits[i], T{});
    STATOR_MEMCPY(&v, floats, sizeof v);
  }
}

/// to[i] = from[i], exactly.
template<Half T>
void widen(float* to, const T* from, Index n) {
  detail::in_parts(n, [=](Index begin, Index end) {
    detail::HalfVector x{};
    detail::FloatVector y;
    Index i = begin;
    for (; i + detail::half_width <= end; i += detail::half_width) {
      STATOR_MEMCPY(&x, from + i, sizeof x);
      detail::widen_bits(y, x, T{});
      store(y, to + i);
    }
    if (i == end) return;
    STATOR_MEMCPY(&x, from + i, static_cast<std::size_t>(end - i) * sizeof(T));
    detail::widen_bits(y, x, T{});
    STATOR_MEMCPY(to + i, &y, static_cast<std::size_t>(end - i) * sizeof(float));
  });
}

/// to[i] = the number nearest to from[i].
template<Half T>
void narrow(T* to, const float* from, Index n) {
  detail::in_parts(n, [=](Index begin, Index end) {
    detail::FloatVector x{};
    detail::HalfVector y;
    Index i = begin;
    for (; i + detail::half_width <= end; i += detail::half_width) {
      load(x, from + i);
      detail::narrow_bits(y, x, T{});
      store(y, to + i);
    }
    if (i == end) return;
    STATOR_MEMCPY(&x, from + i, static_cast<std::size_t>(end - i) * sizeof(float));
    detail::narrow_bits(y, x, T{});
    STATOR_MEMCPY(to + i, &y, static_cast<std::size_t>(end - i) * sizeof(T));
  });
}

} // namespace stator::kernel
