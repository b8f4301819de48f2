// SPDX-License-Identifier: BSL-1.0
// error: stator: Net: forward returns std::tuple<
// error: expected a tensor, or a std::tuple of tensors
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 2> fc;
#ifdef STATOR_CONTROL
  constexpr auto forward(auto x) const { return std::tuple(x | fc, x); }
#else
  constexpr auto forward(auto x) const { return std::tuple(x | fc, 3); }
#endif
};

void use(stator::Model<Net>& model, stator::Tensor<float, 3, 4>& x) {
  auto y = model(x);
  (void)y;
}
