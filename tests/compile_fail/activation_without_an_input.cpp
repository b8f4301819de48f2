// SPDX-License-Identifier: BSL-1.0
// error: stator: relu does not take 0 operands
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 2> fc;
#ifdef STATOR_CONTROL
  constexpr auto forward(auto x) const { return x | fc | nn::relu; }
#else
  constexpr auto forward(auto x) const { return x | fc | nn::relu(); }
#endif
};

void use(stator::Model<Net>& model, stator::Tensor<float, 3, 4>& x) {
  auto y = model(x);
  (void)y;
}
