// SPDX-License-Identifier: BSL-1.0
// One line an operation that rearranges: its derivative is right.
#include "ops/gradient_law.hpp"

using namespace stator;
using test::check_gradient;
using test::variable;

#define LAW(...) check_gradient([](const auto& x) { return __VA_ARGS__; }, variable<2, 3, 4>())

TEST_CASE("the derivatives of views and permutations are those of central differences") {
  LAW(view<6, 4>(x));
  LAW(view<2, -1>(x));
  LAW(flatten<1>(x));
  LAW(flatten<0, 1>(x));
  LAW(expand<5, 2, 3, 4>(x));
  LAW(unsqueeze<1>(x));
  LAW(squeeze<2>(unsqueeze<2>(x)));
  LAW(permute<2, 0, 1>(x));
  LAW(permute<0, 2, 1>(x));
  LAW(transpose<0, 1>(x));
  LAW(transpose<>(x));
}

TEST_CASE("the derivatives of parts and joins are those of central differences") {
  LAW(narrow<1, 1, 2>(x));
  LAW(narrow<-1, -3, 2>(x));
  LAW(stator::select<0, 1>(x));
  LAW(stator::select<2, -1>(x));
  const auto a = variable<2, 3, 2>(-1, 1, 1), c = variable<2, 3, 2>(-1, 1, 3);
  const auto b = variable<2, 1, 2>(-1, 1, 2);
  check_gradient([](const auto& x, const auto& y, const auto& z) { return cat<1>(x, y, z); }, a, b, c);
  check_gradient([](const auto& x, const auto& y) { return stack<1>(x, y); }, a, c);
  check_gradient(
      [](const auto& x) {
        auto [p, q] = split<1, 1, 2>(x);
        return sum(p) * q;
      },
      a);
}
