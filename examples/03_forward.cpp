// SPDX-License-Identifier: BSL-1.0
// Calling a network gives an expression; nothing runs before its value is asked for.
#include <stator/stator.hpp>

#include <iostream>

namespace nn = stator::nn;
using stator::Tensor;

struct Net {
  nn::Linear<3, 4> fc1;
  nn::Linear<4, 2> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

/// Several results: a tuple, or a struct with a parameter for the type of each field.
template<class Y, class H>
struct Said {
  Y logits;
  H hidden;
};
struct Speaker {
  Net net;
  constexpr auto forward(auto x) const {
    const auto hidden = nn::relu(x | net.fc1);
    return Said{hidden | net.fc2, hidden};
  }
};

int main() {
  stator::manual_seed(0);
  stator::Model<Net> model;

  // A batch that the compiler knows: extents are part of the type.
  const Tensor<float, 2, 3> x{1, 2, 3, 4, 5, 6};
  auto y = model(x);
  std::cout << y.shape() << '\n';
  // prints: [2, 2]
  const Tensor<float, 2, 2> logits = y.value();
  std::cout << logits(1, 0) << '\n';
  // prints: -0.656

  // A batch that is known when the program runs: only the leading extent may be dynamic.
  Tensor<float, stator::dynamic, 3> samples(5);
  samples.fill_(1);
  std::cout << model(samples).shape() << ' ' << model(samples).value().shape() << '\n';
  // prints: [5, 2] [5, 2]

  // Inference: no dropout, running statistics. `value_into` allocates nothing.
  Tensor<float, 2, 2> out;
  model.eval()(x).value_into(out);
  std::cout << (out(1, 0) == logits(1, 0) ? "the same\n" : "not the same\n");
  // prints: the same

  // Expressions work on plain tensors as well, and nest: still one program.
  std::cout << mean((model(x) - 1) * 2).shape() << '\n';
  // prints: []

  // A forward that returns several values gives as many expressions, under their names; `values` runs once
  // for all.
  stator::Model<Speaker> speaker;
  const auto said = speaker.eval()(x);
  const auto tensors = stator::values(said);
  std::cout << said.hidden.shape() << ' '
            << (tensors.hidden(1, 2) == said.hidden.value()(1, 2) ? "the same\n" : "not the same\n");
  // prints: [2, 4] the same

  // Extents that do not fit are errors of the compiler. Those that it cannot know are exceptions:
  try {
    model(samples).value_into(Tensor<float, stator::dynamic, 2>(4));
  } catch (const stator::ShapeError& error) {
    std::cout << error.what() << '\n';
    // prints: stator: value_into: the expression has shape [5, 2], the tensor [4, 2]
  }
}
