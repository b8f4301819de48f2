// SPDX-License-Identifier: BSL-1.0
// error: stator: where: the condition has float32 elements, expected bool: compare it, where(ne(x, 0), a, b)
#include "stator/stator.hpp"

namespace nn = stator::nn;

void use(stator::Tensor<float, 4>& x) {
#ifdef STATOR_CONTROL
  auto y = stator::where(stator::gt(x, 0), x, 0);
#else
  auto y = stator::where(x, x, 0);
#endif
  (void)y;
}
