// SPDX-License-Identifier: BSL-1.0
// One line an elementwise operation: its derivative is right.
#include "ops/gradient_law.hpp"

using namespace stator;
using test::check_gradient;
using test::variable;

#define LAW(...) check_gradient([](const auto& x) { return __VA_ARGS__; }, variable<3, 5>(-3, 3))
#define LAW_ABOVE_0(...) check_gradient([](const auto& x) { return __VA_ARGS__; }, variable<3, 5>(0.2, 3))

TEST_CASE("the derivatives of functions of one number are those of central differences") {
  LAW(exp(x));
  LAW_ABOVE_0(log(x));
  LAW_ABOVE_0(log1p(x));
  LAW(expm1(x));
  LAW_ABOVE_0(sqrt(x));
  LAW_ABOVE_0(rsqrt(x));
  LAW(square(x));
  LAW(abs(x));
  LAW(sin(x));
  LAW(cos(x));
  LAW(tanh(x));
  LAW(erf(x));
  LAW(pow(x, 3));
  LAW_ABOVE_0(pow(x, -1.5));
  LAW_ABOVE_0(reciprocal(x));
  LAW(neg(x));
}

TEST_CASE("the derivatives of powers of tensors are those of central differences, and theirs") {
  const auto power = [](const auto& x, const auto& e) { return pow(x, e); };
  check_gradient(power, variable<3, 5>(0.5, 2), variable<3, 5>(-2, 2, 2));
  check_gradient(power, variable<3, 1>(0.5, 2), variable<5>(-2, 2, 2));
  LAW(pow(2, x));
  LAW(pow(x, to<double>(Tensor<std::int64_t, 3, 1>{1, 2, 3})));
  const auto second = [](const auto& g, const auto& x, const auto& e) {
    constexpr operation<ops::Pow> of;
    return test::derivative<0>(of, g, x, e) + test::derivative<1>(of, g, x, e);
  };
  check_gradient(second, variable<3, 5>(0.5, 1, 3), variable<3, 5>(0.5, 2), variable<3, 5>(-2, 2, 2));
}
