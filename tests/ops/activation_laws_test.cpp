// SPDX-License-Identifier: BSL-1.0
// One line an activation function: its derivative is right.
#include "ops/gradient_law.hpp"

using namespace stator;
using test::check_gradient;
using test::variable;

#define LAW(...) check_gradient([](const auto& x) { return __VA_ARGS__; }, variable<3, 5>(-4, 4))

TEST_CASE("the derivatives of activation functions are those of central differences") {
  LAW(nn::relu(x));
  LAW(nn::relu6(x * 3));
  LAW(nn::leaky_relu(x));
  LAW(nn::leaky_relu(x, 0.2));
  LAW(nn::threshold(x, 0.5, 20));
  LAW(nn::hardtanh(x));
  LAW(nn::hardtanh(x, -2, 0.5));
  LAW(nn::hardsigmoid(x));
  LAW(nn::hardswish(x));
  LAW(nn::softshrink(x));
  LAW(nn::softshrink(x, 0.7));
  LAW(nn::hardshrink(x));
  LAW(nn::tanhshrink(x));
}

TEST_CASE("the derivatives of smooth activation functions are those of central differences") {
  LAW(nn::sigmoid(x));
  LAW(nn::logsigmoid(x));
  LAW(nn::silu(x));
  LAW(nn::elu(x));
  LAW(nn::elu(x, 1.7));
  LAW(nn::selu(x));
  LAW(nn::celu(x, 0.6));
  LAW(nn::softplus(x));
  LAW(nn::softplus(x, 2, 3));
  LAW(nn::mish(x));
  LAW(nn::gelu(x));
  LAW(nn::gelu_tanh(x));
  LAW(nn::softsign(x));
}

TEST_CASE("the derivatives of choices are those of central differences") {
  const auto a = variable<3, 4>(-1, 1, 1), b = variable<3, 4>(-1, 1, 2);
  const auto row = variable<4>(-1, 1, 3);
  check_gradient([](const auto& x, const auto& y) { return maximum(x, y); }, a, b);
  check_gradient([](const auto& x, const auto& y) { return minimum(x, y); }, a, row);
  check_gradient([](const auto& x, const auto& y) { return where(gt(x, y), x * 2, y); }, a, row);
  check_gradient([](const auto& x) { return clamp(x, -0.5, 0.5); }, a);
  check_gradient([](const auto& x, const auto& w) { return nn::prelu(x, w); }, a, row);
}
