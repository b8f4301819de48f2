// SPDX-License-Identifier: BSL-1.0
// error: stator: ReLU is called without an input
#include "stator/stator.hpp"

namespace nn = stator::nn;

void use(stator::Tensor<float, 3, 4>& x) {
  const nn::ReLU relu;
#ifdef STATOR_CONTROL
  auto y = relu(x);
#else
  auto y = relu();
#endif
  (void)x;
  (void)y;
}
