// SPDX-License-Identifier: BSL-1.0
// error: stator: gather: the indices are float32, expected int64: convert them, stator::to<std::int64_t>(x)
#include "stator/stator.hpp"

#ifdef STATOR_CONTROL
using Numbers = stator::Tensor<std::int64_t, 2, 3>;
#else
using Numbers = stator::Tensor<float, 2, 3>;
#endif

void use(stator::Tensor<float, 2, 3>& x, Numbers& index) {
  auto y = stator::gather<1>(x, index);
  (void)y;
}
