// SPDX-License-Identifier: BSL-1.0
// Hooks: see and change what passes through a network, without touching it. Nothing is left of them where
// none is used.
#include <stator/stator.hpp>

#include <iostream>
namespace nn = stator::nn;

struct Mlp {
  nn::Linear<2, 3> fc1;
  nn::Linear<3, 1> fc2;
  // A tap gives an intermediate value a name.
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | stator::tap<"hidden"> | fc2; }
};

int main() {
  stator::manual_seed(0);
  stator::Model<Mlp> model;
  const stator::Tensor<float, 2, 2> x{1, 2, 3, 4};

  // Functions of the running program see values, once these are computed.
  const auto watched = model.with(stator::forward_hook<"fc1">([](const auto& fc1, auto input, auto output) {
    std::cout << fc1.extra_repr() << ": " << input.shape() << " -> " << output.shape() << '\n';
  }));
  watched(x).value();
  // prints: in_features=2, out_features=3, bias=True: [2, 2] -> [2, 3]

  // The gradient of an intermediate value: kept, and clipped during backward.
  stator::Tensor<float, 2, 3> gradient;
  const auto clipped = model.with(stator::retain_grad<"hidden">(gradient),
                                  stator::tensor_hook<"hidden">([](auto grad) { return nn::hardtanh(grad); }),
                                  stator::full_backward_hook<"fc2">([](const auto&, auto grad_input, auto) {
                                    std::cout << "fc2: " << grad_input.shape() << '\n';
                                  }));
  sum(clipped(x)).backward();
  // prints: fc2: [2, 3]
  std::cout << "hidden.grad: " << gradient.shape() << '\n';
  // prints: hidden.grad: [2, 3]

  // A traced function is part of the network: it sees symbols, and is differentiated, fused and planned with
  // the rest.
  const auto scaled = model.with(
      stator::forward_hook<"fc2">(stator::traced([](const auto&, auto, auto y) { return y * 0.f + 1.f; })));
  std::cout << scaled(x).value() << '\n';
  // prints: tensor([[1], [1]])
}
