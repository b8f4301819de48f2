// SPDX-License-Identifier: BSL-1.0
// error: stator: softmax: the input has int64 elements, expected floating point: convert it
#include "stator/stator.hpp"

namespace nn = stator::nn;

void use(stator::Tensor<std::int64_t, 4>& i) {
#ifdef STATOR_CONTROL
  auto y = nn::softmax<0>(stator::to<float>(i));
#else
  auto y = nn::softmax<0>(i);
#endif
  (void)y;
}
