// SPDX-License-Identifier: BSL-1.0
// Pass "differentiate": appends the backward program to the graph. Gradients are nodes like any other.
// Needs: a recorded forward whose root has one element. Guarantees: for every leaf that wants a gradient and
// reaches the root, an effect adds d(root)/d(leaf) to its gradient; the forward is as it was. Does a part of
// a large graph at a time: `undone` says how much is left.
#pragma once

#include "stator/graph/builder.hpp"

namespace stator::graph {

/// The most operands that a differentiable operation has.
inline constexpr std::size_t max_operands = 64;

/// Which nodes lead to a leaf that wants a gradient, through operations that have a derivative.
constexpr GrowingArray<bool> needs_gradient(const Graph& g) {
  GrowingArray<bool> result(g.nodes.size());
  bool* const needs = result.data();
  const bool* const wanted = g.needs_grad.data();
  const Node* node = g.nodes.data();
  for (int n = 0, size = static_cast<int>(g.nodes.size()); n < size; ++n, ++node) {
    if (node->signature->kind == Kind::leaf) {
      needs[n] = !node->gradient && wanted[node->leaf] && node->signature->accumulate_grad != nullptr;
    } else if (node->signature->vjp != nullptr) {
      for (const int *edge = g.edges.data() + node->first, *const end = edge + node->count; edge < end;
           ++edge)
        needs[n] = needs[n] || needs[*edge];
    }
  }
  return result;
}

/// Goes through the nodes from - 1 to `stop` and appends their vector-Jacobian products: `grads` holds the
/// gradient of each node so far, -1: none, and `needs` which nodes want one. `at_leaf(node, grad)` is called
/// for what has no operands to hand a gradient on to.
constexpr void sweep(Builder& b, const bool* needs, int* grads, int from, int stop, auto&& at_leaf) {
  for (int n = from - 1; n >= stop; --n) {
    const int grad = grads[n];
    if (grad < 0 || !needs[n]) continue;
    const Node node = b.nodes.data()[n];
    bool leads_on = false;
    for (const int *edge = b.edges.data() + node.first, *const end = edge + node.count; edge < end; ++edge)
      leads_on = leads_on || needs[*edge];
    if (!leads_on || node.signature->vjp == nullptr) {
      at_leaf(n, grad);
      continue;
    }
    int products[max_operands];
    for (int k = 0; k < node.count; ++k) products[k] = -1;
    node.signature->vjp(b, n, grad, products);
    for (int k = 0; k < node.count; ++k) {
      const int operand = b.edges.data()[node.first + k];
      if (products[k] < 0 || !needs[operand]) continue;
      int& sum = grads[operand];
      sum = sum < 0 ? products[k] : b.signature(operand).add(b, sum, products[k]);
    }
  }
}

/// Marks what depends on the nodes before `end` that `needs` marks already, through operations that are not
/// constant. `sweep` finds those of them that have no derivative.
constexpr void spread_needs(const Graph& g, bool* needs, int end) {
  const Node* node = g.nodes.data();
  for (int n = 0; n < end; ++n, ++node) {
    if (node->signature->constant || !is_floating_point(node->signature->type.dtype)) continue;
    for (const int *edge = g.edges.data() + node->first, *const last = edge + node->count; edge < last;
         ++edge)
      needs[n] = needs[n] || needs[*edge];
  }
}

/// For `sweep`: a gradient has come to an operation that has none for its operands.
struct WithoutDerivative {
  Builder& builder;   ///< that is to fail
  const bool* wanted; ///< nodes that are asked about
  /// Fails for anything else.
  constexpr void operator()(int node, int) const {
    if (wanted[node] || builder.kind(node) == Kind::leaf) return;
    builder.fail(text("grad: ", builder.signature(node).name,
                      " has no derivative"
                      ": write detach(...) where its operands are to be constant"));
  }
};

/// How many nodes are differentiated in one evaluation.
inline constexpr int differentiated_at_once = 400;

/// The pass.
constexpr Graph differentiate(Graph g) {
  if (!g.backward) return g;
  const GrowingArray<bool> found = needs_gradient(g);
  const bool* const needs = found.data();
  if (g.undone == 0) {
    if (!needs[g.root]) return g;
    g.grads = GrowingArray<int>(g.nodes.size(), -1);
    g.undone = g.root + 1;
    Builder b(static_cast<Graph&&>(g));
    const int one = b.signature(b.root).fill(b, 1.0);
    b.grads.data()[b.root] = one;
    g = static_cast<Builder&&>(b).finish();
  }
  Builder b(static_cast<Graph&&>(g));
  const int stop = b.undone > differentiated_at_once ? b.undone - differentiated_at_once : 0;
  sweep(b, needs, b.grads.data(), b.undone, stop,
        [&b](int leaf, int grad) { b.effects.push_back(b.signature(leaf).accumulate_grad(b, leaf, grad)); });
  b.undone = stop;
  if (stop == 0) b.grads.truncate(0);
  return static_cast<Builder&&>(b).finish();
}

} // namespace stator::graph
