// SPDX-License-Identifier: BSL-1.0
// error: stator: Net: forward cannot be called with 2 inputs of these types
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 2> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

void use(stator::Model<Net>& model, stator::Tensor<float, 3, 4>& x) {
#ifdef STATOR_CONTROL
  auto y = model(x);
#else
  auto y = model(x, x);
#endif
  (void)y;
}
