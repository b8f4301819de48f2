// SPDX-License-Identifier: BSL-1.0
// Dead-code elimination, fusion of elementwise nodes into regions, and the order of execution.
//
// Every node gets a stage: a kernel is one stage after its operands, an elementwise node in the stage of the
// elementwise operands of its own shape and one behind all others. Nodes of one stage never depend on each
// other through another stage, so merging neighbours of equal stage and shape cannot make a cycle. Backward
// nodes are all in later stages than forward nodes, so that the forward can run alone.
#pragma once

#include "stator/graph/program.hpp"

namespace stator::graph {

/// The most nodes in a region: bounded by registers and by the size of template arguments.
inline constexpr int max_region = 24;

/// Drops what neither the root nor an effect needs.
constexpr Draft drop_dead(const Builder& b, int root, int forward_nodes) {
  const auto index = Builder::index;
  GrowingArray<bool> live(b.nodes.size());
  live[index(root)] = true;
  for (const int e : b.effects) live[index(e)] = true;
  for (std::size_t n = b.nodes.size(); n-- > 0;) {
    if (!live[n]) continue;
    for (int k = 0; k < b.nodes[n].count; ++k) live[index(b.operand(static_cast<int>(n), k))] = true;
  }
  Draft d;
  GrowingArray<int> moved(b.nodes.size());
  for (std::size_t n = 0; n < b.nodes.size(); ++n) {
    if (!live[n]) continue;
    Node node = b.nodes[n];
    const int first = static_cast<int>(d.edges.size());
    for (int k = 0; k < node.count; ++k) d.edges.push_back(moved[index(b.operand(static_cast<int>(n), k))]);
    node.first = first;
    moved[n] = static_cast<int>(d.nodes.size());
    if (static_cast<int>(n) < forward_nodes) d.forward_nodes = moved[n] + 1;
    d.nodes.push_back(node);
  }
  d.root = moved[index(root)];
  d.recorded = static_cast<int>(b.nodes.size());
  return d;
}

namespace detail {

constexpr bool elementwise(Kind k) { return k == Kind::elementwise || k == Kind::store; }

// Written on plain pointers: compilers count every call of an accessor as a step of the evaluation, and the
// number of steps is limited.
struct Scheduler {
  Draft& d;
  const int count;                          ///< nodes
  GrowingArray<Kind> kinds;
  GrowingArray<int> ints;                   ///< memory of the arrays below
  GrowingArray<bool> flags;
  const Node* const node;
  const int* const edge;
  const Kind* const kind;
  int *const stage, *const region, *const size, *const next, *const sink;
  bool* const done;
  // region: union-find over elementwise nodes, of others themselves; size: of the region, at its root;
  // next: members of a region in a ring; sink: for a store that a kernel performs, that kernel, otherwise -1.

  explicit constexpr Scheduler(Draft& draft)
      : d(draft), count(static_cast<int>(d.nodes.size())), kinds(d.nodes.size()), ints(5 * d.nodes.size()),
        flags(d.nodes.size()), node(d.nodes.data()), edge(d.edges.data()), kind(kinds.data()), stage(ints.data()),
        region(stage + count), size(region + count), next(size + count), sink(next + count), done(flags.data()) {
    Kind* const k = kinds.data();
    for (int n = 0; n < count; ++n) {
      k[n] = node[n].signature->kind;
      region[n] = next[n] = n;
      size[n] = 1;
      sink[n] = -1;
    }
  }

  constexpr int find(int n) const {
    while (region[n] != n) n = region[n] = region[region[n]];
    return n;
  }
  constexpr int base(int n) const {
    while (kind[n] == Kind::view) n = edge[node[n].first];
    return n;
  }

  /// A gradient that a kernel computes for one use is added by the kernel itself.
  constexpr void find_sinks() {
    GrowingArray<int> counted(d.nodes.size());
    int* const uses = counted.data();
    for (const int e : d.edges) ++uses[e];
    for (int n = 0; n < count; ++n) {
      if (kind[n] != Kind::store || !node[n].gradient) continue;
      int kernel = edge[node[n].first + 1];
      bool single = uses[kernel] == 1;
      while (kind[kernel] == Kind::view) {
        kernel = edge[node[kernel].first];
        single = single && uses[kernel] == 1;
      }
      if (single && kind[kernel] == Kind::kernel && node[kernel].signature->accumulate != nullptr && kernel != d.root)
        sink[n] = kernel;
    }
  }

  constexpr bool joins(int n, int o) const {
    return elementwise(kind[o]) && sink[o] < 0 &&
           (node[o].signature == node[n].signature || node[o].signature->type == node[n].signature->type);
  }

  constexpr void assign_stages() {
    int forward_last = 0;
    for (int n = 0; n < count; ++n) {
      if (n == d.forward_nodes) ++forward_last;
      if (kind[n] == Kind::leaf || kind[n] == Kind::constant) continue;
      int s = n < d.forward_nodes ? 0 : forward_last;
      const bool fuses = elementwise(kind[n]), view = kind[n] == Kind::view;
      bool neighbours = false;
      for (int e = node[n].first; e < node[n].first + node[n].count; ++e) {
        const int o = edge[e];
        if (kind[o] == Kind::leaf || kind[o] == Kind::constant) continue;
        const bool joined = fuses && joins(n, o);
        neighbours = neighbours || joined;
        const int least = view || joined ? stage[o] : stage[o] + 1;
        if (least > s) s = least;
      }
      stage[n] = s;
      if (neighbours && sink[n] < 0) merge(n);
      if (n < d.forward_nodes && stage[n] > forward_last) forward_last = stage[n];
    }
  }

  /// Joins n with the regions of its operands in the same stage, or moves it one stage on when they are full.
  constexpr void merge(int n) {
    int roots[4]{}, found = 0, total = 1;
    for (int e = node[n].first; e < node[n].first + node[n].count; ++e) {
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

  /// Appends the unit of node n, after the units that it needs.
  constexpr void emit(int n) {
    n = base(n);
    if (done[n] || kind[n] == Kind::leaf || kind[n] == Kind::constant) return;
    done[n] = true;
    if (kind[n] == Kind::kernel) {
      for (int e = node[n].first; e < node[n].first + node[n].count; ++e) emit(edge[e]);
      d.units.push_back({false, static_cast<int>(d.members.size()), 1, false, {}});
      d.members.push_back(n);
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
      for (int e = node[members[k]].first; e < node[members[k]].first + node[members[k]].count; ++e)
        if (!done[edge[e]]) emit(edge[e]);
    d.units.push_back({true, static_cast<int>(d.members.size()), found, false, {}});
    for (int k = 0; k < found; ++k) d.members.push_back(members[k]);
  }

  /// A kernel comes in the order of recording; a region when it is needed, or with its last member.
  constexpr void order() {
    GrowingArray<int> lasts(d.nodes.size());
    int* const last = lasts.data();
    for (int n = 0; n < count; ++n) last[find(n)] = n;
    for (int n = 0; n < count; ++n) {
      if (n == d.forward_nodes) d.forward_units = static_cast<int>(d.units.size());
      if (kind[n] == Kind::kernel || (elementwise(kind[n]) && last[find(n)] == n)) emit(n);
    }
    if (d.forward_nodes >= count) d.forward_units = static_cast<int>(d.units.size());
  }
};

} // namespace detail

/// Fills units and members; returns for each node the kernel that performs its store, or -1.
constexpr GrowingArray<int> schedule(Draft& d) {
  detail::Scheduler s(d);
  s.find_sinks();
  s.assign_stages();
  s.order();
  GrowingArray<int> sinks(d.nodes.size());
  for (int n = 0; n < s.count; ++n) sinks.data()[n] = s.sink[n];
  return sinks;
}

} // namespace stator::graph
