// SPDX-License-Identifier: BSL-1.0
// error: stator: a scheduler changes the rates of an optimizer: StepLR scheduler{optimizer,
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

void use(stator::Model<Net>& model) {
  stator::optim::SGD optimizer{model, {.lr = 0.1}};
#ifdef STATOR_CONTROL
  stator::optim::StepLR scheduler{optimizer, {.step_size = 3}};
#else
  stator::optim::StepLR scheduler{model, {.step_size = 3}};
#endif
  scheduler.step();
}
