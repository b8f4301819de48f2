// SPDX-License-Identifier: BSL-1.0
// A sequence of another number of features names both, and the path.
// error: stator: LSTM: input [8, 5, 4], expected [N, L, 3], at lstm
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::LSTM<3, 6, nn::RNNOptions{.batch_first = true}> lstm;
  constexpr auto forward(auto x) const { return x | lstm; }
};

#ifdef STATOR_CONTROL
using Sequences = stator::Tensor<float, 8, 5, 3>;
#else
using Sequences = stator::Tensor<float, 8, 5, 4>;
#endif

void use(stator::Model<Net>& model, const Sequences& sequences) {
  auto y = model(sequences);
  (void)y;
}
