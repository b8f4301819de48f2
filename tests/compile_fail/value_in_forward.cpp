// SPDX-License-Identifier: BSL-1.0
// error: stator: value() inside forward, which runs while the program is compiled: there are no values yet; a
// symbol is used as it is, call value() on model(x)
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 2> fc;
#ifdef STATOR_CONTROL
  constexpr auto forward(auto x) const { return x | fc; }
#else
  constexpr auto forward(auto x) const { return (x | fc).value(); }
#endif
};

void use(stator::Model<Net>& model, stator::Tensor<float, 3, 4>& x) {
  auto y = model(x);
  (void)y;
}
