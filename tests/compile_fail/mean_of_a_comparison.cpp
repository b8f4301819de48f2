// SPDX-License-Identifier: BSL-1.0
// error: stator: mean: the input has bool elements, expected floating point: convert it, mean(to<float>(x))
#include "stator/stator.hpp"

namespace nn = stator::nn;

void use(stator::Tensor<std::int64_t, 4>& i) {
#ifdef STATOR_CONTROL
  auto y = stator::mean(stator::to<float>(stator::eq(i, 2)));
#else
  auto y = stator::mean(stator::eq(i, 2));
#endif
  (void)y;
}
