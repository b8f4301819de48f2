// SPDX-License-Identifier: BSL-1.0
// One line a product: its derivative is right.
#include "ops/gradient_law.hpp"

using namespace stator;
using test::check_gradient;
using test::variable;

namespace {
template<bool TA, bool TB>
void check_mm() {
  const auto a = [] {
    if constexpr (TA)
      return variable<4, 3>(-1, 1, 1);
    else
      return variable<3, 4>(-1, 1, 1);
  }();
  const auto b = [] {
    if constexpr (TB)
      return variable<5, 4>(-1, 1, 2);
    else
      return variable<4, 5>(-1, 1, 2);
  }();
  check_gradient([](const auto& x, const auto& y) { return operation<ops::Mm<TA, TB>>{}(x, y); }, a, b);
}
template<bool TA, bool TB>
void check_bmm() {
  const auto a = [] {
    if constexpr (TA)
      return variable<2, 4, 3>(-1, 1, 1);
    else
      return variable<2, 3, 4>(-1, 1, 1);
  }();
  const auto b = [] {
    if constexpr (TB)
      return variable<2, 5, 4>(-1, 1, 2);
    else
      return variable<2, 4, 5>(-1, 1, 2);
  }();
  check_gradient([](const auto& x, const auto& y) { return operation<ops::Bmm<TA, TB>>{}(x, y); }, a, b);
}
constexpr auto product = [](const auto& x, const auto& y) { return stator::matmul(x, y); };
} // namespace

TEST_CASE("the derivatives of matrix products are those of central differences, however the operands lie") {
  check_mm<false, false>();
  check_mm<true, false>();
  check_mm<false, true>();
  check_mm<true, true>();
}

TEST_CASE(
    "the derivatives of stacks of products are those of central differences, however the operands lie") {
  check_bmm<false, false>();
  check_bmm<true, false>();
  check_bmm<false, true>();
  check_bmm<true, true>();
}

TEST_CASE("the derivatives of matmul are those of central differences for all ranks") {
  check_gradient(product, variable<3>(), variable<3>(-1, 1, 2));
  check_gradient(product, variable<2, 3>(), variable<3>(-1, 1, 2));
  check_gradient(product, variable<3>(), variable<3, 2>(-1, 1, 2));
  check_gradient(product, variable<2, 2, 3>(), variable<3, 2>(-1, 1, 2));
  check_gradient(product, variable<2, 1, 2, 3>(), variable<4, 3, 2>(-1, 1, 2));
}

TEST_CASE("the derivatives of linear are those of central differences") {
  const auto x = variable<2, 4>();
  const auto rows = variable<2, 3, 4>();
  const auto w = variable<5, 4>(-1, 1, 2);
  const auto b = variable<5>(-1, 1, 3);
  const auto f = [](const auto&... a) { return nn::linear(a...); };
  check_gradient(f, x, w, b);
  check_gradient(f, x, w);
  check_gradient(f, rows, w, b);
}
