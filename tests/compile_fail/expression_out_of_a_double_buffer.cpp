// SPDX-License-Identifier: BSL-1.0
// The expression would run when the copy that it refers to is written to.
// error: stator: DoubleBuffer::read: the function returns an expression, which would run when
#include "stator/model/double_buffer.hpp"
#include "stator/stator.hpp"

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

void use(const stator::DoubleBuffer<stator::Model<Net>>& policy, const stator::Tensor<float, 1, 4>& x) {
#ifdef STATOR_CONTROL
  const auto y = policy.read([&](const auto& model) { return model.eval()(x).value(); });
#else
  const auto y = policy.read([&](const auto& model) { return model.eval()(x); });
#endif
  (void)y;
}
