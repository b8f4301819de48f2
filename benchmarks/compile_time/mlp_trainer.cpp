// SPDX-License-Identifier: BSL-1.0
// The MLP of the main job: one training step with Adam, and inference.
#include <stator/optim/adam.hpp>
#include <stator/stator.hpp>

#include <cstdio>

namespace nn = stator::nn;

struct Mlp {
  nn::Linear<784, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

int main() {
  stator::Model<Mlp> model;
  stator::optim::Adam optimizer{model, {.lr = 1e-3}};
  stator::Tensor<float, stator::dynamic, 784> images(64);
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
