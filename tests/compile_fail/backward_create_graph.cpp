// SPDX-License-Identifier: BSL-1.0
// backward() whose gradients are to be differentiated again.
// error: backward() has no create_graph: stator::grad(loss, x) has
// within(g++): 16
#include <stator/stator.hpp>

int main() {
  stator::Variable<float, 3> x{1, 2, 3};
#ifdef STATOR_CONTROL
  sum(x * x).backward({.retain_graph = true, .create_graph = false});
#else
  sum(x * x).backward({.create_graph = true});
#endif
}
