// SPDX-License-Identifier: BSL-1.0
// Special functions of single numbers, computed in their type: polygamma functions, modified Bessel
// functions, regularised incomplete gamma functions. Relative errors are below 1e-12 in double where the
// result does not pass through zero, and in float a few times what rounding the argument would make.
#pragma once

#include "stator/kernel/total.hpp"

#include <cmath>
#include <limits>

namespace stator::kernel {

namespace detail {

template<class T>
inline constexpr T pi_of = static_cast<T>(3.14159265358979323846);
template<class T>
inline constexpr T inf_of = std::numeric_limits<T>::infinity();
template<class T>
inline constexpr T nan_of = std::numeric_limits<T>::quiet_NaN();
/// What changes no sum that it is a part of.
template<class T>
inline constexpr T negligible = std::numeric_limits<T>::epsilon() / 16;

/// B_2j / (2j)! for j = 1, 2, ...: what the corrections of Euler and Maclaurin are made of.
template<class T>
inline constexpr T euler_maclaurin[] = {
    static_cast<T>(1.0 / 12),         static_cast<T>(-1.0 / 720),     static_cast<T>(1.0 / 30240),
    static_cast<T>(-1.0 / 1209600),   static_cast<T>(1.0 / 47900160), static_cast<T>(-691.0 / 1307674368000),
    static_cast<T>(1.0 / 74724249600)};

/// The Hurwitz zeta function, sum over k of (q + k)^-s, for s > 1 and q > 0: the first terms one by one, what
/// is left by the formula of Euler and Maclaurin.
template<class T>
T zeta(T s, T q) {
  T sum = 0;
  for (; q < 20 + s; ++q) sum += std::pow(q, -s);
  const T power = std::pow(q, -s);
  sum += power * q / (s - 1) + power / 2;
  T factor = s * power / q;
  for (int j = 0; j < 7; ++j) {
    sum += euler_maclaurin<T>[j] * factor;
    const T k = s + static_cast<T>(2 * j);
    factor *= (k + 1) * (k + 2) / (q * q);
  }
  return sum;
}

/// The n-th derivative of pi cot(pi x), by the polynomial in the cotangent that it is.
template<class T>
T cotangent_derivative(int n, T x) {
  constexpr int most = 64;
  if (n + 2 > most) return nan_of<T>;
  T p[most] = {0, pi_of<T>}; // coefficients of powers of the cotangent c; d/dx c = -pi (1 + c^2)
  for (int k = 0; k < n; ++k) {
    T next[most] = {};
    for (int i = 1; i <= k + 1; ++i) {
      const T slope = pi_of<T> * static_cast<T>(i) * p[i];
      next[i - 1] -= slope;
      next[i + 1] -= slope;
    }
    for (int i = 0; i <= k + 2; ++i) p[i] = next[i];
  }
  const T angle = pi_of<T> * (x - std::floor(x)), c = std::cos(angle) / std::sin(angle);
  T sum = 0;
  for (int i = n + 1; i >= 0; --i) sum = sum * c + p[i];
  return sum;
}

} // namespace detail

/// The digamma function, the derivative of log(gamma(x)): NaN at negative integers, infinite at zero with the
/// other sign than it, as in PyTorch.
template<class T>
T digamma(T x) {
  if (x == 0) return std::copysign(detail::inf_of<T>, -x);
  if (x < 0) {
    if (x == std::floor(x)) return detail::nan_of<T>;
    return digamma(1 - x) - detail::cotangent_derivative(0, x);
  }
  if (x == detail::inf_of<T>) return x;
  Total<T> sum; // terms of both signs
  for (; x < 20; ++x) sum.add(-1 / x);
  sum.add(std::log(x));
  sum.add(-1 / (2 * x));
  T power = 1 / (x * x), factorial = 1;
  for (int j = 0; j < 7; ++j) { // B_2j / (2j x^2j)
    sum.add(-detail::euler_maclaurin<T>[j] * factorial * power);
    factorial *= static_cast<T>((2 * j + 2) * (2 * j + 3));
    power /= x * x;
  }
  return sum.value();
}

/// The n-th derivative of the digamma function; infinite at 0 and at negative integers.
template<class T>
T polygamma(int n, T x) {
  if (n == 0) return digamma(x);
  if (x != x) return x;
  const T sign = n % 2 == 0 ? T{-1} : T{1};
  if (x <= 0) {
    if (x == std::floor(x)) return detail::inf_of<T>;
    return -sign * polygamma(n, 1 - x) - detail::cotangent_derivative(n, x);
  }
  if (x == detail::inf_of<T>) return 0;
  const T order = static_cast<T>(n) + 1;
  return sign * std::tgamma(order) * detail::zeta(order, x);
}

/// The modified Bessel function of the first kind of order 0 or 1: the power series, for large x the
/// asymptotic one. Source: Abramowitz and Stegun, 9.6.10 and 9.7.1.
template<class T>
T bessel_i(int order, T x) {
  if (x != x) return x;
  const T size = std::abs(x), sign = order == 1 && x < 0 ? T{-1} : T{1};
  T term = 1, sum = 1;
  if (size <= 30) {
    for (int k = 1; term > sum * detail::negligible<T>; ++k)
      sum += term *= size * size / static_cast<T>(4 * k * (k + order));
    return sign * (order == 1 ? size / 2 : T{1}) * sum;
  }
  for (int k = 1; std::abs(term) > detail::negligible<T> && k < 40; ++k)
    sum += term *= static_cast<T>((2 * k - 1) * (2 * k - 1) - 4 * order) / (8 * size * static_cast<T>(k));
  if (size == detail::inf_of<T>) return sign * size;
  const T half = std::exp(size / 2); // exp(size) is beyond the range before the product is
  return sign * half * (half * (sum / std::sqrt(2 * detail::pi_of<T> * size)));
}

namespace detail {

/// x^a exp(-x) / gamma(a + 1).
template<class T>
T gamma_density(T a, T x) {
  constexpr T few = sizeof(T) == 4 ? 8 : 20;
  if (a < few) return std::exp(a * std::log(x) - x - std::lgamma(a + 1));
  // by Stirling's series, so that large terms do not cancel
  const T d = (x - a) / a, b = 1 / (a * a);
  constexpr T c[] = {static_cast<T>(1.0 / 12), static_cast<T>(1.0 / 360), static_cast<T>(1.0 / 1260),
                     static_cast<T>(1.0 / 1680), static_cast<T>(1.0 / 1188)};
  const T stirling = (c[0] - b * (c[1] - b * (c[2] - b * (c[3] - b * c[4])))) / a;
  return std::exp(a * (std::log1p(d) - d) - stirling) / std::sqrt(2 * pi_of<T> * a);
}

/// The lower function by its series, or the upper one by its continued fraction (Lentz): where they converge
/// fast.
template<class T>
T incomplete_gamma(T a, T x, bool upper) {
  if (x < a + 1) {
    T term = 1, sum = 1;
    for (T k = a + 1; term > sum * negligible<T>; ++k) sum += term *= x / k;
    const T lower = sum * gamma_density(a, x);
    return upper ? 1 - lower : lower;
  }
  constexpr T tiny = std::numeric_limits<T>::min() * 16;
  T b = x + 1 - a, c = 1 / tiny, d = 1 / b, h = d;
  for (T i = 1;; ++i) {
    const T an = -i * (i - a);
    b += 2;
    d = an * d + b;
    c = b + an / c;
    d = 1 / (std::abs(d) < tiny ? tiny : d);
    c = std::abs(c) < tiny ? tiny : c;
    h *= d * c;
    if (std::abs(d * c - 1) <= std::numeric_limits<T>::epsilon() / 2 || i > 100'000) break;
  }
  const T above = h * a * gamma_density(a, x);
  return upper ? above : 1 - above;
}

} // namespace detail

/// The regularised incomplete gamma functions, P(a, x) or with `upper` Q(a, x) = 1 - P(a, x); NaN where a or
/// x is negative and where both are 0 or infinite, as in PyTorch. Source: Abramowitz and Stegun, 6.5.29
/// and 6.5.31.
template<class T>
T incomplete_gamma(T a, T x, bool upper) {
  if (a < 0 || x < 0 || (a == 0 && !(x > 0))) return detail::nan_of<T>;
  const T all = upper ? T{1} : T{0};
  if (x == 0) return all;
  if (a == detail::inf_of<T>) return x == a || x != x ? detail::nan_of<T> : all;
  if (a == 0 || x == detail::inf_of<T>) return 1 - all;
  if (a != a || x != x) return detail::nan_of<T>;
  return detail::incomplete_gamma(a, x, upper);
}

} // namespace stator::kernel
