// SPDX-License-Identifier: BSL-1.0
// An operation without a derivative inside of a gradient.
// error: stator: grad: Curvature has no derivative
#include <stator/stator.hpp>

int main() {
  stator::Variable<float, 3> x;
  const auto first = stator::grad(sum(stator::nn::softplus(x)), x);
  const auto second = stator::grad(sum(first), x);
#ifndef STATOR_CONTROL
  (void)stator::grad(sum(second), x);
#endif
  return sum(second).item() > 0;
}
