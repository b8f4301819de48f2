// SPDX-License-Identifier: BSL-1.0
// error: stator: gelu: the input has int64 elements, expected floating point: convert it
#include "stator/stator.hpp"

namespace nn = stator::nn;

void use(stator::Tensor<std::int64_t, 4>& i) {
#ifdef STATOR_CONTROL
  auto y = nn::gelu(stator::to<float>(i));
#else
  auto y = nn::gelu(i);
#endif
  (void)y;
}
