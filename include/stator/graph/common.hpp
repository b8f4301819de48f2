// SPDX-License-Identifier: BSL-1.0
// Pass "common": merges common subexpressions.
// Needs: operands before their users. Guarantees: no two nodes apply one operation to the same operands, but
// for operations that are unique (random numbers, hooks), and each number stands there once. Recording finds
// what is equal from the beginning; this pass finds what earlier passes made equal.
#pragma once

#include "stator/graph/graph.hpp"

#include <bit>

namespace stator::graph {

/// The pass.
constexpr Graph common(Graph g) {
  GrowingArray<int> heads(g.nodes.size(), -1), links(g.nodes.size(), -1);
  int *const head = heads.data(), *const link = links.data();
  const Node* const nodes = g.nodes.data();
  int* const edges = g.edges.data();
  int numbers = -1;
  const int size = static_cast<int>(g.nodes.size());
  for (int n = 0; n < size; ++n) {
    const Node& node = nodes[n];
    int* const operand = edges + node.first;
    for (int k = 0; k < node.count; ++k) operand[k] = g.current(operand[k]);
    const bool number = node.signature->kind == Kind::constant;
    if (!number && (node.count == 0 || node.signature->unique)) continue;
    int& first = number ? numbers : head[operand[0]];
    int same = first;
    for (; same >= 0; same = link[same]) {
      const Node& other = nodes[same];
      // By bits: 0 and -0 are two numbers.
      bool equal = other.signature->identity == node.signature->identity && other.count == node.count &&
                   std::bit_cast<std::uint64_t>(other.number) == std::bit_cast<std::uint64_t>(node.number) &&
                   other.leaf == node.leaf;
      for (int k = 1; equal && k < node.count; ++k) equal = edges[other.first + k] == operand[k];
      if (equal) break;
    }
    if (same >= 0)
      g.replace_uses(n, same);
    else
      link[n] = first, first = n;
  }
  return g;
}

} // namespace stator::graph
