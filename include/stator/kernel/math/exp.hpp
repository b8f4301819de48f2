// SPDX-License-Identifier: BSL-1.0
// exp and what is made of it: expm1, sigmoid, silu, tanh. x = n ln(2) + r with an integer n and |r| <= ln(2)
// / 2, then a polynomial in r and two multiplications by powers of two, so that results may be denormal
// numbers; for x <= 0 the second of these is a constant. Coefficients: tests/reference/minimax.py. Errors are
// the largest found by tests/kernel/math_test.cpp.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/math/polynomial.hpp"

namespace stator::kernel {

namespace detail {

/// exp(x) = (1 + rest) 2^n; the low bits of `n` hold n.
template<class T, Index W>
struct ExpParts {
  Simd<T, W> rest;
  Simd<bits_of<T>, W> n;

  /// 2^(n + plus), of which there must be a normal number.
  STATOR_ALWAYS_INLINE static Simd<T, W> power(const Simd<bits_of<T>, W>& n, int plus = 0) {
    const Simd<bits_of<T>, W> bias(static_cast<bits_of<T>>(format<T>::bias + plus));
    return from_bits<T>((n + bias) << format<T>::mantissa);
  }
  /// v 2^n with one rounding.
  STATOR_ALWAYS_INLINE Simd<T, W> scale(const Simd<T, W>& v) const {
    const Simd<bits_of<T>, W> half = n >> 1;
    return v * power(half) * power(n - half);
  }
};

/// exp(x) - 1 for the r = x - n ln(2) of x + low, and `shifted` = x / ln(2) + shift, whose low bits hold n:
/// |low| is small beside |x|, both are within the range in which n has few bits.
template<class T, Index W, class... Low>
STATOR_ALWAYS_INLINE inline ExpParts<T, W> exp_parts_shifted(T shift, const Simd<T, W>& x,
                                                             const Low&... low) {
  using V = Simd<T, W>;
  constexpr bool single = sizeof(T) == 4;
  const V log2_e(static_cast<T>(1.4426950408889634));
  const V shifted = mul_add((x + ... + low), log2_e, V(shift));
  const V n = shifted - V(shift);
  // n times the first is exact.
  const V high(static_cast<T>(single ? -0x1.62e4p-1 : -0x1.62e42feep-1));
  const V rest(static_cast<T>(single ? -0x1.7f7d1cp-20 : -0x1.a39ef35793c76p-33));
  const V r = mul_add(n, rest, (mul_add(n, high, x) + ... + low));
  V q;
  if constexpr (single)
    q = polynomial(r, 0x1p-1, 0x1.5554aep-3, 0x1.5554d2p-5, 0x1.12297p-7, 0x1.6d686p-10);
  else
    q = polynomial(r, 0x1p-1, 0x1.5555555555558p-3, 0x1.5555555555558p-5, 0x1.111111110fa2dp-7,
                   0x1.6c16c16c14edfp-10, 0x1.a01a01aec6992p-13, 0x1.a01a01ae20541p-16, 0x1.71ddfaac4b846p-19,
                   0x1.27e4ca40faabep-22, 0x1.af5b495e3b0d7p-26, 0x1.1f8f36518497cp-29);
  return {mul_add(r * r, q, r), bits(shifted)};
}
template<class T, Index W>
STATOR_ALWAYS_INLINE inline ExpParts<T, W> exp_parts(const Simd<T, W>& x) {
  return exp_parts_shifted(format<T>::round_to_integer, x);
}

/// exp(x) = (1 + rest) 2^n for x <= 0. Numbers are multiplied with 2^(n + lift), which is a normal number,
/// and then with 2^-lift, where they are rounded if they become denormal.
template<class T, Index W>
struct DecayParts {
  static constexpr int lift = sizeof(T) == 4 ? 100 : 512;
  Simd<T, W> rest;
  Simd<bits_of<T>, W> exponent; ///< n + lift where a number has its exponent

  /// v 2^(n + lift), of which v may be any factor.
  STATOR_ALWAYS_INLINE Simd<T, W> lifted(const Simd<T, W>& v) const {
    return v * from_bits<T>(exponent + Simd<bits_of<T>, W>(format<T>::one));
  }
  /// The same for v between 2^-20 and 2^20, by an addition; anything for NaN.
  STATOR_ALWAYS_INLINE Simd<T, W> lifted_ordinary(const Simd<T, W>& v) const {
    return from_bits<T>(bits(v) + exponent);
  }
  /// v 2^-lift
  STATOR_ALWAYS_INLINE static Simd<T, W> lowered(const Simd<T, W>& v) {
    return v * static_cast<T>(sizeof(T) == 4 ? 0x1p-100 : 0x1p-512);
  }
  /// v 2^n with one rounding.
  STATOR_ALWAYS_INLINE Simd<T, W> scale(const Simd<T, W>& v) const { return lowered(lifted(v)); }
  /// exp(x)
  STATOR_ALWAYS_INLINE Simd<T, W> value() const {
    const auto power = lifted_ordinary(Simd<T, W>(T{1}));
    return lowered(mul_add(power, rest, power));
  }
};

/// Of x + low, x from -150 (double: -1000) to 0, a little more by rounding.
template<class T, Index W, class... Low>
STATOR_ALWAYS_INLINE inline DecayParts<T, W> decay_parts(const Simd<T, W>& x, const Low&... low) {
  constexpr T shift = format<T>::round_to_integer + static_cast<T>(DecayParts<T, W>::lift);
  const auto parts = exp_parts_shifted(shift, x, low...);
  return {parts.rest, parts.n << format<T>::mantissa};
}

/// factor exp(x + low) for x <= 0, with one rounding where that is a denormal number.
template<class T, Index W, class... Low>
STATOR_ALWAYS_INLINE inline Simd<T, W> scaled_exp(const Simd<T, W>& factor, const Simd<T, W>& x,
                                                  const Low&... low) {
  const auto e = decay_parts(at_least(x, sizeof(T) == 4 ? -150 : -1000), low...);
  return e.scale(mul_add(factor, e.rest, factor));
}

/// exp(x) for x <= 0, or above by rounding. Error: 1.05 ulp.
template<std::floating_point T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> decay(const Simd<T, W>& x) {
  return decay_parts(at_least(x, sizeof(T) == 4 ? -104 : -746)).value();
}

} // namespace detail

/// exp(x). Error: 1.05 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> exp(const Simd<T, W>& x) {
  constexpr bool single = sizeof(T) == 4;
  const auto e =
      detail::exp_parts(detail::at_least(detail::at_most(x, single ? 89 : 710), single ? -104 : -746));
  return e.scale(e.rest + T{1});
}

/// exp(x) - 1. Error: 1.8 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> expm1(const Simd<T, W>& x) {
  using V = Simd<T, W>;
  constexpr bool single = sizeof(T) == 4;
  const auto e =
      detail::exp_parts(detail::at_least(detail::at_most(x, single ? 89 : 710), single ? -30 : -60));
  const V half = e.power(e.n, -1); // 2^n may be infinite
  const V y = mul_add(half, e.rest, half - T(0.5));
  return select(abs(x) < V(T(0x1p-60)), x, y + y);
}

/// tanh(x) = -expm1(-2 |x|) / (2 + expm1(-2 |x|)), with the sign of x. Error: 2.6 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> tanh(const Simd<T, W>& x) {
  const auto e = detail::exp_parts(detail::at_least(abs(x) * T(-2), sizeof(T) == 4 ? -30 : -60));
  const auto power = e.power(e.n);
  const auto y = mul_add(power, e.rest, power - T{1});
  return detail::with_sign_of(abs(y / (y + T(2))), x);
}

/// 1 / (1 + exp(-x)). Error: 2.5 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> sigmoid(const Simd<T, W>& x) {
  using V = Simd<T, W>;
  const V e = detail::decay(-abs(x));
  return select(x < V(T{}), e, V(T{1})) / (e + T{1});
}

namespace detail {
/// y, but NaN where x is -infinity: the product with a gate that is 0 there, which PyTorch computes.
template<class T, Index W>
inline Simd<T, W> gated_at_infinity(const Simd<T, W>& x, const Simd<T, W>& y) {
  using Limits = std::numeric_limits<T>;
  using V = Simd<T, W>;
  return select(x == V(-Limits::infinity()), V(Limits::quiet_NaN()), y);
}
} // namespace detail

/// x sigmoid(gate) for a gate of the sign of x, with full accuracy where little is left of x.
template<std::floating_point T, Index W>
inline Simd<T, W> gated(const Simd<T, W>& x, const Simd<T, W>& gate) {
  using V = Simd<T, W>;
  const V y = detail::at_least(-abs(gate), sizeof(T) == 4 ? -150 : -1000);
  const auto parts = detail::decay_parts(y);
  const V e = parts.value();
  // Beyond it nothing is left, not even of a number that is large.
  const V within = detail::at_least(x, sizeof(T) == 4 ? -150 : -1000);
  const V below = parts.scale(mul_add(within, parts.rest, within));
  return detail::gated_at_infinity(x, select(gate < V(T{}), below, x) / (e + T{1}));
}

/// x sigmoid(x), NaN at -infinity. Error: 2.7 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> silu(const Simd<T, W>& x) {
  return gated(x, x);
}

/// x tanh(log(1 + exp(x))) = x n / (n + 2), n = exp(x) (exp(x) + 2); NaN at -infinity. Error: 4 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> mish(const Simd<T, W>& x) {
  using V = Simd<T, W>;
  const V y = detail::at_least(-abs(x), sizeof(T) == 4 ? -150 : -1000);
  const auto parts = detail::decay_parts(y);
  const V e = parts.value(); // of -|x|: above 0 the fraction is that of exp(-2 x) n
  const V below = parts.scale(mul_add(y, parts.rest, y)) * (e + T(2)) / mul_add(e, e + T(2), V(T(2)));
  const V n = mul_add(e, V(T(2)), V(T{1}));
  const V y_above = x * (n / mul_add(e * e, V(T(2)), n));
  return detail::gated_at_infinity(x, select(x < V(T{}), below, y_above));
}

} // namespace stator::kernel
