// SPDX-License-Identifier: BSL-1.0
// erf, erfc, the distribution function of the normal distribution, gelu. erfc(z) = exp(-z^2) R(z) with a
// smooth R, so that the far tails keep their relative accuracy; z^2 is taken in two parts for that.
// Coefficients: tests/reference/minimax.py. Errors are the largest found by tests/kernel/math_test.cpp.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/math/exp.hpp"

namespace stator::kernel {

namespace detail {

/// exp(z^2) erfc(z) for z >= 0: a polynomial in (z - 3) / (z + 3), over z + 3.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> erfcx(const Simd<T, W>& z) {
  using V = Simd<T, W>;
  const V w = V(T{1}) / (z + T(3)), u = (z - T(3)) * w;
  if constexpr (sizeof(T) == 4) {
    return w * polynomial(u, 0x1.12f21ep+0, -0x1.c44c48p-1, 0x1.2e3258p-1, -0x1.3deadep-2, 0x1.e99bdcp-4,
                          -0x1.b7b39cp-6, -0x1.44f238p-10, 0x1.928342p-9, -0x1.ee2c7cp-12, -0x1.4af064p-12);
  } else { // even and odd powers separately: one chain of 22 would be bound by latency
    const V v = u * u;
    const V even = polynomial(v, 0x1.12f21ddd9f5e2p+0, 0x1.2e326945de1dbp-1, 0x1.e995f11b2b005p-4,
                              -0x1.3dd3e76b9abc8p-10, -0x1.1f78da867dc4dp-11, 0x1.c32409755c278p-14,
                              -0x1.250a4b5d6b7f7p-16, 0x1.71f5c6cd958f5p-19, -0x1.a8628d863c285p-22,
                              0x1.2e7c4c9aabe3bp-25, 0x1.05cfbf40f16cap-28, -0x1.aa50c857118a0p-30);
    const V odd = polynomial(v, -0x1.c44c471baa377p-1, -0x1.3deb21415db51p-2, -0x1.b78993d6e2295p-6,
                             0x1.8dae3a39c5ecbp-9, -0x1.223900fbc6fe6p-12, 0x1.fdffc9a38c689p-16,
                             -0x1.3eb604e33fb5cp-18, 0x1.0bc3b0249183dp-20, -0x1.ed9e5985bd9d3p-23,
                             0x1.8af87c6db9dfap-25, -0x1.737abb4aaccccp-28);
    return w * mul_add(u, odd, even);
  }
}

/// x^2 in two parts, of which the first is exact: it has few bits.
template<class T, Index W>
struct Square {
  Simd<T, W> high, low;
  STATOR_ALWAYS_INLINE explicit Square(const Simd<T, W>& x) {
    constexpr bits_of<T> upper = ~bits_of<T>{} << (format<T>::mantissa + 2) / 2;
    const Simd<T, W> head = from_bits<T>(bits(x) & Simd<bits_of<T>, W>(upper));
    high = head * head;
    low = (x - head) * (x + head);
  }
};

/// factor exp(-scale x^2), scale a power of two.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> gauss(const Simd<T, W>& factor, const Simd<T, W>& x, double scale) {
  const Square<T, W> square(x);
  return scaled_exp(factor, square.high * static_cast<T>(-scale), square.low * static_cast<T>(-scale));
}

/// Where nothing is left of erfc(z).
template<class T>
inline constexpr double erfc_end = sizeof(T) == 4 ? 10.5 : 27.5;

} // namespace detail

/// 1 - erf(x). Error: 6.5 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> erfc(const Simd<T, W>& x) {
  using V = Simd<T, W>;
  const V z = detail::at_most(abs(x), detail::erfc_end<T>);
  const V tail = detail::gauss(detail::erfcx(z), z, 1);
  return select(x < V(T{}), V(T(2)) - tail, tail);
}

/// erf(x). Error: 6.5 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> erf(const Simd<T, W>& x) {
  using V = Simd<T, W>;
  if constexpr (sizeof(T) == 4) {
    const V y = detail::at_least(detail::at_most(x, 3.93), -3.93), z = y * y;
    const V above = detail::polynomial(z, 0x1.20dd74p+0, 0x1.9b4fbep-3, 0x1.9f4796p-5, 0x1.e9f032p-9,
                                       0x1.2add94p-13, -0x1.066bccp-19, 0x1.5455b2p-26);
    const V below = detail::polynomial(z, 0x1p+0, 0x1.05cb6cp-1, 0x1.d89286p-4, 0x1.d8d306p-7, 0x1.f97d7p-11);
    return detail::at_least(detail::at_most(y * (above / below), 1), -1);
  } else {
    const V size = abs(x), z = detail::at_most(size, 1), v = z * z;
    const V near =
        z * detail::polynomial(v, 0x1.20dd750429b6dp+0, -0x1.812746b0379b1p-2, 0x1.ce2f21a040829p-4,
                               -0x1.b82ce311eb828p-6, 0x1.565bccf792fecp-8, -0x1.c02db0092eae5p-11,
                               0x1.f9a2b64de9995p-14, -0x1.f4ca110a351b9p-17, 0x1.b97db2553446cp-20,
                               -0x1.5bfb12fcef3dbp-23, 0x1.d6cd0e6d6c813p-27, -0x1.aad3588324e5cp-31);
    return detail::with_sign_of(select(size < V(T{1}), near, V(T{1}) - erfc(size)), x);
  }
}

namespace detail {

/// What the distribution function of the normal distribution, gelu and its derivative are made of, at |x|.
template<class T, Index W>
struct NormalTail {
  Simd<T, W> t;             ///< |x|, or where nothing is left of the tail
  Simd<T, W> half;          ///< exp(t^2 / 2) erfc(t / sqrt(2)) / 2
  DecayParts<T, W> density; ///< exp(-t^2 / 2)

  STATOR_ALWAYS_INLINE explicit NormalTail(const Simd<T, W>& x)
      : t(at_most(abs(x), erfc_end<T> * 1.4142135623730951)) {
    if constexpr (sizeof(T) == 4) { // even and odd powers separately: fewer roundings one after the other
      const Simd<T, W> v = t * t;
      const auto even = polynomial(v, 0x1p-1, 0x1.78826ap-3, 0x1.0fc54ep-8);
      const auto even_below = polynomial(v, 0x1p+0, 0x1.347c58p+0, 0x1.a351d8p-4);
      half = mul_add(t, polynomial(v, 0x1.c1a6b8p-2, 0x1.4e8c7p-5), even) /
             mul_add(t, polynomial(v, 0x1.ad158cp+0, 0x1.e26156p-2, 0x1.549c44p-7), even_below);
    } else {
      half = erfcx(t * T(0.70710678118654752440)) * T(0.5);
    }
    const Square<T, W> square(t);
    density = decay_parts(square.high * T(-0.5), square.low * T(-0.5));
  }
  /// factor exp(-t^2 / 2)
  STATOR_ALWAYS_INLINE Simd<T, W> times_density(const Simd<T, W>& factor) const {
    return density.scale(mul_add(factor, density.rest, factor));
  }
};

} // namespace detail

/// The distribution function of the normal distribution: erfc(-x / sqrt(2)) / 2. Error: 6.5 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> normal_cdf(const Simd<T, W>& x) {
  using V = Simd<T, W>;
  const detail::NormalTail<T, W> at(x);
  const V tail = at.times_density(at.half);
  return select(x < V(T{}), tail, V(T{1}) - tail);
}

/// x normal_cdf(x), NaN at -infinity. Error: 6.5 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> gelu(const Simd<T, W>& x) {
  using V = Simd<T, W>;
  const detail::NormalTail<T, W> at(x);
  const V lifted = at.t * at.density.lifted_ordinary(mul_add(at.half, at.density.rest, at.half));
  return detail::gated_at_infinity(x, detail::at_least(x, -0.0) - at.density.lowered(lifted));
}

/// The derivative of gelu: normal_cdf(x) + x exp(-x^2 / 2) / sqrt(2 pi), with one exponential, that of gelu
/// where both are computed. Error: 8 ulp of the larger of the two terms; the sum is 0 near -0.75.
template<std::floating_point T, Index W>
inline Simd<T, W> gelu_slope(const Simd<T, W>& x) {
  using V = Simd<T, W>;
  const detail::NormalTail<T, W> at(x);
  const V below = at.times_density(mul_add(at.t, T(-0.39894228040143267794), at.half)); // of -t
  return select(x < V(T{}), below, V(T{1}) - below);
}

} // namespace stator::kernel
