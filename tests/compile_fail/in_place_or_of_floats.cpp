// SPDX-License-Identifier: BSL-1.0
// error: stator: bitwise_or: the operands have float32 elements, expected integers or bool
#include "stator/stator.hpp"

void use(stator::Tensor<float, 2>& x, stator::Tensor<std::int64_t, 2>& n) {
#ifdef STATOR_CONTROL
  n |= 1;
#else
  x |= 1;
#endif
  (void)x, (void)n;
}
