// SPDX-License-Identifier: BSL-1.0
// error: stator: bitwise_and: the operands have float32 elements, expected integers or bool
#include "stator/stator.hpp"

void use(stator::Tensor<float, 4>& x) {
#ifdef STATOR_CONTROL
  auto y = stator::bitwise_and(stator::to<std::int64_t>(x), 1);
#else
  auto y = stator::bitwise_and(x, 1);
#endif
  (void)y;
}
