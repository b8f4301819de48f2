// SPDX-License-Identifier: BSL-1.0
// Elementwise functions at the ends of the range: denormal numbers, the largest, far tails. Each tensor is
// longer than a vector and no multiple of it, so that vectors and single elements are both met. Exact values
// from mpmath.
#include "catch.hpp"
#include "stator/ops/ops.hpp"
#include "stator/run/evaluation.hpp"

#include <cmath>
#include <limits>

using namespace stator;

namespace {

constexpr Index n = 35;

/// Whether each element of `y` is `exact`, to so many parts in a million.
template<class T>
void check(const Tensor<T, n>& y, double exact, double parts = 1) {
  for (const T e : y) {
    CAPTURE(e, exact);
    REQUIRE(std::abs(static_cast<double>(e) - exact) <= std::abs(exact) * parts * 1e-6);
  }
}
template<class T>
auto filled(double x) {
  Variable<T, n> v;
  v.fill_(static_cast<T>(x));
  return v;
}
/// A unit of the denormal floats, relative to x, in parts in a million.
double unit(double x) { return 0.51e6 * 0x1p-149 / std::abs(x); }

} // namespace

TEST_CASE("sqrt of denormal numbers is neither infinite nor without a gradient") {
  auto x = filled<float>(1e-21);
  auto root = sqrt(x * x);
  check(root.value(), 1e-21, 1e3); // the square has 9 bits left
  check(sqrt(filled<float>(1e-42)).value(), 1.000263517e-21, 1);
  sum(root).backward();
  for (const float g : x.grad()) REQUIRE(std::abs(g - 1) < 1e-2F);
  check(sqrt(filled<float>(std::numeric_limits<float>::max())).value(), 1.844674352e19);
  check(rsqrt(filled<double>(5e-324)).value(), 4.4989137945431964e161);
}

TEST_CASE("log of denormal numbers is exact, exp gives them") {
  check(log(filled<float>(1e-41)).value(), -94.40602223, 0.1);
  check(log(filled<double>(1e-310)).value(), -713.8013788281542, 1e-3);
  check(exp(filled<float>(-100)).value(), 3.7200760e-44, unit(3.72e-44));
  check(exp(filled<double>(-740)).value(), 4.18873988e-322, 1e6 * 2.5e-324 / 4.2e-322);
  check(exp(filled<float>(88.7)).value(), 3.32597683e38, 1);
}

TEST_CASE("gated activations of -infinity are NaN, as in PyTorch, and of large negative numbers 0") {
  const auto look = [](auto f) {
    const auto each = [&]<class T>(T) {
      constexpr double infinity = std::numeric_limits<double>::infinity();
      for (const T e : f(filled<T>(-infinity)).value()) REQUIRE(std::isnan(e));
      for (const T e : f(filled<T>(infinity)).value()) REQUIRE(e == std::numeric_limits<T>::infinity());
      for (const T e : f(filled<T>(-1e30)).value()) REQUIRE(e == 0);
    };
    each(float{});
    each(double{});
  };
  look(nn::gelu);
  look(nn::gelu_tanh);
  look(nn::silu);
  look(nn::mish);
  look(nn::hardswish);
}

TEST_CASE("gelu of a large number is the number, far tails keep their relative accuracy") {
  check(nn::gelu(filled<float>(2e38)).value(), 2e38);
  check(nn::gelu(filled<float>(-6)).value(), -5.91952587e-9);
  check(nn::gelu(filled<float>(-12)).value(), -2.131778534e-32);
  check(nn::gelu(filled<float>(-14)).value(), -1.091095155e-43, unit(1.09e-43));
  check(nn::gelu(filled<double>(-30)).value(), -1.472014178e-196, 1);
  check(nn::gelu_tanh(filled<float>(-5)).value(), -2.291796197e-7, 5);
  check(nn::silu(filled<float>(-50)).value(), -9.6437492e-21);
  check(nn::silu(filled<float>(-95)).value(), -5.245028163e-40, 1e6 * 0x1p-149 / 5e-40);
  check(nn::mish(filled<float>(-50)).value(), -9.6437492e-21);
  check(sigmoid(filled<float>(-100)).value(), 3.7200760e-44, unit(3.72e-44));
}

TEST_CASE("functions with a zero at 0 keep their relative accuracy there") {
  check(erf(filled<float>(1e-20)).value(), 1.1283792e-20);
  check(erf(filled<double>(1e-300)).value(), 1.1283791670955126e-300, 1e-8);
  check(expm1(filled<float>(1e-20)).value(), 1e-20);
  check(log1p(filled<float>(1e-42)).value(), 1.0005271e-42);
  check(tanh(filled<float>(1e-42)).value(), 1.0005271e-42);
  check(sin(filled<float>(-1e-42)).value(), -1.0005271e-42);
  check(nn::elu(filled<float>(-1e-20)).value(), -1e-20);
  check(nn::softplus(filled<float>(-80)).value(), 1.8048514e-35);
  check(nn::logsigmoid(filled<float>(80)).value(), -1.8048514e-35);
}

TEST_CASE("softmax of far smaller logits gives denormal probabilities") {
  Tensor<float, 1, 20> x;
  x.fill_(-100);
  x(0, 0) = 0;
  const auto y = nn::softmax<1>(x).value();
  CHECK(y(0, 0) == 1);
  CHECK(y(0, 1) == Approx(3.7200760e-44F).epsilon(0.02));
  CHECK(y(0, 19) == Approx(3.7200760e-44F).epsilon(0.02));
}
