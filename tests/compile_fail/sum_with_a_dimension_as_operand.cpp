// SPDX-License-Identifier: BSL-1.0
// error: stator: sum does not take 2 operands: dimensions are template arguments, sum_dims<1>(x)
#include "stator/stator.hpp"

void use(stator::Tensor<float, 3, 4>& x) {
#ifdef STATOR_CONTROL
  auto y = stator::sum_dims<1>(x);
#else
  auto y = stator::sum(x, 1);
#endif
  (void)y;
}
