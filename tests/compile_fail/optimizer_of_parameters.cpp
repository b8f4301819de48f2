// SPDX-License-Identifier: BSL-1.0
// As PyTorch's optimisers are made.
// error: stator: an optimizer needs a model whose parameters can be changed: Adam optimizer{model,
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

void use(stator::Model<Net>& model) {
#ifdef STATOR_CONTROL
  stator::optim::Adam optimizer{model, {.lr = 1e-3}};
#else
  stator::optim::Adam optimizer{model.parameters(), {.lr = 1e-3}};
#endif
  optimizer.step();
}
