// SPDX-License-Identifier: BSL-1.0
// error: stator: a condition on a tensor inside forward, which runs while the program is compiled: there are
// no values yet; choose with stator::where(condition, a, b)
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
    if (stator::gt(stator::sum(h), 0)) return h;
    return -h;
  }
#endif
};

void use(stator::Model<Net>& model, stator::Tensor<float, 3, 4>& x) {
  auto y = model(x);
  (void)y;
}
