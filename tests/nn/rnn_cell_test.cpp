// SPDX-License-Identifier: BSL-1.0
#include "nn/layer_law.hpp"

#include "stator/nn/rnn.hpp"

using namespace stator;
using nn::RNNCellOptions;
using nn::RNNOptions;
using test::check_layer;
using test::In;

namespace {
/// An LSTM over three steps of a batch, and the same step by step.
struct Whole {
  nn::LSTM<2, 4, RNNOptions{.batch_first = true}> lstm;
  constexpr auto forward(auto x) const { return stator::select<1, 2>(lstm(x)); }
};
struct Steps {
  nn::LSTMCell<2, 4> cell;
  constexpr auto forward(auto x) const {
    const auto [h, c] = cell.states(stator::select<1, 0>(x));
    const auto [i, d] = cell.states(stator::select<1, 1>(x), h, c);
    return cell(stator::select<1, 2>(x), i, d);
  }
};
} // namespace

TEST_CASE("RNNCell, LSTMCell and GRUCell agree with PyTorch") {
  check_layer<nn::RNNCell<3, 4>>("RNNCell.default", In<2, 3>{}, In<2, 4>{"h"});
  check_layer<nn::RNNCell<3, 4, RNNCellOptions{.bias = false, .relu = true}>>("RNNCell.relu", In<2, 3>{},
                                                                              In<2, 4>{"h"});
  check_layer<nn::LSTMCell<3, 4>>("LSTMCell.default", In<2, 3>{}, In<2, 4>{"h"}, In<2, 4>{"c"});
  check_layer<nn::GRUCell<3, 4>>("GRUCell.default", In<2, 3>{}, In<2, 4>{"h"});
}

TEST_CASE("an LSTM is its cell step by step, with a batch that is known at run time") {
  manual_seed(1);
  Model<Whole> whole;
  Model<Steps> steps;
  std::copy_n(whole.parameter_arena().data(), whole.parameter_count, steps.parameter_arena().data());
  Variable<float, dynamic, 3, 2> x(5), y(5);
  for (Index i = 0; i < x.numel(); ++i) x.data()[i] = y.data()[i] = static_cast<float>(i % 7) - 3.0F;
  const auto a = sum(square(whole(x)));
  const auto b = sum(square(steps(y)));
  CHECK(std::abs(a.item() - b.item()) < 1e-5F);
  a.backward();
  b.backward();
  test::check_close(x.grad().values(), y.grad().values(), 1e-5);
  test::check_close(whole.gradient_arena(), steps.gradient_arena(), 1e-5);
}
