// SPDX-License-Identifier: BSL-1.0
// error: stator: hook at "encoder.fc2": Net has no module, tap or result of that name, did you mean
// encoder.fc1
#include "stator/stator.hpp"

struct Encoder {
  stator::nn::Linear<4, 3> fc1;
  constexpr auto forward(auto x) const { return x | fc1 | stator::tap<"hidden">; }
};
struct Net {
  Encoder encoder;
  constexpr auto forward(auto x) const { return x | encoder; }
};

auto use(const stator::Model<Net>& model, const stator::Tensor<float, 2, 4>& x) {
#ifdef STATOR_CONTROL
  return model.with(stator::tensor_hook<"encoder.hidden">([](auto) {}))(x).value();
#else
  return model.with(stator::tensor_hook<"encoder.fc2">([](auto) {}))(x).value();
#endif
}
