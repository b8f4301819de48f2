// SPDX-License-Identifier: BSL-1.0
// error: stator: std: the input has int64 elements
#include "stator/stator.hpp"

namespace nn = stator::nn;

void use(stator::Tensor<std::int64_t, 4>& i) {
#ifdef STATOR_CONTROL
  auto y = stator::stddev(stator::to<double>(i));
#else
  auto y = stator::stddev(i);
#endif
  (void)y;
}
