// SPDX-License-Identifier: BSL-1.0
// error: stator: Conv2d: the input is int64, the parameters are float32: convert the input,
// stator::to<float>(x), at conv
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Conv2d<1, 2, 3> conv;
  constexpr auto forward(auto x) const { return x | conv; }
};

#ifdef STATOR_CONTROL
using Input = stator::Tensor<float, 2, 1, 5, 5>;
#else
using Input = stator::Tensor<std::int64_t, 2, 1, 5, 5>;
#endif

void use(stator::Model<Net>& model, Input& x) {
  auto y = model(x);
  (void)y;
}
