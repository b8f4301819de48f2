// SPDX-License-Identifier: BSL-1.0
// A branch on a value is not part of a graph.
// error: stator: item() inside forward, which runs while the program is compiled: there are no values yet;
// compute with operations, call item() on model(x)
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 2> fc;
#ifdef STATOR_CONTROL
  constexpr auto forward(auto x) const {
    auto h = x | fc;
    return stator::where(stator::gt(stator::sum(h), 0), h, -h);
  }
#else
  constexpr auto forward(auto x) const {
    auto h = x | fc;
    if (sum(h).item() > 0) return h;
    return -h;
  }
#endif
};

void use(stator::Model<Net>& model, stator::Tensor<float, 3, 4>& x) {
  auto y = model(x);
  (void)y;
}
