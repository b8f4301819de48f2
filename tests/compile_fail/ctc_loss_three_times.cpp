// SPDX-License-Identifier: BSL-1.0
// The third derivative of ctc_loss.
// error: stator: grad: CtcLossSecondDerivative has no derivative
#include <stator/stator.hpp>

int main() {
  stator::Variable<float, 4, 1, 3> x;
  const stator::Tensor<std::int64_t, 1, 2> labels{1, 2};
  const stator::Tensor<std::int64_t, 1> steps{4}, counts{2};
  const auto loss = stator::nn::ctc_loss<>(stator::nn::log_softmax<2>(x), labels, steps, counts);
  const auto second = stator::grad(sum(exp(stator::grad(loss, x))), x);
#ifdef STATOR_CONTROL
  return second.value()(0, 0, 0) > 0;
#else
  return stator::grad(sum(exp(second)), x).value()(0, 0, 0) > 0;
#endif
}
