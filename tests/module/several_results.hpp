// SPDX-License-Identifier: BSL-1.0
// Networks whose forward returns several values, in tuples and structs inside of each other.
#pragma once

#include "stator/nn/flatten.hpp"
#include "stator/nn/linear.hpp"
#include "stator/nn/rnn.hpp"
#include "stator/ops/ops.hpp"

#include <tuple>

namespace stator::test {

/// What an encoder returns: a name for each value, and a tuple inside.
template<class Y, class State>
struct Encoded {
  Y output;
  State state;
};

/// A recurrent layer as PyTorch's returns: (output, (h, c)).
struct Recurrent {
  nn::LSTM<3, 4> lstm;
  constexpr auto forward(auto x) const {
    const auto [y, h, c] = lstm.states(x);
    return std::tuple(y, std::tuple(h, c));
  }
};
struct Speaker {
  Recurrent encoder;
  nn::Linear<4, 2> head;
  constexpr auto forward(auto x) const {
    const auto [y, state] = x | encoder;
    // A module that is no field has no row in a summary, and its work is that of the network.
    return Encoded{y | head | nn::Identity{}, state};
  }
};

} // namespace stator::test
