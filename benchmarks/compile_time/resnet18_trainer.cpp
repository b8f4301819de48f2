// SPDX-License-Identifier: BSL-1.0
// ResNet-18 of width 64 for pictures of 3x32x32 (a first convolution of 3x3, no first pooling, as it is
// trained on CIFAR-10): one training step with SGD, and inference.
#include <stator/stator.hpp>

#include <cstdio>

namespace nn = stator::nn;
using stator::Index;

template<Index In, Index Out, Index Stride>
struct BasicBlock {
  static constexpr bool is_projected = Stride != 1 || In != Out;
  struct Nothing {
    constexpr auto forward(auto x) const { return x; }
  };
  using Projection =
      nn::Sequential<nn::Conv2d<In, Out, 1, {.stride = Stride, .bias = false}>, nn::BatchNorm2d<Out>>;

  nn::Conv2d<In, Out, 3, {.stride = Stride, .padding = 1, .bias = false}> conv1;
  nn::BatchNorm2d<Out> bn1;
  nn::Conv2d<Out, Out, 3, {.padding = 1, .bias = false}> conv2;
  nn::BatchNorm2d<Out> bn2;
  std::conditional_t<is_projected, Projection, Nothing> downsample;

  constexpr auto forward(auto x) const {
    return nn::relu((x | conv1 | bn1 | nn::relu | conv2 | bn2) + (x | downsample));
  }
};

template<Index In, Index Out, Index Stride>
using Stage = nn::Sequential<BasicBlock<In, Out, Stride>, BasicBlock<Out, Out, 1>>;

struct ResNet18 {
  nn::Conv2d<3, 64, 3, {.padding = 1, .bias = false}> conv1;
  nn::BatchNorm2d<64> bn1;
  Stage<64, 64, 1> layer1;
  Stage<64, 128, 2> layer2;
  Stage<128, 256, 2> layer3;
  Stage<256, 512, 2> layer4;
  nn::Linear<512, 10> fc;
  constexpr auto forward(auto x) const {
    auto features = x | conv1 | bn1 | nn::relu | layer1 | layer2 | layer3 | layer4;
    return features | stator::mean_dims<2, 3> | fc;
  }
};

int main() {
  stator::Model<ResNet18> model;
  stator::optim::SGD optimizer{model, {.lr = 0.1, .momentum = 0.9}};
  stator::Tensor<float, stator::dynamic, 3, 32, 32> images(32);
  stator::Tensor<std::int64_t, stator::dynamic> labels(32);
  auto loss = nn::cross_entropy(model(images), labels);
  optimizer.zero_grad();
  loss.backward();
  optimizer.step();
  std::printf("%f\n", static_cast<double>(loss.item()));
  std::printf("%f\n", static_cast<double>(model.eval()(images).value()(0, 0)));
}
