// SPDX-License-Identifier: BSL-1.0
// The columns that complete a basis may be any.
// error: stator: grad: OrthonormalComplement has no derivative
#include <stator/stator.hpp>

int main() {
  stator::Variable<float, 4, 2> x;
#ifdef STATOR_CONTROL
  const auto [u, s, v] = stator::svd(x);
#else
  const auto [u, s, v] = stator::svd<true>(x);
#endif
  (void)stator::grad(sum(u * u * u) + sum(s) + sum(v), x);
}
