// SPDX-License-Identifier: BSL-1.0
// The passes over a graph meet a limit of the compiler, a low one here: the line that it shows has advice.
// error(clang): stator: too large: raise -fconstexpr-steps= or split it
// error(g++): stator: too large: raise -fconstexpr-ops-limit= or split it
// flags(clang): -fconstexpr-steps=25000
// flags(g++): -fconstexpr-ops-limit=400000
// within(g++): 100
#include "stator/stator.hpp"

#include <array>

namespace nn = stator::nn;

#ifdef STATOR_CONTROL
inline constexpr int depth = 2;
#else
inline constexpr int depth = 24;
#endif

struct Net {
  std::array<nn::Linear<2, 2>, depth> blocks;
  constexpr auto forward(auto x) const {
    for (const auto& block : blocks) x = x | block | nn::relu;
    return x;
  }
};

float use(stator::Model<Net>& model, stator::Tensor<float, 3, 2>& x) {
  auto loss = sum(model(x));
  loss.backward();
  return loss.item();
}
