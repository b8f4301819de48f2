// SPDX-License-Identifier: BSL-1.0
// error: stator: sub: bool operands have no sub: convert them
#include "stator/stator.hpp"

namespace nn = stator::nn;

void use(stator::Tensor<bool, 4>& b) {
#ifdef STATOR_CONTROL
  auto y = stator::to<float>(b) - 1;
#else
  auto y = b - 1;
#endif
  (void)y;
}
