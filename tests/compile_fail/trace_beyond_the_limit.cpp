// SPDX-License-Identifier: BSL-1.0
// Tracing meets a limit of the compiler, here a low one: the message names the flags that raise it.
// error: calls of modules the compiler cannot evaluate forward; if that is a limit, raise it
// flags(clang): -fconstexpr-steps=100000
// flags(g++): -fconstexpr-ops-limit=1000000
#include "stator/stator.hpp"

namespace nn = stator::nn;

#ifdef STATOR_CONTROL
inline constexpr int steps = 8;
#else
inline constexpr int steps = 400;
#endif

struct Net {
  nn::Linear<2, 2> fc;
  constexpr auto forward(auto x) const {
    for (int i = 0; i < steps; ++i) x = x | fc | nn::relu;
    return x;
  }
};

void use(stator::Model<Net>& model, stator::Tensor<float, 3, 2>& x) {
  auto y = model(x);
  (void)y;
}
