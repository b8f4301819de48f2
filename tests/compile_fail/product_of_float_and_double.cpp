// SPDX-License-Identifier: BSL-1.0
// error: stator: matmul: the operands are float32 and float64: convert one of them
#include "stator/stator.hpp"

#ifdef STATOR_CONTROL
using Other = stator::Tensor<float, 4, 5>;
#else
using Other = stator::Tensor<double, 4, 5>;
#endif

void use(stator::Tensor<float, 3, 4>& a, Other& b) {
  auto y = matmul(a, b);
  (void)y;
}
