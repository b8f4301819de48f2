// SPDX-License-Identifier: BSL-1.0
// error: stator: Embedding<10, 3>: embedding: the indices are float32, expected int64: convert them,
// stator::to<std::int64_t>(x), at words
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Embedding<10, 3> words;
  constexpr auto forward(auto x) const { return x | words; }
};

#ifdef STATOR_CONTROL
using Input = stator::Tensor<std::int64_t, 2>;
#else
using Input = stator::Tensor<float, 2>;
#endif

void use(stator::Model<Net>& model, Input& x) {
  auto y = model(x);
  (void)y;
}
