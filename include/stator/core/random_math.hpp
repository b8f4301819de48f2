// SPDX-License-Identifier: BSL-1.0
// The elementary functions that PyTorch's normal_ and erfinv_ use, to the last bit. Each std::fma is one
// rounding of PyTorch's build, and no product stands beside a sum that a compiler could contract. Not for
// general use: libm is more precise.
#pragma once

#include "stator/core/bit_cast.hpp"

#include <cmath>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <numbers>

namespace stator::detail {

/// Natural logarithm of a normal x in (0, 1].
/// Source: Moshier, Cephes Mathematical Library, logf.
inline float fast_log(float x) {
  // x = mantissa * 2^exponent, mantissa in [sqrt(1/2), sqrt(2))
  const auto bits = bit_cast<std::uint32_t>(x);
  auto exponent = static_cast<float>(static_cast<std::int32_t>(bits >> 23) - 126);
  auto m = bit_cast<float>((bits & 0x007fffffU) | 0x3f000000U);
  if (m < 0.707106781186547524F)
    exponent -= 1.0F, m += m - 1.0F;
  else
    m -= 1.0F;
  float y = 7.0376836292E-2F;
  for (const float c : {-1.1514610310E-1F, 1.1676998740E-1F, -1.2420140846E-1F, 1.4249322787E-1F,
                        -1.6668057665E-1F, 2.0000714765E-1F, -2.4999993993E-1F, 3.3333331174E-1F})
    y = std::fma(y, m, c);
  const float m_squared = m * m;
  y = std::fma(y * m, m_squared, exponent * -2.12194440e-4F);
  y = std::fma(m_squared, -0.5F, y);
  return std::fma(exponent, 0.693359375F, m + y);
}

/// Sine and cosine of x >= 0.
/// Source: Moshier, Cephes Mathematical Library, sinf.
inline void fast_sincos(float x, float& sine, float& cosine) {
  const std::uint32_t octant = (static_cast<std::uint32_t>(x * 1.27323954473516F) + 1U) & ~1U;
  const auto turns = static_cast<float>(octant);
  // x - octant * pi / 4, with pi / 4 in three parts
  x = std::fma(turns, -0.78515625F, x);
  x = std::fma(turns, -2.4187564849853515625e-4F, x);
  x = std::fma(turns, -3.77489497744594108e-8F, x);
  const float z = x * x;
  float c = 2.443315711809948E-005F;
  c = std::fma(c, z, -1.388731625493765E-003F);
  c = std::fma(c, z, 4.166664568298827E-002F);
  c = std::fma(c * z, z, -0.5F * z) + 1.0F;
  float s = -1.9515295891E-4F;
  s = std::fma(s, z, 8.3321608736E-3F);
  s = std::fma(s, z, -1.6666654611E-1F);
  s = std::fma(s * z, x, x);
  const bool swap = (octant & 2U) != 0;
  sine = swap ? c : s;
  cosine = swap ? s : c;
  if ((octant & 4U) != 0) sine = -sine;
  if (((octant - 2U) & 4U) == 0) cosine = -cosine;
}

/// The x with erf(x) = y: a rational approximation and two steps of Newton's method.
/// Source: Pavlis 1996, a translation of MATLAB 2's erfinv.
template<std::floating_point T>
T erfinv(T y) {
  const T size = std::abs(y);
  if (size > 1) return std::numeric_limits<T>::quiet_NaN();
  if (size == 1) return std::copysign(std::numeric_limits<T>::infinity(), y);
  T x;
  if (size <= T(0.7)) {
    const T z = y * y;
    const T num = std::fma(std::fma(std::fma(T(-0.140543331), z, T(0.914624893)), z, T(-1.645349621)), z,
                           T(0.886226899));
    const T den = std::fma(std::fma(std::fma(std::fma(T(0.012229801), z, T(-0.329097515)), z, T(1.442710462)),
                                    z, T(-2.118377725)),
                           z, T(1));
    x = y * num / den;
  } else {
    const T z = std::sqrt(-std::log((1 - size) / 2));
    const T num = std::fma(std::fma(std::fma(T(1.641345311), z, T(3.429567803)), z, T(-1.624906493)), z,
                           T(-1.970840454));
    const T den = std::fma(std::fma(T(1.637067800), z, T(3.543889200)), z, T(1));
    x = std::copysign(num, y) / den;
  }
  const T slope = T(2) / static_cast<T>(std::sqrt(std::numbers::pi));
  for (int step = 0; step < 2; ++step) x = x - (std::erf(x) - y) / (slope * std::exp(-x * x));
  return x;
}

} // namespace stator::detail
