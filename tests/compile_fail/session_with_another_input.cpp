// SPDX-License-Identifier: BSL-1.0
// error: stator: InferenceSession: an input has another type than the session was made for
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

auto use(const stator::Model<Net>& model) {
  const auto session = stator::optimize_for_inference<stator::Tensor<float, 1, 4>>(model.eval());
#ifdef STATOR_CONTROL
  return session(stator::Tensor<float, 1, 4>()).value();
#else
  return session(stator::Tensor<float, 2, 4>()).value();
#endif
}
