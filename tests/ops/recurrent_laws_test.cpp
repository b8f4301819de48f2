// SPDX-License-Identifier: BSL-1.0
// The derivatives of whole recurrent layers, in both orders and both directions.
#include "ops/gradient_law.hpp"
#include "stator/ops/padded_sequence.hpp"
#include "stator/ops/recurrent.hpp"

using namespace stator;
using ops::Cell;
using test::check_gradient;
using test::variable;

namespace {
/// All hidden states, and of an LSTM the last cell as well, or not.
template<Cell C, bool TimeMajor, bool Reverse, Index... X>
void check_recurrence(auto... state) {
  constexpr Index hidden = 3, gates = kernel::gates(C) * hidden;
  const auto f = [](const auto&... a) {
    using Op = ops::Recurrence<C, TimeMajor, Reverse, false>;
    return operation<typename Op::States>{}(operation<Op>{}(a...));
  };
  check_gradient(f, variable<X..., gates>(), variable<gates, hidden>(), state..., variable<gates>());
  check_gradient(f, variable<X..., gates>(), variable<gates, hidden>(), state...);
  if constexpr (C == Cell::lstm) {
    using Op = ops::Recurrence<C, TimeMajor, Reverse, true>;
    constexpr operation<typename Op::LastCell> last_cell;
    const auto cell = [=](const auto&... a) { return last_cell(operation<Op>{}(a...)); };
    check_gradient(cell, variable<X..., gates>(), variable<gates, hidden>(), state..., variable<gates>());
    const auto both = [=](const auto&... a) {
      const auto y = operation<Op>{}(a...);
      return mul(select<static_cast<Index>(Op::time), 1>(operation<typename Op::States>{}(y)), last_cell(y));
    };
    check_gradient(both, variable<X..., gates>(), variable<gates, hidden>(), state...);
  }
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

namespace {
/// The derivative of the sum of the squares of all first derivatives.
template<Cell C, bool TimeMajor, bool Reverse, bool Cells, Index... X>
void check_second(auto... state) {
  constexpr Index hidden = 3, gates = kernel::gates(C) * hidden;
  check_gradient(
      [](const auto&... a) {
        using Op = ops::Recurrence<C, TimeMajor, Reverse, Cells>;
        const auto y = operation<Op>{}(a...);
        const auto loss = [&] {
          const auto states = sum(square(operation<typename Op::States>{}(y)));
          if constexpr (Cells)
            return states + sum(exp(operation<typename Op::LastCell>{}(y)));
          else
            return states;
        }();
        return std::apply([](const auto&... g) { return (sum(square(g)) + ...); }, stator::grad(loss, a...));
      },
      variable<X..., gates>(), variable<gates, hidden>(), state..., variable<gates>());
}
} // namespace

TEST_CASE("the second derivatives of recurrent layers are those of central differences") {
  const auto h = variable<2, 3>(), c = variable<2, 3>(-1, 1, 5);
  check_second<Cell::tanh, false, true, false, 2, 3>(h);
  check_second<Cell::relu, true, false, false, 2, 2>(h);
  check_second<Cell::gru, true, true, false, 2, 2>(h);
  check_second<Cell::lstm, false, false, true, 2, 2>(h, c);
}

TEST_CASE("the derivatives of operations on padded sequences are those of central differences") {
  const Tensor<std::int64_t, 2> n{3, 1};
  const auto all = [&n](const auto& x) {
    const auto filled = operation<ops::FillPadding<false, ops::PaddingFill{2, -2, 3}>>{}(x, n);
    const auto reversed = operation<ops::ReversePadded<false>>{}(mul(x, x), n);
    return sum(exp(mul(filled, reversed))) +
           sum(exp(operation<ops::LastOfPadded<false>>{}(mul(x, filled), n)));
  };
  check_gradient(all, variable<2, 4, 3>());
  check_gradient([&](const auto& x) { return sum(square(stator::grad(all(x), x))); }, variable<2, 4, 3>());
}
