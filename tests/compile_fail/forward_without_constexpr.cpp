// SPDX-License-Identifier: BSL-1.0
// error: stator: Net: the compiler cannot evaluate forward: write `constexpr auto forward(auto x) const`
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 2> fc;
#ifdef STATOR_CONTROL
  constexpr auto forward(auto x) const { return x | fc; }
#else
  auto forward(auto x) const {
    volatile int calls = 0;
    (void)calls;
    return x | fc;
  }
#endif
};

void use(stator::Model<Net>& model, stator::Tensor<float, 3, 4>& x) {
  auto y = model(x);
  (void)y;
}
