// SPDX-License-Identifier: BSL-1.0
// Polynomials of a Simd, and what the functions of kernel/math/ know of the format of floating-point numbers.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/simd.hpp"

namespace stator::kernel::detail {

/// c0 + c1 x + c2 x^2 + ..., in Horner's order.
template<class T, Index W, class... C>
STATOR_ALWAYS_INLINE inline Simd<T, W> polynomial(const Simd<T, W>& x, double c0, C... c) {
  const Simd<T, W> lowest(static_cast<T>(c0));
  if constexpr (sizeof...(C) == 0)
    return lowest;
  else
    return mul_add(polynomial(x, c...), x, lowest);
}

template<class T>
struct format {
  static constexpr int mantissa = std::numeric_limits<T>::digits - 1;   ///< stored bits: 23, 52
  static constexpr int bias = std::numeric_limits<T>::max_exponent - 1; ///< 127, 1023
  static constexpr bits_of<T> sign = bits_of<T>{1} << (8 * sizeof(T) - 1);
  static constexpr bits_of<T> fraction = (bits_of<T>{1} << mantissa) - 1;
  static constexpr bits_of<T> one = bits_of<T>{static_cast<bits_of<T>>(bias)} << mantissa;
  /// Added to a number below 2^(mantissa - 1) it leaves the nearest integer in the low bits of the sum.
  static constexpr T round_to_integer = static_cast<T>(3) * static_cast<T>(bits_of<T>{1} << (mantissa - 1));
};

/// x with the sign of y; x is not negative.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> with_sign_of(const Simd<T, W>& x, const Simd<T, W>& y) {
  return from_bits<T>(bits(x) | (bits(y) & Simd<bits_of<T>, W>(format<T>::sign)));
}

/// x, not above `high`; NaN stays NaN.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> at_most(const Simd<T, W>& x, double high) {
  return smaller(x, Simd<T, W>(static_cast<T>(high)));
}
/// x, not below `low`; NaN stays NaN.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> at_least(const Simd<T, W>& x, double low) {
  return larger(x, Simd<T, W>(static_cast<T>(low)));
}

/// For functions without vector code: one element after the other.
template<class T, Index W, class F>
Simd<T, W> each(const Simd<T, W>& a, F f) {
  T x[static_cast<std::size_t>(W)];
  a.store(x);
  for (T& e : x) e = static_cast<T>(f(e));
  return Simd<T, W>::load(x);
}
template<class T, Index W, class F>
Simd<T, W> each(const Simd<T, W>& a, const Simd<T, W>& b, F f) {
  T x[static_cast<std::size_t>(W)], y[static_cast<std::size_t>(W)];
  a.store(x);
  b.store(y);
  for (std::size_t i = 0; i < static_cast<std::size_t>(W); ++i) x[i] = static_cast<T>(f(x[i], y[i]));
  return Simd<T, W>::load(x);
}

} // namespace stator::kernel::detail
