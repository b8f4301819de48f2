// SPDX-License-Identifier: BSL-1.0
// One line an operation: the derivative of its derivative is right, by what comes in and by the operands.
#include "ops/gradient_law.hpp"

using namespace stator;
using test::check_gradient;
using test::derivative;
using test::variable;

namespace {
constexpr nn::InterpolateOptions twice{.scale_factor = {2}, .mode = "bilinear"};
}

#define LAW(op, ...)                                                                                         \
  check_gradient(                                                                                            \
      [](const auto& g, const auto& x) { return derivative(op, g, x __VA_OPT__(, ) __VA_ARGS__); },          \
      variable<3, 5>(-1, 1, 2), variable<3, 5>(-4, 4))

TEST_CASE("the second derivatives of smooth activation functions are those of central differences") {
  LAW(nn::silu);
  LAW(nn::elu);
  LAW(nn::elu, 1.7);
  LAW(nn::selu);
  LAW(nn::celu, 0.6);
  LAW(nn::softplus);
  LAW(nn::softplus, 2, 3);
  LAW(nn::mish);
  LAW(nn::gelu);
  LAW(nn::gelu_tanh);
  LAW(nn::softsign);
  LAW(nn::tanhshrink);
  LAW(nn::sigmoid);
  LAW(nn::logsigmoid);
  LAW(nn::tanh);
}

TEST_CASE("the second derivatives of piecewise functions are those of central differences") {
  LAW(nn::relu);
  LAW(nn::leaky_relu, 0.2);
  LAW(nn::hardswish);
  LAW(nn::softshrink);
  LAW(operation<ops::Pow>{}, 3);
  const auto a = variable<3, 4>(-1, 1, 1), g = variable<3, 4>(-1, 1, 2);
  const auto row = variable<4>(-1, 1, 3);
  const auto prelu = [](const auto&... x) { return derivative<0>(nn::prelu, x...); };
  check_gradient(prelu, g, a, row);
  check_gradient([](const auto&... x) { return derivative<1>(nn::prelu, x...); }, g, a, row);
  check_gradient([](const auto&... x) { return derivative<1>(operation<ops::Extremum<true>>{}, x...); }, g, a,
                 row);
}

TEST_CASE("the second derivatives of softmax are those of central differences") {
  LAW(nn::softmax<>);
  LAW(nn::softmax<0>);
  LAW(nn::log_softmax<>);
  LAW(nn::log_softmax<0>);
}

TEST_CASE("the second derivatives of paddings and interpolations are those of central differences") {
  const auto x = variable<1, 2, 3, 4>();
  check_gradient(
      [](const auto&... a) {
        return derivative(nn::pad_with<nn::PaddingMode::constant, 2.0, 1, 0, 2, 1>, a...);
      },
      variable<1, 2, 6, 5>(-1, 1, 2), x);
  check_gradient([](const auto&... a) { return derivative(nn::interpolate<twice>, a...); },
                 variable<1, 2, 6, 8>(-1, 1, 2), x);
}
