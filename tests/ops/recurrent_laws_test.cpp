// SPDX-License-Identifier: BSL-1.0
// The derivatives of whole recurrent layers, in both orders and both directions.
#include "ops/gradient_law.hpp"
#include "stator/ops/recurrent.hpp"

using namespace stator;
using ops::Cell;
using test::check_gradient;
using test::variable;

namespace {
/// Only the states of the result have a gradient.
template<Cell C, bool TimeMajor, bool Reverse, Index... X>
void check_recurrence(auto... state) {
  constexpr Index hidden = 3, gates = kernel::gates(C) * hidden;
  const auto f = [](const auto&... a) {
    return narrow<2, 0, (C == Cell::lstm ? 2 : 1) * hidden>(
        operation<ops::Recurrence<C, TimeMajor, Reverse>>{}(a...));
  };
  check_gradient(f, variable<X..., gates>(), variable<gates, hidden>(), state..., variable<gates>());
  check_gradient(f, variable<X..., gates>(), variable<gates, hidden>(), state...);
}
} // namespace

TEST_CASE("the derivatives of recurrent layers are those of central differences") {
  const auto h = variable<2, 3>(), c = variable<2, 3>(-1, 1, 5);
  check_recurrence<Cell::tanh, false, false, 2, 4>(h);
  check_recurrence<Cell::relu, true, true, 4, 2>(h);
  check_recurrence<Cell::gru, true, false, 4, 2>(h);
  check_recurrence<Cell::gru, false, true, 2, 1>(h);
  check_recurrence<Cell::lstm, false, true, 2, 4>(h, c);
  check_recurrence<Cell::lstm, true, false, 3, 2>(h, c);
}
