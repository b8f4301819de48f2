// SPDX-License-Identifier: BSL-1.0
// error: stator: Net: input 1: a vector is not a tensor: pass a view of its elements,
// stator::TensorView<float, extents...>(data)
#include "stator/stator.hpp"

#include <vector>

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 2> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

void use(stator::Model<Net>& model, std::vector<float>& x) {
#ifdef STATOR_CONTROL
  auto y = model(stator::TensorView<float, 3, 4>(x.data()));
#else
  auto y = model(x);
#endif
  (void)y;
}
