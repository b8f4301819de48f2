// SPDX-License-Identifier: BSL-1.0
// error: stator: ctc_loss: input_lengths [2] and target_lengths [3], expected [3] for log_probs [9, 3, 5]
#include "stator/stator.hpp"

#ifdef STATOR_CONTROL
using Lengths = stator::Tensor<std::int64_t, 3>;
#else
using Lengths = stator::Tensor<std::int64_t, 2>;
#endif

void use(const stator::Tensor<float, 9, 3, 5>& log_probs, const stator::Tensor<std::int64_t, 3, 4>& targets,
         const Lengths& input_lengths, const stator::Tensor<std::int64_t, 3>& target_lengths) {
  auto loss = stator::nn::ctc_loss<>(log_probs, targets, input_lengths, target_lengths);
  (void)loss;
}
