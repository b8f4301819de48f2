// SPDX-License-Identifier: BSL-1.0
// error: stator: optimize_for_inference: the model is in training mode, give model.eval()
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

void use(const stator::Model<Net>& model) {
#ifdef STATOR_CONTROL
  const auto session = stator::optimize_for_inference<stator::Tensor<float, 1, 4>>(model.eval());
#else
  const auto session = stator::optimize_for_inference<stator::Tensor<float, 1, 4>>(model);
#endif
}
