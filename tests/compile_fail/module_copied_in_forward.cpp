// SPDX-License-Identifier: BSL-1.0
// `auto block` is a copy, with parameters of its own.
// error: copy no module in it (`for (const auto& block : blocks)`)
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  std::array<nn::Linear<4, 4>, 2> blocks;
  constexpr auto forward(auto x) const {
#ifdef STATOR_CONTROL
    for (const auto& block : blocks) x = x | block;
#else
    for (auto block : blocks) x = x | block;
#endif
    return x;
  }
};

void use(const stator::Model<Net>& model, const stator::Tensor<float, 2, 4>& x) { (void)model(x); }
