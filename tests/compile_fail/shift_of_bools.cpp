// SPDX-License-Identifier: BSL-1.0
// error: stator: bitwise_left_shift: the operands have bool elements, expected integers
#include "stator/stator.hpp"

void use(stator::Tensor<bool, 4>& x) {
#ifdef STATOR_CONTROL
  auto y = stator::to<std::int64_t>(x) << 1;
#else
  auto y = x << true;
#endif
  (void)y;
}
