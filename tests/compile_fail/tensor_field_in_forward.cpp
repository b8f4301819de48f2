// SPDX-License-Identifier: BSL-1.0
// error: stator: a tensor stands beside a symbol: inside of forward, operands are the inputs of forward,
// parameters and buffers
#include "stator/stator.hpp"

struct Net {
  stator::nn::Linear<4, 2> fc;
#ifdef STATOR_CONTROL
  stator::Buffer<float, 2> scale;
#else
  stator::Tensor<float, 2> scale;
#endif
  constexpr auto forward(auto x) const { return (x | fc) * scale; }
};

void use(stator::Model<Net>& model, stator::Tensor<float, 3, 4>& x) {
  auto y = model(x);
  (void)y;
}
