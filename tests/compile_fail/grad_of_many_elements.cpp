// SPDX-License-Identifier: BSL-1.0
// A result of many elements has no gradient by itself.
// error: stator: grad: the result has shape [3]: reduce it with sum or mean, or give its gradient
#include <stator/stator.hpp>

int main() {
  const stator::Tensor<float, 3> x{1, 2, 3}, v{1, 1, 1};
#ifdef STATOR_CONTROL
  (void)stator::grad(stator::square(x), x, stator::grad_outputs(v)).value();
#else
  (void)stator::grad(stator::square(x), x).value();
#endif
}
