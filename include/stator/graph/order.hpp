// SPDX-License-Identifier: BSL-1.0
// Pass "order": in which order units run. A kernel comes in the order of recording; a region when it is
// needed, or with its last member. Needs: sinks, regions. Guarantees: `units` and `members`: every node that
// is computed is a member of one unit, after everything that it reads; those of the forward are the first
// `forward_units`.
#pragma once

#include "stator/graph/fuse.hpp"

namespace stator::graph {

namespace detail {

struct Scheduler {
  Graph& g;
  const int count;
  GrowingArray<Kind> kinds;
  GrowingArray<bool> flags;
  GrowingArray<int> lasts;
  const Node* const node;
  const int *const edge, *const sink, *const region, *const next;
  Kind* const kind;
  bool* const done;
  int* const last; ///< member of a region, at the node that it is called by

  explicit constexpr Scheduler(Graph& graph)
      : g(graph), count(static_cast<int>(g.nodes.size())), kinds(g.nodes.size()), flags(g.nodes.size()),
        lasts(g.nodes.size()), node(g.nodes.data()), edge(g.edges.data()), sink(g.sinks.data()),
        region(g.regions.data()), next(g.ring.data()), kind(kinds.data()), done(flags.data()),
        last(lasts.data()) {
    for (int n = 0; n < count; ++n) kind[n] = node[n].signature->kind, last[region[n]] = n;
  }

  /// Appends the unit of node n, after the units that it needs.
  constexpr void emit(int n) {
    while (kind[n] == Kind::view) n = edge[node[n].first];
    if (done[n] || kind[n] == Kind::leaf || kind[n] == Kind::constant) return;
    done[n] = true;
    if (kind[n] == Kind::kernel) {
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

  constexpr void run() {
    for (int n = 0; n < count; ++n) {
      if (n == g.forward_nodes) g.forward_units = static_cast<int>(g.units.size());
      if (kind[n] == Kind::kernel || (elementwise(kind[n]) && last[region[n]] == n)) emit(n);
    }
    if (g.forward_nodes >= count) g.forward_units = static_cast<int>(g.units.size());
  }
};

} // namespace detail

/// The pass.
constexpr Graph order(Graph g) {
  detail::Scheduler(g).run();
  return g;
}

} // namespace stator::graph
