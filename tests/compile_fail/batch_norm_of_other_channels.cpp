// SPDX-License-Identifier: BSL-1.0
// Batch normalisation of another number of channels names both, and the path.
// error: stator: BatchNorm2d: input [8, 4, 5, 5], expected 3 channels and 4 dimensions, at norm
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::BatchNorm2d<3> norm;
  constexpr auto forward(auto x) const { return x | norm; }
};

#ifdef STATOR_CONTROL
using Images = stator::Tensor<float, 8, 3, 5, 5>;
#else
using Images = stator::Tensor<float, 8, 4, 5, 5>;
#endif

void use(stator::Model<Net>& model, const Images& images) {
  auto y = model(images);
  (void)y;
}
