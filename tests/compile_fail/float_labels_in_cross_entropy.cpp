// SPDX-License-Identifier: BSL-1.0
// error: stator: cross_entropy: the target [3] is float32, expected int64 class indices: convert it,
// stator::to<std::int64_t>(target)
#include "stator/stator.hpp"

namespace nn = stator::nn;

#ifdef STATOR_CONTROL
using Labels = stator::Tensor<std::int64_t, 3>;
#else
using Labels = stator::Tensor<float, 3>;
#endif

void use(stator::Variable<float, 3, 5>& logits, Labels& labels) {
  auto loss = nn::cross_entropy(logits, labels);
  loss.backward();
}
