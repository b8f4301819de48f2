// SPDX-License-Identifier: BSL-1.0
// Special functions of single numbers, in double: polygamma functions, modified Bessel functions, regularised
// incomplete gamma functions. Relative errors are below 1e-12 where the result does not pass through zero.
#pragma once

#include "stator/core/requirements.hpp"

#include <cmath>
#include <limits>

namespace stator::kernel {

namespace detail {

inline constexpr double pi_double = 3.14159265358979323846,
                        inf_double = std::numeric_limits<double>::infinity(),
                        nan_double = std::numeric_limits<double>::quiet_NaN();

/// B_2j / (2j)! for j = 1, 2, ...: what the corrections of Euler and Maclaurin are made of.
inline constexpr double euler_maclaurin[] = {1.0 / 12,         -1.0 / 720,     1.0 / 30240,
                                             -1.0 / 1209600,   1.0 / 47900160, -691.0 / 1307674368000,
                                             1.0 / 74724249600};

/// The Hurwitz zeta function, sum over k of (q + k)^-s, for s > 1 and q > 0: the first terms one by one, what
/// is left by the formula of Euler and Maclaurin.
inline double zeta(double s, double q) {
  double sum = 0;
  for (; q < 20 + s; ++q) sum += std::pow(q, -s);
  double power = std::pow(q, -s);
  sum += power * q / (s - 1) + power / 2;
  double factor = s * power / q;
  for (int j = 0; j < 7; ++j) {
    sum += euler_maclaurin[j] * factor;
    factor *= (s + 2 * j + 1) * (s + 2 * j + 2) / (q * q);
  }
  return sum;
}

/// The n-th derivative of pi cot(pi x), by the polynomial in the cotangent that it is.
inline double cotangent_derivative(int n, double x) {
  constexpr int most = 64;
  if (n + 2 > most) return nan_double;
  double p[most] = {0, pi_double}; // coefficients of powers of the cotangent c; d/dx c = -pi (1 + c^2)
  for (int k = 0; k < n; ++k) {
    double next[most] = {};
    for (int i = 1; i <= k + 1; ++i) {
      next[i - 1] -= pi_double * i * p[i];
      next[i + 1] -= pi_double * i * p[i];
    }
    for (int i = 0; i <= k + 2; ++i) p[i] = next[i];
  }
  const double angle = pi_double * (x - std::floor(x)), c = std::cos(angle) / std::sin(angle);
  double sum = 0;
  for (int i = n + 1; i >= 0; --i) sum = sum * c + p[i];
  return sum;
}

} // namespace detail

/// The digamma function, the derivative of log(gamma(x)): NaN at negative integers, infinite at zero with the
/// other sign than it, as in PyTorch.
inline double digamma(double x) {
  if (x == 0) return std::copysign(detail::inf_double, -x);
  if (x < 0) {
    if (x == std::floor(x)) return detail::nan_double;
    return digamma(1 - x) - detail::cotangent_derivative(0, x);
  }
  if (x == detail::inf_double) return x;
  double sum = 0;
  for (; x < 20; ++x) sum -= 1 / x;
  double power = 1 / (x * x), factorial = 1;
  sum += std::log(x) - 0.5 / x;
  for (int j = 0; j < 7; ++j) { // B_2j / (2j x^2j)
    sum -= detail::euler_maclaurin[j] * factorial * power;
    factorial *= (2 * j + 2) * (2 * j + 3);
    power /= x * x;
  }
  return sum;
}

/// The n-th derivative of the digamma function; infinite at 0 and at negative integers.
inline double polygamma(int n, double x) {
  if (n == 0) return digamma(x);
  if (x != x) return x;
  const double sign = n % 2 == 0 ? -1 : 1;
  if (x <= 0) {
    if (x == std::floor(x)) return detail::inf_double;
    return -sign * polygamma(n, 1 - x) - detail::cotangent_derivative(n, x);
  }
  if (x == detail::inf_double) return 0;
  return sign * std::tgamma(n + 1.0) * detail::zeta(n + 1.0, x);
}

/// The modified Bessel function of the first kind of order 0 or 1: the power series, for large x the
/// asymptotic one. Source: Abramowitz and Stegun, 9.6.10 and 9.7.1.
inline double bessel_i(int order, double x) {
  if (x != x) return x;
  const double size = std::abs(x), sign = order == 1 && x < 0 ? -1 : 1;
  double term = 1, sum = 1;
  if (size <= 30) {
    for (int k = 1; term > sum * 1e-17; ++k) sum += term *= size * size / (4.0 * k * (k + order));
    return sign * (order == 1 ? size / 2 : 1) * sum;
  }
  if (size > 720) return sign * detail::inf_double;
  for (int k = 1; std::abs(term) > 1e-17 && k < 40; ++k)
    sum += term *= -(4.0 * order - (2.0 * k - 1) * (2.0 * k - 1)) / (8 * size * k);
  return sign * std::exp(size - 0.5 * std::log(2 * detail::pi_double * size)) * sum;
}

namespace detail {

/// x^a exp(-x) / gamma(a + 1).
inline double gamma_density(double a, double x) {
  if (a < 20) return std::exp(a * std::log(x) - x - std::lgamma(a + 1));
  // by Stirling's series, so that large terms do not cancel
  const double d = (x - a) / a, b = 1 / (a * a);
  const double stirling = (1.0 / 12 - b * (1.0 / 360 - b * (1.0 / 1260 - b * (1.0 / 1680 - b / 1188)))) / a;
  return std::exp(a * (std::log1p(d) - d) - stirling) / std::sqrt(2 * pi_double * a);
}

/// The lower function by its series, or the upper one by its continued fraction (Lentz): where they converge
/// fast.
inline double incomplete_gamma(double a, double x, bool upper) {
  if (x < a + 1) {
    double term = 1, sum = 1;
    for (double k = a + 1; term > sum * 1e-17; ++k) sum += term *= x / k;
    const double lower = sum * gamma_density(a, x);
    return upper ? 1 - lower : lower;
  }
  constexpr double tiny = 1e-300;
  double b = x + 1 - a, c = 1 / tiny, d = 1 / b, h = d;
  for (double i = 1;; ++i) {
    const double an = -i * (i - a);
    b += 2;
    d = an * d + b;
    c = b + an / c;
    d = 1 / (std::abs(d) < tiny ? tiny : d);
    c = std::abs(c) < tiny ? tiny : c;
    h *= d * c;
    if (std::abs(d * c - 1) < 1e-16 || i > 1e6) break;
  }
  const double above = h * a * gamma_density(a, x);
  return upper ? above : 1 - above;
}

} // namespace detail

/// The regularised incomplete gamma functions, P(a, x) or with `upper` Q(a, x) = 1 - P(a, x); NaN where a or
/// x is negative and where both are 0 or infinite, as in PyTorch. Source: Abramowitz and Stegun, 6.5.29
/// and 6.5.31.
inline double incomplete_gamma(double a, double x, bool upper) {
  if (a < 0 || x < 0 || (a == 0 && !(x > 0))) return detail::nan_double;
  if (x == 0) return upper ? 1 : 0;
  if (a == detail::inf_double) return x == a || x != x ? detail::nan_double : upper ? 1 : 0;
  if (a == 0 || x == detail::inf_double) return upper ? 0 : 1;
  if (a != a || x != x) return detail::nan_double;
  return detail::incomplete_gamma(a, x, upper);
}

} // namespace stator::kernel
