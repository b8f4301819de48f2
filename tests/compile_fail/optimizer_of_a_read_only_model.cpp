// SPDX-License-Identifier: BSL-1.0
// error: stator: an optimizer needs a model whose parameters can be changed
#include "stator/model/read_only_model.hpp"
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

void use([[maybe_unused]] stator::ReadOnlyModel<Net>& fixed, [[maybe_unused]] stator::Model<Net>& model) {
#ifdef STATOR_CONTROL
  stator::optim::SGD optimizer{model, {.lr = 0.1}};
#else
  stator::optim::SGD optimizer{fixed, {.lr = 0.1}};
#endif
}
