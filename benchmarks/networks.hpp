// SPDX-License-Identifier: BSL-1.0
// The networks of the benchmarks, as a user of Stator writes them.
#pragma once

#include "networks/gpt.hpp"
#include "networks/resnet18.hpp"

#include <stator/stator.hpp>

namespace bench {

namespace nn = stator::nn;
using stator::Index;

template<Index... Widths>
struct Mlp;
/// in -> hidden -> out with relu.
template<Index In, Index Hidden, Index Out>
struct Mlp<In, Hidden, Out> {
  nn::Linear<In, Hidden> fc1;
  nn::Linear<Hidden, Out> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};
template<Index In, Index First, Index Second, Index Out>
struct Mlp<In, First, Second, Out> {
  nn::Linear<In, First> fc1;
  nn::Linear<First, Second> fc2;
  nn::Linear<Second, Out> fc3;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2 | nn::relu | fc3; }
};

/// A policy of 16 observations and 4 actions.
struct Policy {
  nn::Linear<16, 64> fc1;
  nn::Linear<64, 64> fc2;
  nn::Linear<64, 4> fc3;
  constexpr auto forward(auto x) const { return x | fc1 | nn::tanh | fc2 | nn::tanh | fc3; }
};

/// Source: LeCun et al. 1998, with relu and max pooling as it is written today.
struct Lenet {
  nn::Conv2d<1, 6, 5, {.padding = 2}> conv1;
  nn::Conv2d<6, 16, 5> conv2;
  nn::Linear<400, 120> fc1;
  nn::Linear<120, 84> fc2;
  nn::Linear<84, 10> fc3;
  constexpr auto forward(auto x) const {
    const auto features =
        x | conv1 | nn::relu | nn::max_pool2d<2> | conv2 | nn::relu | nn::max_pool2d<2> | stator::flatten<1>;
    return features | fc1 | nn::relu | fc2 | nn::relu | fc3;
  }
};

struct Cnn {
  nn::Conv2d<1, 32, 3> conv1;
  nn::Conv2d<32, 64, 3> conv2;
  nn::Linear<9216, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const {
    const auto features = x | conv1 | nn::relu | conv2 | nn::relu | nn::max_pool2d<2>;
    return features | stator::flatten<1> | fc1 | nn::relu | fc2;
  }
};

using Gpt = GptOf<4>;

/// Sequences of 50 steps of 16 numbers.
struct Lstm {
  nn::LSTM<16, 64, {.batch_first = true}> lstm;
  constexpr auto forward(auto x) const { return x | lstm; }
};

template<Index In, Index Hidden>
struct GruStep {
  nn::GRUCell<In, Hidden> cell;
  constexpr auto forward(auto x, auto h) const { return nn::call(cell, x, h); }
};
template<Index In, Index Hidden>
struct LstmStep {
  nn::LSTMCell<In, Hidden> cell;
  constexpr auto forward(auto x, auto h, auto c) const {
    const auto [h2, c2] = cell.states(x, h, c);
    return stator::cat<1>(h2, c2);
  }
};

/// Four convolutions over time of kernel 3, dilated by 1, 2, 4, 8: 158 samples in, 128 out.
struct Audio {
  static constexpr Index samples = 158;
  nn::Conv1d<1, 16, 3> conv1;
  nn::Conv1d<16, 16, 3, {.dilation = 2}> conv2;
  nn::Conv1d<16, 16, 3, {.dilation = 4}> conv3;
  nn::Conv1d<16, 16, 3, {.dilation = 8}> conv4;
  constexpr auto forward(auto x) const {
    return x | conv1 | nn::tanh | conv2 | nn::tanh | conv3 | nn::tanh | conv4 | nn::tanh;
  }
};

} // namespace bench
