// SPDX-License-Identifier: BSL-1.0
// Pass "fuse": joins elementwise nodes to regions that run in one loop.
// Needs: sinks; operands before their users. Guarantees: `regions` and `ring`: the members of a region have
// one type, are all of the forward or all of the backward, are at most max_region, and no path leads from one
// member to another through a node outside; every other node is a region of its own.
//
// Every node gets a stage: a kernel is one stage after its operands, an elementwise node in the stage of the
// elementwise operands of its own shape and one after all others. Nodes of one stage never depend on each
// other through another stage, so merging neighbours of equal stage and shape cannot make a cycle. Backward
// nodes are all in later stages than forward nodes, so that the forward can run alone. Takes a part of a
// large graph at a time: `undone` says how much is left, each node twice.
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
  const Node* const node;
  const int *const edge, *const sink;
  int *const region, *const next; ///< union-find over elementwise nodes; members of a region in a ring
  int *const stage, *const size;  ///< size: of the region, at the node that it is called by

  explicit constexpr Fuser(Graph& graph)
      : g(graph), count(static_cast<int>(g.nodes.size())), node(g.nodes.data()), edge(g.edges.data()),
        sink(g.sinks.data()), region(g.regions.data()), next(g.ring.data()), stage(g.stages.data()),
        size(g.sizes.data()) {}

  constexpr int find(int n) const {
    while (region[n] != n) n = region[n] = region[region[n]];
    return n;
  }
  constexpr bool joins(int n, int o) const {
    return elementwise(node[o].signature->kind) && sink[o] < 0 &&
           (node[o].signature == node[n].signature || node[o].signature->type == node[n].signature->type);
  }

  /// Gives the next nodes, [first, end), their stages, and joins them with those before.
  constexpr void join(int first, int end) {
    int last_stage = g.last_stage;
    for (int n = first; n < end; ++n) {
      region[n] = next[n] = n, size[n] = 1;
      if (n == g.forward_nodes) ++last_stage;
      const Kind kind = node[n].signature->kind;
      if (kind == Kind::leaf || kind == Kind::constant) continue;
      int s = n < g.forward_nodes ? 0 : last_stage;
      const bool fuses = elementwise(kind), view = kind == Kind::view;
      bool neighbours = false;
      for (int e = node[n].first, edges_end = e + node[n].count; e < edges_end; ++e) {
        const int o = edge[e];
        const Kind operand = node[o].signature->kind;
        if (operand == Kind::leaf || operand == Kind::constant) continue;
        const bool joined = fuses && joins(n, o);
        neighbours = neighbours || joined;
        const int least = view || joined ? stage[o] : stage[o] + 1;
        if (least > s) s = least;
      }
      stage[n] = s;
      if (neighbours && sink[n] < 0) merge(n);
      if (n < g.forward_nodes && stage[n] > last_stage) last_stage = stage[n];
    }
    g.last_stage = last_stage;
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

/// Joins the next nodes, or says for all of them, once they are joined, which region they belong to: about
/// `at_once` steps of either kind.
constexpr Graph fuse_some(Graph g, int at_once) {
  const int count = static_cast<int>(g.nodes.size());
  if (g.undone == 0) {
    for (GrowingArray<int>* const list : {&g.regions, &g.ring, &g.stages, &g.sizes})
      *list = GrowingArray<int>(g.nodes.size());
    g.last_stage = 0;
    g.undone = 2 * count;
  }
  Fuser fuser(g);
  const int first = 2 * count - g.undone, end = g.undone > at_once ? first + at_once : 2 * count;
  fuser.join(first, end < count ? end : count);
  for (int n = first > count ? first - count : 0; n < end - count; ++n) g.regions.data()[n] = fuser.find(n);
  g.undone = 2 * count - end;
  if (g.undone > 0) return g;
  g.stages.truncate(0);
  g.sizes.truncate(0);
  return g;
}

/// How many nodes are joined in one evaluation: compilers limit its steps.
inline constexpr int fused_at_once = 4000;
} // namespace detail

/// The pass, or the next part of it.
constexpr Graph fuse(Graph g) { return detail::fuse_some(static_cast<Graph&&>(g), detail::fused_at_once); }

} // namespace stator::graph
