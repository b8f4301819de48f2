// SPDX-License-Identifier: BSL-1.0
// error: stator: a Model is called inside forward: a network holds networks, declare the field as the struct
// itself
#include "stator/stator.hpp"

struct Inner {
  stator::nn::Linear<4, 4> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

#ifdef STATOR_CONTROL
inline constexpr Inner inner;
#else
inline stator::Model<Inner> inner;
#endif

struct Net {
  stator::nn::Linear<4, 2> fc;
  constexpr auto forward(auto x) const { return x | inner | fc; }
};

void use(stator::Model<Net>& model, stator::Tensor<float, 3, 4>& x) {
#ifdef STATOR_CONTROL
  (void)model, (void)x;
#else
  auto y = model(x);
  (void)y;
#endif
}
