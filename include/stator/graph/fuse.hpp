// SPDX-License-Identifier: BSL-1.0
// Pass "fuse": joins elementwise nodes to regions that run in one loop.
// Needs: sinks; operands before their users. Guarantees: `regions` and `ring`: the members of a region have
// one type, are all of the forward or all of the backward, are at most max_region, and no path leads from one
// member to another through a node outside; every other node is a region of its own.
//
// Every node gets a stage: a kernel is one stage after its operands, an elementwise node in the stage of the
// elementwise operands of its own shape and one after all others. Nodes of one stage never depend on each
// other through another stage, so merging neighbours of equal stage and shape cannot make a cycle. Backward
// nodes are all in later stages than forward nodes, so that the forward can run alone.
#pragma once

#include "stator/graph/graph.hpp"

#include <utility>

namespace stator::graph {

/// The most nodes in a region: bounded by registers and by the size of template arguments.
inline constexpr int max_region = 24;
/// The most operands that an elementwise operation has.
inline constexpr int max_elementwise_operands = 8;

namespace detail {

constexpr bool elementwise(Kind k) { return k == Kind::elementwise || k == Kind::store; }

// Written on plain pointers: compilers count every call of an accessor as a step of the evaluation, and the
// number of steps is limited.
struct Fuser {
  Graph& g;
  const int count; ///< nodes
  GrowingArray<Kind> kinds;
  GrowingArray<int> ints; ///< memory of the arrays below
  const Node* const node;
  const int *const edge, *const sink;
  Kind* const kind;
  int *const region, *const next; ///< union-find over elementwise nodes; members of a region in a ring
  int *const stage, *const size;  ///< size: of the region, at the node that it is called by

  explicit constexpr Fuser(Graph& graph)
      : g(graph), count(static_cast<int>(g.nodes.size())), kinds(g.nodes.size()), ints(2 * g.nodes.size()),
        node(g.nodes.data()), edge(g.edges.data()), sink(g.sinks.data()), kind(kinds.data()),
        region(g.regions.data()), next(g.ring.data()), stage(ints.data()), size(stage + count) {
    for (int n = 0; n < count; ++n) kind[n] = node[n].signature->kind, region[n] = next[n] = n, size[n] = 1;
  }

  constexpr int find(int n) const {
    while (region[n] != n) n = region[n] = region[region[n]];
    return n;
  }
  constexpr bool joins(int n, int o) const {
    return elementwise(kind[o]) && sink[o] < 0 &&
           (node[o].signature == node[n].signature || node[o].signature->type == node[n].signature->type);
  }

  constexpr void run() {
    int forward_last = 0;
    for (int n = 0; n < count; ++n) {
      if (n == g.forward_nodes) ++forward_last;
      if (kind[n] == Kind::leaf || kind[n] == Kind::constant) continue;
      int s = n < g.forward_nodes ? 0 : forward_last;
      const bool fuses = elementwise(kind[n]), view = kind[n] == Kind::view;
      bool neighbours = false;
      for (int e = node[n].first, end = e + node[n].count; e < end; ++e) {
        const int o = edge[e];
        if (kind[o] == Kind::leaf || kind[o] == Kind::constant) continue;
        const bool joined = fuses && joins(n, o);
        neighbours = neighbours || joined;
        const int least = view || joined ? stage[o] : stage[o] + 1;
        if (least > s) s = least;
      }
      stage[n] = s;
      if (neighbours && sink[n] < 0) merge(n);
      if (n < g.forward_nodes && stage[n] > forward_last) forward_last = stage[n];
    }
    for (int n = 0; n < count; ++n) region[n] = find(n);
  }

  /// Joins n with the regions of its operands in the same stage, or moves it one stage on when they are full.
  constexpr void merge(int n) {
    int roots[max_elementwise_operands]{}, found = 0, total = 1;
    for (int e = node[n].first, end = e + node[n].count; e < end; ++e) {
      const int o = edge[e];
      if (stage[o] != stage[n] || !joins(n, o)) continue;
      const int r = find(o);
      bool known = false;
      for (int k = 0; k < found; ++k) known = known || roots[k] == r;
      if (known) continue;
      roots[found++] = r;
      total += size[r];
    }
    if (total > max_region) {
      ++stage[n];
      return;
    }
    for (int k = 0; k < found; ++k) {
      const int a = roots[k], b = find(n);
      region[b] = a;
      size[a] += size[b];
      std::swap(next[a], next[b]);
    }
  }
};

} // namespace detail

/// The pass.
constexpr Graph fuse(Graph g) {
  g.regions = GrowingArray<int>(g.nodes.size());
  g.ring = GrowingArray<int>(g.nodes.size());
  detail::Fuser(g).run();
  return g;
}

} // namespace stator::graph
