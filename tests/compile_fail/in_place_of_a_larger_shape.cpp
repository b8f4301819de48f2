// SPDX-License-Identifier: BSL-1.0
// error: stator: add in place: the result has shape [3, 2], the tensor [2]
#include "stator/stator.hpp"

void use(stator::Tensor<float, 2>& x, stator::Tensor<float, 3, 2>& y) {
#ifdef STATOR_CONTROL
  y += x;
#else
  x += y;
#endif
}
