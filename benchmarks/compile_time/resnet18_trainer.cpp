// SPDX-License-Identifier: BSL-1.0
// ResNet-18 of width 64 for pictures of 3x32x32 (a first convolution of 3x3, no first pooling, as it is
// trained on CIFAR-10): one training step with SGD, and inference.
#include "../networks/resnet18.hpp"

#include <cstdio>

namespace nn = stator::nn;

int main() {
  stator::Model<bench::Resnet18> model;
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
