// SPDX-License-Identifier: BSL-1.0
// error: stator: Net: forward reads a plain field, one of `deep`, which has no value yet while forward is
// compiled: use a stator::Buffer, a template parameter or a static constexpr member
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 4> fc;
#ifdef STATOR_CONTROL
  static constexpr bool deep = true;
#else
  bool deep = true;
#endif
  constexpr auto forward(auto x) const {
    auto h = x | fc;
    if (deep) h = h | fc;
    return h;
  }
};

void use(stator::Model<Net>& model, stator::Tensor<float, 3, 4>& x) {
  auto y = model(x);
  (void)y;
}
