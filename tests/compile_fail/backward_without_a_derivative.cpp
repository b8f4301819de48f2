// SPDX-License-Identifier: BSL-1.0
// backward() through a second derivative that has no third.
// error: stator: grad: Curvature has no derivative
#include <stator/stator.hpp>

int main() {
  stator::Variable<float, 3> x;
#ifdef STATOR_CONTROL
  const auto y = sum(stator::nn::silu(x));
#else
  const auto y = sum(stator::nn::softplus(x));
#endif
  sum(stator::grad(sum(stator::grad(y, x)), x)).backward();
}
