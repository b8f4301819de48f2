// SPDX-License-Identifier: BSL-1.0
// A gradient with respect to what a module returns that the network does not have.
// error: stator: grad: no network in this expression has a trainable parameter, a module or a tap at
// "encoder"
#include <stator/stator.hpp>

struct Net {
  stator::nn::Linear<3, 2> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

int main() {
  const stator::Model<Net> model;
  const stator::Tensor<float, 1, 3> x{1, 2, 3};
#ifdef STATOR_CONTROL
  (void)stator::grad<"fc">(sum(model(x))).value();
#else
  (void)stator::grad<"encoder">(sum(model(x))).value();
#endif
}
