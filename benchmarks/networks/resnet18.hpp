// SPDX-License-Identifier: BSL-1.0
// ResNet-18, measured when it runs and when it is compiled.
#pragma once

#include <stator/stator.hpp>

#include <type_traits>

namespace bench {

namespace nn = stator::nn;
using stator::Index;

template<Index In, Index Out, Index Stride>
struct BasicBlock {
  struct Identity {
    constexpr auto forward(auto x) const { return x; }
  };
  using Projection =
      nn::Sequential<nn::Conv2d<In, Out, 1, {.stride = Stride, .bias = false}>, nn::BatchNorm2d<Out>>;
  nn::Conv2d<In, Out, 3, {.stride = Stride, .padding = 1, .bias = false}> conv1;
  nn::BatchNorm2d<Out> bn1;
  nn::Conv2d<Out, Out, 3, {.padding = 1, .bias = false}> conv2;
  nn::BatchNorm2d<Out> bn2;
  std::conditional_t<Stride != 1 || In != Out, Projection, Identity> downsample;
  constexpr auto forward(auto x) const {
    return nn::relu((x | conv1 | bn1 | nn::relu | conv2 | bn2) + (x | downsample));
  }
};

/// Width 64 for pictures of 3x32x32: a first convolution of 3x3 and no first pooling.
struct Resnet18 {
  template<Index In, Index Out, Index Stride>
  using Stage = nn::Sequential<BasicBlock<In, Out, Stride>, BasicBlock<Out, Out, 1>>;
  nn::Conv2d<3, 64, 3, {.padding = 1, .bias = false}> conv1;
  nn::BatchNorm2d<64> bn1;
  Stage<64, 64, 1> layer1;
  Stage<64, 128, 2> layer2;
  Stage<128, 256, 2> layer3;
  Stage<256, 512, 2> layer4;
  nn::Linear<512, 10> fc;
  constexpr auto forward(auto x) const {
    const auto features = x | conv1 | bn1 | nn::relu | layer1 | layer2 | layer3 | layer4;
    return features | stator::mean_dims<2, 3> | fc;
  }
};

} // namespace bench
