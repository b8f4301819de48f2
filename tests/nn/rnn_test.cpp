// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/rnn.hpp"

#include "nn/layer_law.hpp"

using namespace stator;
using nn::RNNOptions;
using test::check_layer;
using test::In;

namespace {

constexpr RNNOptions everything{.num_layers = 2, .batch_first = true, .bidirectional = true};

/// Everything that PyTorch returns, as one vector.
template<class Net>
struct Flat : Net {
  constexpr auto forward(auto... x) const {
    return std::apply([](const auto&... y) { return cat<0>(flatten<>(y)...); }, Net::states(x...));
  }
};

template<template<Index, Index, RNNOptions, class> class Net>
void check_options(const std::string& name) {
  check_layer<Net<3, 4, RNNOptions{}, float>>(name + ".default", In<5, 2, 3>{});
  check_layer<Net<3, 4, RNNOptions{.num_layers = 2, .batch_first = true}, float>>(name + ".layers",
                                                                                  In<2, 4, 3>{});
  check_layer<Net<3, 2, RNNOptions{.bidirectional = true}, float>>(name + ".bidirectional", In<3, 2, 3>{});
  check_layer<Net<3, 2, RNNOptions{.bias = false}, float>>(name + ".no_bias", In<2, 1, 3>{});
}

} // namespace

TEST_CASE("RNN, LSTM and GRU agree with PyTorch") {
  check_options<nn::RNN>("RNN");
  check_options<nn::LSTM>("LSTM");
  check_options<nn::GRU>("GRU");
  check_layer<nn::RNN<3, 4, RNNOptions{.batch_first = true, .relu = true}>>("RNN.relu", In<2, 3, 3>{});
}

TEST_CASE("an LSTM with proj_size agrees with PyTorch") {
  check_layer<nn::LSTM<3, 4, RNNOptions{.proj_size = 2}>>("LSTM.projected", In<5, 2, 3>{});
  check_layer<nn::LSTM<3, 9, RNNOptions{.bias = false, .batch_first = true, .proj_size = 5}>>(
      "LSTM.projected_no_bias", In<2, 4, 3>{});
  constexpr RNNOptions all{.num_layers = 2, .batch_first = true, .bidirectional = true, .proj_size = 2};
  check_layer<Flat<nn::LSTM<3, 3, all>>>("LSTM.projected_all", In<2, 3, 3>{}, In<4, 2, 2>{"h"},
                                         In<4, 2, 3>{"c"});
}

TEST_CASE("an LSTM with proj_size gives the same with a batch that is known at run time") {
  using Net = nn::LSTM<3, 9, RNNOptions{.bias = false, .batch_first = true, .proj_size = 5}>;
  Model<Net> model;
  Model<Net> other = model;
  Variable<float, 2, 4, 3> x;
  Variable<float, dynamic, 4, 3> y(2);
  for (Index i = 0; i < x.numel(); ++i) x.data()[i] = y.data()[i] = static_cast<float>(i % 7 - 3);
  sum(square(model(x))).backward();
  sum(square(other(y))).backward();
  test::check_close(x.grad().values(), y.grad().values(), 1e-6);
  test::check_close(model.gradient_arena(), other.gradient_arena(), 1e-5);
}

TEST_CASE("all layers, both directions and the states agree with PyTorch") {
  check_layer<Flat<nn::RNN<3, 2, everything>>>("RNN.all", In<2, 3, 3>{}, In<4, 2, 2>{"h"});
  check_layer<Flat<nn::GRU<3, 2, everything>>>("GRU.all", In<2, 3, 3>{}, In<4, 2, 2>{"h"});
  check_layer<Flat<nn::LSTM<3, 2, everything>>>("LSTM.all", In<2, 3, 3>{}, In<4, 2, 2>{"h"},
                                                In<4, 2, 2>{"c"});
}
