// SPDX-License-Identifier: BSL-1.0
// What a language model returns: [N, L, C].
// error: stator: cross_entropy: input [2, 5, 7] and target [2, 5] do not fit, expected [N, C] and [N], [N, C,
// L] error: bring the classes to the second dimension, movedim<-1, 1>(input)
#include "stator/stator.hpp"

void use(stator::Tensor<float, 2, 5, 7>& logits, const stator::Tensor<std::int64_t, 2, 5>& next) {
#ifdef STATOR_CONTROL
  (void)stator::nn::cross_entropy(stator::movedim<-1, 1>(logits), next);
#else
  (void)stator::nn::cross_entropy(logits, next);
#endif
}
