// SPDX-License-Identifier: BSL-1.0
// The derivatives of LSTMs with projected hidden states, in both orders and both directions.
#include "ops/gradient_law.hpp"
#include "stator/ops/projected_lstm.hpp"

using namespace stator;
using test::check_gradient;
using test::variable;

namespace {
/// The hidden states and the last cell in one number, with operands gates, weight, h, c, projection, bias.
template<bool TimeMajor, bool Reverse, bool Cells>
constexpr auto loss_of = [](const auto&... a) {
  using Op = ops::ProjectedLstm<3, 2, TimeMajor, Reverse, Cells>;
  const auto y = operation<Op>{}(a...);
  const auto states = sum(square(Op::states(y)));
  if constexpr (Cells)
    return states + sum(exp(operation<typename Op::LastCell>{}(y)));
  else
    return states;
};
/// The sum of the squares of all its first derivatives.
template<bool TimeMajor, bool Reverse, bool Cells>
constexpr auto slopes_of = [](const auto&... a) {
  return std::apply([](const auto&... d) { return (sum(square(d)) + ...); },
                    grad(loss_of<TimeMajor, Reverse, Cells>(a...), a...));
};
} // namespace

TEST_CASE("the derivatives of projected LSTMs are those of central differences") {
  const auto w = variable<12, 2>();
  const auto h = variable<2, 2>();
  const auto c = variable<2, 3>(-1, 1, 5);
  const auto r = variable<2, 3>(-1, 1, 9);
  const auto bias = variable<12>();
  check_gradient(loss_of<false, true, false>, variable<2, 4, 12>(), w, h, c, r, bias);
  check_gradient(loss_of<true, false, true>, variable<3, 2, 12>(), w, h, c, r);
  check_gradient(slopes_of<true, true, false>, variable<2, 2, 12>(), w, h, c, r, bias);
  check_gradient(slopes_of<false, false, true>, variable<2, 2, 12>(), w, h, c, r);
}
