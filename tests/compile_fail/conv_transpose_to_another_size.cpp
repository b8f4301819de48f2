// SPDX-License-Identifier: BSL-1.0
// error: stator: ConvTranspose1d: output_size 12 of dimension 2, expected 9 to 10 for an input [1, 2, 5]
#include "stator/stator.hpp"

namespace nn = stator::nn;

#ifdef STATOR_CONTROL
constexpr stator::Index size = 10;
#else
constexpr stator::Index size = 12;
#endif
using Layer =
    nn::ConvTranspose1d<2, 3, 3, nn::ConvTransposeOptions<1>{.stride = 2, .padding = 1, .output_size = size}>;

void use(stator::Model<Layer>& model, const stator::Tensor<float, 1, 2, 5>& x) {
  auto y = model(x);
  (void)y;
}
