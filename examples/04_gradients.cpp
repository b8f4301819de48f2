// SPDX-License-Identifier: BSL-1.0
// Gradients of expressions, without any network.
#include <stator/stator.hpp>

#include <iostream>

using stator::Tensor;
using stator::Variable;

int main() {
  Variable<float, 3, 4> a{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};     // requires a gradient
  const Tensor<float, 4, 3> b{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; // does not

  auto c = matmul(a, b);
  auto e = sum(c);
  std::cout << c.value() << '\n' << e.item() << '\n';
  // prints: tensor([[70, 80, 90], [158, 184, 210], [246, 288, 330]])
  // prints: 1656

  e.backward();
  std::cout << a.grad() << '\n';
  // prints: tensor([[6, 15, 24, 33], [6, 15, 24, 33], [6, 15, 24, 33]])

  // A leaf is not the result of an operation. What is computed from it names the operation that made it.
  std::cout << std::boolalpha << "a: is_leaf " << a.is_leaf() << ", grad_fn '" << a.grad_fn() << "'\n"
            << "c: is_leaf " << c.is_leaf() << ", grad_fn '" << c.grad_fn() << "'\n"
            << "e: is_leaf " << e.is_leaf() << ", grad_fn '" << e.grad_fn() << "'\n";
  // prints: a: is_leaf true, grad_fn ''
  // prints: c: is_leaf false, grad_fn 'MmBackward0'
  // prints: e: is_leaf false, grad_fn 'SumBackward0'

  // Nothing in this sum wants a gradient, so it is a leaf too, as in PyTorch.
  std::cout << "b + b: requires_grad " << (b + b).requires_grad() << ", is_leaf " << (b + b).is_leaf()
            << '\n';
  // prints: b + b: requires_grad false, is_leaf true

  // Gradients add up until they are set to zero.
  sum(a * a).backward();
  std::cout << a.grad()(0, 0) << ' ' << a.grad()(2, 3) << '\n';
  // prints: 8 57
  a.zero_grad();
  mean(a * 3).backward();
  std::cout << a.grad()(0, 0) << '\n';
  // prints: 0.25

  // The values between are gone after backward(): a second one is an error.
  try {
    e.backward();
  } catch (const stator::GraphError& error) {
    std::cout << error.what() << '\n';
    // prints: stator: backward() was called twice
  }
}
