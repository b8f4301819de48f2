// SPDX-License-Identifier: BSL-1.0
// Fifty Linear layers with residuals: training and inference.
#include <stator/optim/adam.hpp>
#include <stator/stator.hpp>

#include <array>
#include <cstdio>

namespace nn = stator::nn;

struct Block {
  nn::Linear<64, 64> fc;
  constexpr auto forward(auto x) const { return x + (x | fc | nn::relu); }
};

struct Deep {
  std::array<Block, 50> blocks;
  constexpr auto forward(auto x) const {
    for (const Block& block : blocks) x = x | block;
    return x;
  }
};

int main() {
  stator::Model<Deep> model;
  stator::optim::Adam optimizer{model, {.lr = 1e-3}};
  stator::Tensor<float, stator::dynamic, 64> x(32);
  auto loss = mean(model(x) * model(x));
  optimizer.zero_grad();
  loss.backward();
  optimizer.step();
  std::printf("%f\n", static_cast<double>(model.eval()(x).value()(0, 0)));
}
