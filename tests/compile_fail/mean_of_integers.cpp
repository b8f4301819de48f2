// SPDX-License-Identifier: BSL-1.0
// error: stator: mean: the input has int64 elements, expected floating point: convert it, mean(to<float>(x))
#include "stator/stator.hpp"

namespace nn = stator::nn;

void use(stator::Tensor<std::int64_t, 4>& i) {
#ifdef STATOR_CONTROL
  auto y = stator::mean(stator::to<float>(i));
#else
  auto y = stator::mean(i);
#endif
  (void)y;
}
