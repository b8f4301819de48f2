// SPDX-License-Identifier: BSL-1.0
// Functions of a Simd. An elementwise operation is written in them once, for vectors and single numbers
// alike:
//   template<class V> static V apply(V x) { return x / (V(1) + kernel::exp(-x)); }
// They are right for NaN, infinity, -0 and denormal numbers, and hold everywhere the error that stands here:
// the largest in units in the last place (ulp), of float over all numbers, of double over samples of all
// binades.
#pragma once

#include "stator/kernel/math/erf.hpp"
#include "stator/kernel/math/exp.hpp"
#include "stator/kernel/math/log.hpp"
#include "stator/kernel/math/sin.hpp"

namespace stator::kernel {

/// 1 / sqrt(x). Error: 1.5 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> rsqrt(const Simd<T, W>& x) {
  return Simd<T, W>(T{1}) / sqrt(x);
}

/// The largest integer that is not above x; exact.
template<std::floating_point T, Index W>
inline Simd<T, W> floor(const Simd<T, W>& x) {
  using V = Simd<T, W>;
  const V large(
      static_cast<T>(bits_of<T>{1} << detail::format<T>::mantissa)); // from here on all are integers
  const V size = abs(x);
  const V nearest = detail::with_sign_of((size + large) - large, x);
  const V below = select(nearest > x, nearest - T{1}, nearest);
  return select(size < large, detail::with_sign_of(abs(below), x), x);
}
/// The smallest integer that is not below x; exact.
template<std::floating_point T, Index W>
inline Simd<T, W> ceil(const Simd<T, W>& x) {
  return -floor(-x);
}

// One element after the other, by the C++ library.

using detail::each;

/// The tangent, element by element with the standard library's.
template<std::floating_point T, Index W>
inline Simd<T, W> tan(const Simd<T, W>& x) {
  return detail::each(x, [](T e) { return std::tan(e); });
}
/// The arctangent, element by element with the standard library's.
template<std::floating_point T, Index W>
inline Simd<T, W> atan(const Simd<T, W>& x) {
  return detail::each(x, [](T e) { return std::atan(e); });
}
/// Integer power; 0 (1, -1 for bases 1, -1) where the exponent is negative, as in PyTorch.
template<std::integral T>
inline Simd<T, 1> pow(Simd<T, 1> base, const Simd<T, 1>& exponent) {
  const Simd<T, 1> one(T{1});
  if (exponent.raw < T{}) {
    if (base.raw == T{1}) return one;
    if (base.raw == (-one).raw) return exponent.raw % 2 == 0 ? one : base;
    return Simd<T, 1>(T{});
  }
  Simd<T, 1> result = one;
  for (auto e = static_cast<std::uint64_t>(exponent.raw); e != 0; e >>= 1) {
    if ((e & 1U) != 0) result = result * base;
    base = base * base;
  }
  return result;
}
/// x to the power of y.
template<std::floating_point T, Index W>
inline Simd<T, W> pow(const Simd<T, W>& x, const Simd<T, W>& y) {
  return detail::each(x, y, [](T a, T b) { return std::pow(a, b); });
}

} // namespace stator::kernel
