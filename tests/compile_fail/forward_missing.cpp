// SPDX-License-Identifier: BSL-1.0
// error: stator: Block has no forward: write `constexpr auto forward(auto x) const`
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Block {
  nn::Linear<4, 4> fc;
#ifdef STATOR_CONTROL
  constexpr auto forward(auto x) const { return x | fc; }
#endif
};
struct Net {
  Block block;
  constexpr auto forward(auto x) const { return x | block; }
};

void use(stator::Model<Net>& model, stator::Tensor<float, 3, 4>& x) {
  auto y = model(x);
  (void)y;
}
