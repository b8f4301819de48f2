// SPDX-License-Identifier: BSL-1.0
// log, log1p and what is made of them: softplus, log_sigmoid. x = 2^k (1 + f) with 1 + f in [sqrt(1/2),
// sqrt(2)). Coefficients: tests/reference/minimax.py. Errors are the largest found by
// tests/kernel/math_test.cpp.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/math/exp.hpp"

namespace stator::kernel {

namespace detail {

/// x = 2^k m for normal x > 0, m in [sqrt(1/2), sqrt(2)); k + bias is `biased`.
template<class T, Index W>
struct LogParts {
  Simd<T, W> m;
  Simd<bits_of<T>, W> biased;

  /// k - less as a number.
  STATOR_ALWAYS_INLINE Simd<T, W> k(const Simd<T, W>& less) const {
    using B = Simd<bits_of<T>, W>;
    constexpr T above = static_cast<T>(bits_of<T>{1} << format<T>::mantissa); // its low bits are an integer
    return from_bits<T>(biased | B(std::bit_cast<bits_of<T>>(above))) -
           (less + static_cast<T>(above + static_cast<T>(format<T>::bias)));
  }
};
template<class T, Index W>
STATOR_ALWAYS_INLINE inline LogParts<T, W> log_parts(const Simd<T, W>& x) {
  using B = Simd<bits_of<T>, W>;
  constexpr auto root_half = std::bit_cast<bits_of<T>>(static_cast<T>(0.70710678118654752440));
  const B moved = bits(x) + B(format<T>::one - root_half);
  return {from_bits<T>((moved & B(format<T>::fraction)) + B(root_half)), moved >> format<T>::mantissa};
}

/// k ln(2) + log(1 + f)
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> log_sum(const Simd<T, W>& k, const Simd<T, W>& f) {
  using V = Simd<T, W>;
  constexpr bool single = sizeof(T) == 4;
  // k times the first is exact.
  const V high(static_cast<T>(single ? 0x1.62e4p-1 : 0x1.62e42feep-1));
  const V low(static_cast<T>(single ? 0x1.7f7d1cp-20 : 0x1.a39ef35793c76p-33));
  if constexpr (single) {
    const V p = polynomial(f, -0.5, 0x1.55555p-2, -0x1.0001b4p-2, 0x1.99a302p-3, -0x1.548f5ap-3,
                           0x1.22a414p-3, -0x1.0c4d96p-3, 0x1.066a1ep-3, -0x1.418aap-4);
    return mul_add(k, high, f + mul_add(k, low, f * f * p));
  } else {
    // log(1 + f) = f - f^2 / 2 + s (f^2 / 2 + 2 atanh(s) / s - 2), s = f / (2 + f)
    const V s = f / (f + T(2)), z = s * s, half = f * f * T(0.5);
    const V r = z * polynomial(z, 0x1.5555555555592p-1, 0x1.999999997ff16p-2, 0x1.24924941e1dc5p-2,
                               0x1.c71c52135cec3p-3, 0x1.74663d351c69cp-3, 0x1.39a1e0621442dp-3,
                               0x1.2f041280da72ep-3);
    return mul_add(k, high, f - (half - mul_add(s, half + r, k * low)));
  }
}

/// `result`, a function of x that has log's values at infinity, below `least` (NaN) and there (-infinity).
template<class T, Index W>
STATOR_ALWAYS_INLINE inline Simd<T, W> log_ends(const Simd<T, W>& result, const Simd<T, W>& x, T least) {
  using V = Simd<T, W>;
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const V finite = select(x < V(infinity), result, x); // NaN as well
  return from_bits<T>(bits(select(x == V(least), V(-infinity), finite)) | bits(x < V(least)));
}

} // namespace detail

/// log(x). Error: 0.9 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> log(const Simd<T, W>& x) {
  using V = Simd<T, W>;
  constexpr int digits = std::numeric_limits<T>::digits;
  constexpr T up = static_cast<T>(bits_of<T>{1} << digits); // makes denormal numbers normal
  const auto denormal = x < V(std::numeric_limits<T>::min());
  const auto parts = detail::log_parts(select(denormal, x * up, x));
  const V k = parts.k(select(denormal, V(static_cast<T>(digits)), V(T{})));
  return detail::log_ends(detail::log_sum(k, parts.m - T{1}), x, T{});
}

/// log(1 + x). Error: 1.6 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> log1p(const Simd<T, W>& x) {
  using V = Simd<T, W>;
  using B = Simd<bits_of<T>, W>;
  const V u = x + T{1};
  const V back = u - x;
  const V lost = (x - (u - back)) + (T{1} - back); // 1 + x = u + lost
  const auto parts = detail::log_parts(u);
  // 2^-k; nothing is lost where that would not be a normal number.
  const V within = detail::at_most(u, sizeof(T) == 4 ? 0x1p120 : 0x1p1000);
  const V power = from_bits<T>(bits(parts.m) - bits(within) + B(detail::format<T>::one));
  const V f = mul_add(lost, power, parts.m - T{1});
  const V result = detail::log_ends(detail::log_sum(parts.k(V(T{})), f), x, T{-1});
  return select(x == V(T{}), x, result); // -0
}

/// log(1 + exp(x)). Error: 1.9 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> softplus(const Simd<T, W>& x) {
  using V = Simd<T, W>;
  return log1p(exp(-abs(x))) + select(x < V(T{}), V(T{}), x);
}

/// log(sigmoid(x)). Error: 1.9 ulp.
template<std::floating_point T, Index W>
inline Simd<T, W> log_sigmoid(const Simd<T, W>& x) {
  return -softplus(-x);
}

} // namespace stator::kernel
