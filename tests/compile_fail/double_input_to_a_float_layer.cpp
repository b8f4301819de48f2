// SPDX-License-Identifier: BSL-1.0
// error: stator: Linear<4, 2>: the input is float64, the parameters are float32: convert the input,
// stator::to<float>(x), or make the layer one of double, at fc
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 2> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

#ifdef STATOR_CONTROL
using Input = stator::Tensor<float, 3, 4>;
#else
using Input = stator::Tensor<double, 3, 4>;
#endif

void use(stator::Model<Net>& model, Input& x) {
  auto y = model(x);
  (void)y;
}
