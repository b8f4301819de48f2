// SPDX-License-Identifier: BSL-1.0
// Pass "dead": drops what neither the root nor an effect needs.
// Needs: operands before their users. Guarantees: every node is needed; the order of the others is as it was.
#pragma once

#include "stator/graph/graph.hpp"

namespace stator::graph {

/// The pass.
constexpr Graph dead(Graph g) {
  const int size = static_cast<int>(g.nodes.size());
  GrowingArray<int> numbers(g.nodes.size());
  int* const moved = numbers.data(); // first: 1 for a node that is needed; then where it goes
  Node* const node = g.nodes.data();
  int* const edge = g.edges.data();
  moved[g.root] = 1;
  for (const int e : g.effects) moved[e] = 1;
  for (int n = size; n-- > 0;)
    if (moved[n] != 0)
      for (int e = node[n].first, end = e + node[n].count; e < end; ++e) moved[edge[e]] = 1;
  if (g.recorded == 0) g.recorded = size;
  GrowingArray<int> edges;
  edges.reserve(g.edges.size());
  int kept = 0, forward = 0;
  for (int n = 0; n < size; ++n) {
    if (moved[n] == 0) continue;
    const Node from = node[n];
    Node& to = node[kept] = from;
    to.first = static_cast<int>(edges.size());
    for (int e = from.first, end = e + from.count; e < end; ++e) edges.push_back(moved[edge[e]]);
    moved[n] = kept++;
    if (n < g.forward_nodes) forward = kept;
  }
  g.nodes.truncate(static_cast<std::size_t>(kept));
  g.edges = static_cast<GrowingArray<int>&&>(edges);
  g.forward_nodes = forward;
  g.root = moved[g.root];
  for (int& e : g.effects) e = moved[e];
  g.gates.truncate(0);
  return g;
}

} // namespace stator::graph
