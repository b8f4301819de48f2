// SPDX-License-Identifier: BSL-1.0
// error: stator: select_scatter: the second operand has shape [3], expected [2]
#include "stator/stator.hpp"

void use(stator::Tensor<float, 2, 3>& x, stator::Tensor<float, 3>& row) {
#ifdef STATOR_CONTROL
  auto y = stator::select_scatter<0, 1>(x, row);
#else
  auto y = stator::select_scatter<1, 1>(x, row);
#endif
  (void)y;
}
