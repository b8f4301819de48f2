// SPDX-License-Identifier: BSL-1.0
// A mistake that has nothing to do with the network is the only thing that the compiler speaks of.
// error: undeclared
// lines: 5
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 8> fc1;
  nn::Linear<8, 2> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

float step(stator::Model<Net>& model, stator::optim::Adam<stator::Model<Net>>& optimizer,
           const stator::Tensor<float, 3, 4>& x, const stator::Tensor<std::int64_t, 3>& target) {
  auto loss = nn::cross_entropy(model(x), target);
  loss.backward();
  optimizer.step();
  optimizer.zero_grad();
#ifndef STATOR_CONTROL
  undeclared = 1;
#endif
  return loss.item();
}
