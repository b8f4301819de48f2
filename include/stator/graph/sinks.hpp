// SPDX-License-Identifier: BSL-1.0
// Pass "sinks": a gradient that a kernel computes for one use is added by the kernel itself.
// Needs: no dead nodes. Guarantees: `sinks` holds, for each store to a gradient whose value a kernel can add
// there by itself, that kernel, and -1 for every other node.
#pragma once

#include "stator/graph/graph.hpp"

namespace stator::graph {

/// The pass.
constexpr Graph sinks(Graph g) {
  const int size = static_cast<int>(g.nodes.size());
  GrowingArray<int> counted(g.nodes.size());
  g.sinks = GrowingArray<int>(g.nodes.size(), -1);
  int *const uses = counted.data(), *const sink = g.sinks.data();
  const Node* const node = g.nodes.data();
  const int* const edge = g.edges.data();
  for (const int e : g.edges) ++uses[e];
  for (int n = 0; n < size; ++n) {
    if (!node[n].gradient || node[n].signature->kind != Kind::store) continue;
    int kernel = edge[node[n].first + 1];
    bool single = uses[kernel] == 1;
    while (node[kernel].signature->kind == Kind::view) {
      kernel = edge[node[kernel].first];
      single = single && uses[kernel] == 1;
    }
    const Signature& s = *node[kernel].signature;
    if (single && s.kind == Kind::kernel && s.accumulate != nullptr && kernel != g.root) sink[n] = kernel;
  }
  return g;
}

} // namespace stator::graph
