// SPDX-License-Identifier: BSL-1.0
// What an expression refers to and what it owns; the types of results; what may stand in `forward`.
#include <stator/stator.hpp>

#include <iostream>

namespace nn = stator::nn;
using stator::Tensor;

// What may stand in forward: symbols (what comes in, and what operations return), parameters, buffers,
// numbers, layers, loops and conditions that the compiler can decide. What may not: the values themselves.
// `item()`, a branch on data, or a plain field that changes while the program runs do not compile; the
// message says what to write.
struct Gated {
  nn::Linear<4, 4> fc;
  stator::Parameter<float, 4> gain;
  nn::Dropout<0.5> dropout;
  static constexpr int repeats = 2; // a constant of the struct, not a field

  constexpr auto forward(auto x) const {
    auto h = x * (1 + gain); // an expression of parameters alone becomes part of the graph where it meets x
    for (int i = 0; i < repeats; ++i) h = h + (h | fc | nn::tanh);
    if (x.training()) return h | dropout; // one program for training, one for evaluation
    return h;
  }
};

/// A named tensor is referred to: it must live until the expression has run. std::move gives it to the
/// expression, which may then leave the function.
auto scores(const stator::Model<Gated>& model) {
  Tensor<float, 2, 4> x{1, 2, 3, 4, 5, 6, 7, 8};
  return model.eval()(std::move(x));
}

int main() {
  stator::manual_seed(0);
  stator::Model<Gated> model;

  // Lifetimes. A temporary belongs to the expression that is made of it; copies of the expression share it.
  const auto owned = model.eval()(Tensor<float, 2, 4>{1, 2, 3, 4, 5, 6, 7, 8});
  std::cout << "the same: " << (owned.value()(1, 2) == scores(model).value()(1, 2)) << '\n';
  // prints: the same: 1

  // What types cannot see, a name that ended too early, is a LifetimeError in programs compiled with
  // -DSTATOR_CHECK_LIFETIMES=1 or under AddressSanitizer; elsewhere the check costs nothing.

  // Nothing has run before value(), item() or backward(): what changes until then counts.
  Tensor<float, 3> a{1, 2, 3};
  const auto doubled = a * 2;
  a(0) = 10;
  std::cout << doubled.value()(0) << '\n';
  // prints: 20

  // Types. Results have PyTorch's element types: an integer tensor and a number with a fraction make float,
  // `/` is true division, comparisons make bool.
  Tensor<std::int64_t, 4> counts{1, 2, 3, 4};
  std::cout << (counts * 0.5).value()(0) << ' ' << (counts / 2).value()(0) << ' ' << (counts * 2).value()(0)
            << '\n';
  // prints: 0.5 0.5 2

  // Where PyTorch raises, the compiler stops: mean(eq(...)) is a mean of bool. The message says what to
  // write:
  Tensor<std::int64_t, 4> labels{1, 2, 0, 0};
  std::cout << "accuracy " << mean(stator::to<float>(stator::eq(counts, labels))).item() << '\n';
  // prints: accuracy 0.5

  // A gradient has the type of its operand, through conversions as well.
  stator::Variable<float, 2> w{1, 2};
  auto loss = sum(stator::to<double>(w) * 0.1);
  loss.backward();
  std::cout << w.grad()(0) << '\n';
  // prints: 0.1
}
