// SPDX-License-Identifier: BSL-1.0
// error: stator: nll_loss: the target is int32, expected int64 class indices: convert it,
// stator::to<std::int64_t>(target)
#include "stator/stator.hpp"

namespace nn = stator::nn;

#ifdef STATOR_CONTROL
using Labels = stator::Tensor<std::int64_t, 3>;
#else
using Labels = stator::Tensor<std::int32_t, 3>;
#endif

void use(stator::Variable<float, 3, 5>& log_p, Labels& labels) {
  auto loss = nn::nll_loss(log_p, labels);
  loss.backward();
}
