// SPDX-License-Identifier: BSL-1.0
// A network is a plain struct: no base class, no macro, no registration.
#include <stator/stator.hpp>

#include <iostream>

namespace nn = stator::nn;

struct Mlp {
  nn::Linear<784, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

// What PyTorch counts when the program runs is a constant here.
static_assert(stator::Model<Mlp>::parameter_count == 101'770);

int main() {
  stator::manual_seed(0);   // the same seed gives the weights that PyTorch gives
  stator::Model<Mlp> model; // owns the memory: parameters and gradients, one block
  std::cout << model << '\n';
  // prints: Mlp(
  // prints:   (fc1): Linear(in_features=784, out_features=128, bias=True)
  // prints:   (fc2): Linear(in_features=128, out_features=10, bias=True)

  auto& weight = model.get<"fc1.weight">(); // a path that does not exist does not compile
  std::cout << weight.shape() << ' ' << weight(0, 0) << '\n';
  // prints: [128, 784] -0.000267
}
