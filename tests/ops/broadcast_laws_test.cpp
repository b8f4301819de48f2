// SPDX-License-Identifier: BSL-1.0
// The four operators with every pattern of broadcasting: their derivatives are right.
#include "ops/gradient_law.hpp"

using namespace stator;
using test::check_gradient;
using test::variable;

namespace {
template<class A, class B>
void check_operators(const A& a, const B& b) {
  check_gradient([](const auto& x, const auto& y) { return x + y; }, a, b);
  check_gradient([](const auto& x, const auto& y) { return x - y; }, a, b);
  check_gradient([](const auto& x, const auto& y) { return x * y; }, a, b);
  check_gradient([](const auto& x, const auto& y) { return x / y; }, a, b);
}
} // namespace

TEST_CASE("the derivatives of operators are those of central differences, however the operands broadcast") {
  const auto full = variable<2, 3, 4>(0.5, 2, 1);
  check_operators(full, variable<2, 3, 4>(0.5, 2, 2));
  check_operators(full, variable<4>(0.5, 2, 2));
  check_operators(variable<3, 1>(0.5, 2, 2), full);
  check_operators(full, variable<2, 1, 4>(0.5, 2, 2));
  check_operators(variable<1>(0.5, 2, 2), full);
  check_operators(variable<3, 1>(0.5, 2, 1), variable<4>(0.5, 2, 2));
  check_operators(full, variable<>(0.5, 2, 2));
}

TEST_CASE("the derivatives of operators with numbers are those of central differences") {
  const auto x = variable<2, 3>(0.5, 2);
  check_gradient([](const auto& a) { return 2.0 + a * 3.0 - 1.0 / a; }, x);
  check_gradient([](const auto& a) { return (1.0 - a) / 2.0; }, x);
}
