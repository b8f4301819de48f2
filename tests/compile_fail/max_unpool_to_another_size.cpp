// SPDX-License-Identifier: BSL-1.0
// error: stator: max_unpool2d: output_size 7 in dimension 0 for input [1, 1, 2, 2]: expected more than 2 and
// less than 6
#include "stator/stator.hpp"

namespace nn = stator::nn;

#ifdef STATOR_CONTROL
constexpr stator::Index size = 5;
#else
constexpr stator::Index size = 7;
#endif

void use(stator::Tensor<float, 1, 1, 4, 4>& x) {
  const auto [y, at] = nn::max_pool2d_with_indices<2>(x);
  auto z = nn::max_unpool2d<2, nn::UnpoolSettings<2>{.output_size = size}>(y, at);
  (void)z;
}
