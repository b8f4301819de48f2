// SPDX-License-Identifier: BSL-1.0
// Pass "order": in which order units run. A kernel comes in the order of recording; a region when it is
// needed, or with its last member. Needs: sinks, regions. Guarantees: `units` and `members`: every node that
// is computed is a member of one unit, after everything that it reads; those of the forward are the first
// `forward_units`. Takes a part of a large graph at a time: `undone` says how much is left, each node twice.
#pragma once

#include "stator/graph/fuse.hpp"

namespace stator::graph {

namespace detail {

struct Scheduler {
  Graph& g;
  const int count;
  const Node* const node;
  const int *const edge, *const sink, *const region, *const next;
  bool* const done;
  int* const last; ///< member of a region, at the node that it is called by

  explicit constexpr Scheduler(Graph& graph)
      : g(graph), count(static_cast<int>(g.nodes.size())), node(g.nodes.data()), edge(g.edges.data()),
        sink(g.sinks.data()), region(g.regions.data()), next(g.ring.data()), done(g.emitted.data()),
        last(g.lasts.data()) {}

  /// Appends the unit of node n, after the units that it needs.
  constexpr void emit(int n) {
    while (node[n].signature->kind == Kind::view) n = edge[node[n].first];
    const Kind kind = node[n].signature->kind;
    if (done[n] || kind == Kind::leaf || kind == Kind::constant) return;
    done[n] = true;
    if (kind == Kind::kernel) {
      for (int e = node[n].first, end = e + node[n].count; e < end; ++e)
        if (!done[edge[e]]) emit(edge[e]);
      g.units.push_back({false, static_cast<int>(g.members.size()), 1, false, {}});
      g.members.push_back(n);
      return;
    }
    if (sink[n] >= 0) {
      emit(sink[n]);
      return;
    }
    int members[max_region]{}, found = 0;
    int m = n;
    do {
      // Sorted: operands come before what uses them.
      int at = found++;
      for (; at > 0 && members[at - 1] > m; --at) members[at] = members[at - 1];
      members[at] = m;
      done[m] = true;
      m = next[m];
    } while (m != n);
    for (int k = 0; k < found; ++k)
      for (int e = node[members[k]].first, end = e + node[members[k]].count; e < end; ++e)
        if (!done[edge[e]]) emit(edge[e]);
    g.units.push_back({true, static_cast<int>(g.members.size()), found, false, {}});
    for (int k = 0; k < found; ++k) g.members.push_back(members[k]);
  }

  /// Appends the units of the next nodes, [first, end), in the order of recording.
  constexpr void emit_all(int first, int end) {
    for (int n = first; n < end; ++n) {
      if (n == g.forward_nodes) g.forward_units = static_cast<int>(g.units.size());
      const Kind kind = node[n].signature->kind;
      if (kind == Kind::kernel || (elementwise(kind) && last[region[n]] == n)) emit(n);
    }
    if (end == count && g.forward_nodes >= count) g.forward_units = static_cast<int>(g.units.size());
  }
};

/// Finds the last members of regions among the next nodes, or, once they are known, appends the units of the
/// next: about `at_once` steps of either kind.
constexpr Graph order_some(Graph g, int at_once) {
  const int count = static_cast<int>(g.nodes.size());
  if (g.undone == 0) {
    g.lasts = GrowingArray<int>(g.nodes.size());
    g.emitted = GrowingArray<bool>(g.nodes.size());
    g.undone = 2 * count;
  }
  const int first = 2 * count - g.undone, end = g.undone > at_once ? first + at_once : 2 * count;
  for (int n = first; n < (end < count ? end : count); ++n) g.lasts.data()[g.regions.data()[n]] = n;
  if (end > count) Scheduler(g).emit_all(first > count ? first - count : 0, end - count);
  g.undone = 2 * count - end;
  if (g.undone > 0) return g;
  g.lasts.truncate(0);
  g.emitted.truncate(0);
  return g;
}

/// How many nodes are ordered in one evaluation: compilers limit its steps.
inline constexpr int ordered_at_once = 4000;
} // namespace detail

/// The pass, or the next part of it.
constexpr Graph order(Graph g) {
  return detail::order_some(static_cast<Graph&&>(g), detail::ordered_at_once);
}

} // namespace stator::graph
