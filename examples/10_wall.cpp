// SPDX-License-Identifier: BSL-1.0
// A wall between a network and its users. This file compiles in a fraction of a second: it includes no
// network, only a handle (10_wall/mlp.hpp); 10_wall/mlp.cpp compiles the network. Build times:
// benchmarks/README.md.
#include "10_wall/mlp.hpp"

#include <cstdio>
#include <exception>

int main() {
  stator::Network mlp = make_mlp(0);
  const float inputs[] = {0, 0, 0, 1, 1, 0, 1, 1};
  const std::int64_t classes[] = {0, 1, 1, 0};

  double loss = 0;
  for (int step = 0; step < 200; ++step) loss = mlp.step({inputs, 4, 2}, {classes, 4});
  std::printf("it has learned: %s\n", loss < 0.01 ? "yes" : "no");
  // prints: it has learned: yes

  for (auto [name, values, grad] : mlp.named_parameters())
    std::printf("%.*s has %d numbers\n", static_cast<int>(name.size()), name.data(),
                static_cast<int>(values.numel()));
  // prints: fc1.weight has 32 numbers
  // prints: fc2.bias has 2 numbers

  mlp.save("mlp.safetensors");
  stator::Network other = make_mlp(1);
  other.load("mlp.safetensors");
  float outputs[8] = {};
  other({inputs, 4, 2}, {outputs, 4, 2}); // inference: any number of rows
  for (int i = 0; i < 4; ++i)
    std::printf("%g xor %g = %d\n", static_cast<double>(inputs[2 * i]),
                static_cast<double>(inputs[2 * i + 1]), outputs[2 * i + 1] > outputs[2 * i] ? 1 : 0);
  // prints: 0 xor 1 = 1
  // prints: 1 xor 1 = 0

  try {
    mlp.step({inputs, 2, 4}, {classes, 2});
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    // prints: network.step(input, target): input: found shape [2, 4], expected [?, 2]
  }
}
