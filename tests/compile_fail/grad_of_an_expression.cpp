// SPDX-License-Identifier: BSL-1.0
// A gradient with respect to an intermediate value.
// error: stator: grad: input 1 is no tensor with memory: ask for a Variable, a tensor or a parameter
#include <stator/stator.hpp>

int main() {
  const stator::Variable<float, 3> x{1, 2, 3};
  const auto h = stator::exp(x);
#ifdef STATOR_CONTROL
  (void)stator::grad(sum(h * h), x).value();
#else
  (void)stator::grad(sum(h * h), h).value();
#endif
}
