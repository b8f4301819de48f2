// SPDX-License-Identifier: BSL-1.0
// Reverse-mode differentiation: appends the backward program to the graph. Gradients are nodes like any other.
#pragma once

#include "stator/graph/builder.hpp"

namespace stator::graph {

/// The most operands that a differentiable operation has.
inline constexpr std::size_t max_operands = 64;

/// Which nodes lead to a leaf that wants a gradient, through operations that have a derivative.
constexpr GrowingArray<bool> needs_gradient(const Builder& b) {
  GrowingArray<bool> needs(b.nodes.size());
  for (std::size_t n = 0; n < b.nodes.size(); ++n) {
    const Node& node = b.nodes[n];
    if (node.signature->kind == Kind::leaf) {
      needs[n] = !node.gradient && b.needs_grad[Builder::index(node.leaf)] && node.signature->accumulate_grad != nullptr;
    } else if (node.signature->vjp != nullptr) {
      for (int k = 0; k < node.count && !needs[n]; ++k)
        needs[n] = needs[Builder::index(b.operand(static_cast<int>(n), k))];
    }
  }
  return needs;
}

/// Appends nodes that add d(root)/d(leaf) to the gradient of every leaf that wants one. `root` has one element.
constexpr void differentiate(Builder& b, int root) {
  const GrowingArray<bool> needs = needs_gradient(b);
  if (!needs[Builder::index(root)]) return;
  GrowingArray<int> grads(b.nodes.size());
  for (int& g : grads) g = -1;
  b.grads = grads.data();
  grads[Builder::index(root)] = b.signature(root).fill(b, 1.0);
  for (int n = root; n >= 0; --n) {
    const int grad = grads[Builder::index(n)];
    if (grad < 0 || !needs[Builder::index(n)]) continue;
    const Node node = b.nodes[Builder::index(n)];
    if (node.signature->kind == Kind::leaf) {
      b.effects.push_back(node.signature->accumulate_grad(b, n, grad));
      continue;
    }
    int products[max_operands];
    for (int k = 0; k < node.count; ++k) products[k] = -1;
    node.signature->vjp(b, n, grad, products);
    for (int k = 0; k < node.count; ++k) {
      const int operand = b.operand(n, k);
      if (products[k] < 0 || !needs[Builder::index(operand)]) continue;
      int& sum = grads[Builder::index(operand)];
      sum = sum < 0 ? products[k] : b.signature(operand).add(b, sum, products[k]);
    }
  }
  b.grads = nullptr;
}

} // namespace stator::graph
