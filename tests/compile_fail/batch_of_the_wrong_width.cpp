// SPDX-License-Identifier: BSL-1.0
// error: stator: Linear<784, 10>: input [?, 782] has 782 features, expected 784 (weight [10, 784])
#include "stator/stator.hpp"

struct Net {
  stator::nn::Linear<784, 10> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

#ifdef STATOR_CONTROL
using Images = stator::Tensor<float, stator::dynamic, 784>;
#else
using Images = stator::Tensor<float, stator::dynamic, 782>;
#endif

void use(stator::Model<Net>& model, Images& images) {
  auto y = model(images);
  (void)y;
}
