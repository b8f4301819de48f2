// SPDX-License-Identifier: BSL-1.0
// error: stator: cross_entropy: the input is the result of softmax, expected logits
#include "stator/stator.hpp"

namespace nn = stator::nn;

void use(stator::Tensor<float, 4, 3>& scores, stator::Tensor<std::int64_t, 4>& labels) {
#ifdef STATOR_CONTROL
  auto loss = nn::cross_entropy(scores, labels);
#else
  auto loss = nn::cross_entropy(nn::softmax<1>(scores), labels);
#endif
  (void)loss;
}
