// SPDX-License-Identifier: BSL-1.0
// The CNN of the main job: one training step with Adam, and inference.
#include <stator/nn/conv.hpp>
#include <stator/nn/pooling.hpp>
#include <stator/optim/adam.hpp>
#include <stator/stator.hpp>

#include <cstdio>

namespace nn = stator::nn;

struct Cnn {
  nn::Conv2d<1, 32, 3> conv1;
  nn::Conv2d<32, 64, 3> conv2;
  nn::Linear<9216, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const {
    auto features = x | conv1 | nn::relu | conv2 | nn::relu | nn::max_pool2d<2>;
    return features | stator::flatten<1> | fc1 | nn::relu | fc2;
  }
};

int main() {
  stator::Model<Cnn> model;
  stator::optim::Adam optimizer{model, {.lr = 1e-3}};
  stator::Tensor<float, stator::dynamic, 1, 28, 28> images(64);
  stator::Tensor<std::int64_t, stator::dynamic> labels(64);
  for (int step = 0; step < 10; ++step) {
    auto loss = nn::cross_entropy(model(images), labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    std::printf("%f\n", static_cast<double>(loss.item()));
  }
  std::printf("%f\n", static_cast<double>(model.eval()(images).value()(0, 0)));
}
