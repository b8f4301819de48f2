// SPDX-License-Identifier: BSL-1.0
// error: stator: Net: forward names the types of its inputs, but is called with symbols while it is compiled:
// write `constexpr auto forward(auto x) const`
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 2> fc;
#ifdef STATOR_CONTROL
  constexpr auto forward(auto x) const { return x | fc; }
#else
  constexpr auto forward(const stator::Tensor<float, 3, 4>& x) const { return x | fc; }
#endif
};

void use(stator::Model<Net>& model, stator::Tensor<float, 3, 4>& x) {
  auto y = model(x);
  (void)y;
}
