// SPDX-License-Identifier: BSL-1.0
// A transposed convolution whose padding leaves nothing of the output names the input and the path.
// error: stator: ConvTranspose2d: input [8, 3, 1, 4] is so small that the padding leaves no output, at up
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::ConvTranspose2d<3, 2, 3, nn::ConvTransposeOptions<2>{.padding = 2}> up;
  constexpr auto forward(auto x) const { return x | up; }
};

#ifdef STATOR_CONTROL
using Images = stator::Tensor<float, 8, 3, 4, 4>;
#else
using Images = stator::Tensor<float, 8, 3, 1, 4>;
#endif

void use(stator::Model<Net>& model, const Images& images) {
  auto y = model(images);
  (void)y;
}
