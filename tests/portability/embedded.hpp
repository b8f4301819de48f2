// SPDX-License-Identifier: BSL-1.0
// The networks of the programs for machines without a heap.
#pragma once

#include <stator/core/view.hpp>
#include <stator/nn/activation.hpp>
#include <stator/nn/conv.hpp>
#include <stator/nn/flatten.hpp>
#include <stator/nn/linear.hpp>
#include <stator/nn/norm.hpp>
#include <stator/nn/pooling.hpp>
#include <stator/ops/softmax.hpp>

namespace nn = stator::nn;

/// Two layers and what microcontrollers compute most: exp, division, a row's sum.
struct EmbeddedMlp {
  nn::Linear<16, 24> fc1;
  nn::Linear<24, 4> fc2;
  constexpr auto forward(auto x) const { return nn::softmax<1>(x | fc1 | nn::tanh | fc2); }
};
/// A convolution, BatchNorm and pooling.
struct EmbeddedCnn {
  nn::Conv2d<1, 4, 3, {.padding = 1}> conv1;
  nn::BatchNorm2d<4> norm;
  nn::Conv2d<4, 8, 3, {.stride = 2, .padding = 1}> conv2;
  nn::Linear<32, 5> fc;
  constexpr auto forward(auto x) const {
    return x | conv1 | norm | nn::relu | conv2 | nn::silu | nn::max_pool2d<2> | stator::flatten<1> | fc;
  }
};
