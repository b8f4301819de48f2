// SPDX-License-Identifier: BSL-1.0
// error: stator: Linear<4, 3>: a forward hook that replaces its output is given as stator::traced(f), at fc
#include "stator/stator.hpp"

struct Net {
  stator::nn::Linear<4, 3> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

auto use(const stator::Model<Net>& model, const stator::Tensor<float, 2, 4>& x) {
  const auto twice = [](const auto&, auto, auto y) { return y * 2.f; };
#ifdef STATOR_CONTROL
  return model.with(stator::forward_hook<"fc">(stator::traced(twice)))(x).value();
#else
  return model.with(stator::forward_hook<"fc">(twice))(x).value();
#endif
}
