// SPDX-License-Identifier: BSL-1.0
// error: stator: Net: forward returns Said<
// error: expected a tensor, or a std::tuple of tensors, an array or a struct of them
#include "stator/stator.hpp"

namespace nn = stator::nn;

template<class Y, class Z>
struct Said {
  Y output;
  Z other;
};
struct Net {
  nn::Linear<4, 2> fc;
#ifdef STATOR_CONTROL
  constexpr auto forward(auto x) const { return Said{x | fc, x}; }
#else
  constexpr auto forward(auto x) const { return Said{x | fc, 3}; }
#endif
};

void use(stator::Model<Net>& model, stator::Tensor<float, 3, 4>& x) {
  auto y = model(x).output;
  (void)y;
}
