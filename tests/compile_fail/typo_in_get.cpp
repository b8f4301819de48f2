// SPDX-License-Identifier: BSL-1.0
// error: stator: Mlp has no parameter, buffer or module fc1.weigth, did you mean fc1.weight
#include "stator/stator.hpp"

struct Mlp {
  stator::nn::Linear<784, 128> fc1;
  stator::nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | stator::nn::relu | fc2; }
};

void use(stator::Model<Mlp>& model) {
#ifdef STATOR_CONTROL
  auto& weight = model.get<"fc1.weight">();
#else
  auto& weight = model.get<"fc1.weigth">();
#endif
  (void)weight;
}
