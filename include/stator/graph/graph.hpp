// SPDX-License-Identifier: BSL-1.0
// The value that passes take and give: what was recorded of an expression, and what the passes have found out
// about it so far, in the end a program. Nodes come after their operands; those of the forward come first.
#pragma once

#include "stator/core/growing_array.hpp"
#include "stator/graph/hook_point.hpp"

namespace stator::graph {

/// Where a value lies at run time.
enum class Area : std::uint8_t {
  none,     ///< nowhere: a number, or an intermediate of a region
  fixed,    ///< workspace, at `offset`
  batched,  ///< workspace after the fixed part, at `offset * batch`
  leaf,     ///< the elements of leaf `offset`
  gradient, ///< the gradient of leaf `offset`
  result,   ///< memory that the caller gives for the root
  prepared, ///< what a prepared program has computed once, at `offset`, see graph/prepare.hpp
};

/// A position in an area, see there for its unit.
struct Place {
  Area area;          ///< which memory
  std::size_t offset; ///< bytes, or the number of a leaf
  constexpr bool operator==(const Place&) const = default;
};

/// What runs in one go: a kernel node, or a region of elementwise nodes.
struct Unit {
  bool region;     ///< a loop over elementwise nodes, not a kernel
  int first;       ///< in the list of members
  int count;       ///< of its members
  bool accumulate; ///< a kernel that adds to its place
  Place scratch;   ///< temporary memory of a kernel
};

/// A part of an area that nothing lies in, in bytes.
struct Gap {
  std::size_t begin, end; ///< offsets
};
/// How far an area is filled while memory is planned, in bytes.
struct Fill {
  std::size_t end = 0;        ///< of what is allocated now
  std::size_t high_water = 0; ///< the largest end so far
};

/// The most nodes of a graph.
inline constexpr std::size_t max_nodes = 65536;

/// The lists of a graph: growing ones while passes work on it, frozen ones in a constant (`List` is told how
/// much room these have, `Room` is that for nodes). What is added here is added to `for_each_list`, which
/// holds that none is missing.
template<template<class, std::size_t> class List, std::size_t Room>
struct GraphLists {
  // What was recorded.
  List<Node, Room> nodes;      ///< operands before their users
  List<int, 4 * Room> edges;   ///< operands of the nodes
  List<int, Room> effects;     ///< nodes that are kept although nothing uses them: stores, hooks
  List<bool, Room> needs_grad; ///< for each leaf of the expression
  List<Gates, Room> gates;     ///< of hooks

  List<int, Room> grads; ///< while it is differentiated: the gradient of each node so far, -1: none

  // The program.
  List<int, Room> sinks;   ///< of each node: for a store that a kernel performs, that kernel, otherwise -1
  List<int, Room> regions; ///< of each node: the node that its region is called by
  List<int, Room> ring;    ///< of each node: the next one of its region
  List<int, Room> stages, sizes; ///< while nodes are joined to regions: of each node, see graph/fuse.hpp
  List<int, Room> lasts;         ///< while units are ordered: of each region, its last member
  List<bool, Room> emitted;      ///< while units are ordered: nodes that are members of one
  List<Unit, Room> units;        ///< in the order of execution
  List<int, Room> members;       ///< nodes of the units
  List<Place, Room> places;      ///< of each node
  List<int, Room> last_uses;     ///< while memory is planned: the last unit that reads each node, -1: none
  List<Gap, Room> fixed_gaps, batched_gaps; ///< while memory is planned, in the order of their offsets
};

/// Calls f with each list, or, for several graphs, with the lists of one name.
constexpr void for_each_list(auto&& f, auto&... g) {
  f(g.nodes...), f(g.edges...), f(g.effects...), f(g.needs_grad...), f(g.gates...);
  f(g.grads...);
  f(g.sinks...), f(g.regions...), f(g.ring...), f(g.stages...), f(g.sizes...), f(g.lasts...), f(g.emitted...);
  f(g.units...), f(g.members...), f(g.places...);
  f(g.last_uses...), f(g.fixed_gaps...), f(g.batched_gaps...);
}

/// What else a graph consists of.
struct GraphNumbers {
  int root = -1;         ///< the node of the result
  int forward_nodes = 0; ///< those before this index belong to the forward
  bool backward =
      false;          ///< to be differentiated; otherwise its root is written to memory that the caller gives
  int recorded = 0;   ///< how many nodes there were before dead code was dropped
  int undone = 0;     ///< how many nodes, or units, the pass has left for the next evaluation; 0: done
  int last_stage = 0; ///< while nodes are joined to regions: of the forward so far
  int forward_units = 0; ///< the first units, those of the forward
  /// Leaves from this one on do not change between runs of a program that is prepared, see graph/prepare.hpp;
  /// -1: every run reads all leaves.
  int first_constant = -1;
  std::size_t prepared = 0;      ///< bytes of what is computed once
  std::size_t preparing = 0;     ///< bytes of the workspace in which that is done
  Bytes workspace{};             ///< total size
  std::size_t batched_begin = 0; ///< bytes before the part of the workspace that grows with the batch
  Fill fixed, batched;           ///< while memory is planned
  std::size_t tail = 0;          ///< bytes behind the workspace for scratch memory of mixed size
};

namespace detail {
template<class T, std::size_t>
using GrowingList = GrowingArray<T>;
} // namespace detail

/// Nodes, and what the passes have found out about them.
struct Graph : GraphLists<detail::GrowingList, 0>, GraphNumbers {
  /// A node's number as an index.
  static constexpr std::size_t index(int i) { return static_cast<std::size_t>(i); }
  /// The node that is operand k of a node.
  constexpr int operand(int node, int k) const { return edges[index(nodes[index(node)].first + k)]; }
  /// The operation of a node and its types.
  constexpr const Signature& signature(int node) const { return *nodes[index(node)].signature; }
  /// What a node is.
  constexpr Kind kind(int node) const { return nodes[index(node)].signature->kind; }
  /// Element type and extents of a node.
  constexpr const ValueType& type(int node) const { return nodes[index(node)].signature->type; }
  /// The node whose memory a view shows.
  constexpr int base(int node) const {
    while (kind(node) == Kind::view) node = operand(node, 0);
    return node;
  }

  /// Appends a node. It may be used by nodes before it: `settle()` puts it in its place.
  constexpr int insert(const Signature* signature, const int* operands, int count, double number = 0) {
    nodes.push_back({signature, static_cast<int>(edges.size()), count, -1, false, number, -1});
    for (int k = 0; k < count; ++k) edges.push_back(operands[k]);
    unsettled_ = true;
    return static_cast<int>(nodes.size()) - 1;
  }
  /// From `settle()` on, whatever uses `node` uses `other`.
  constexpr void replace_uses(int node, int other) {
    if (replaced_.size() < nodes.size()) { // room for nodes to come, so that this is rare
      const GrowingArray<int> none(2 * nodes.size() - replaced_.size(), -1);
      replaced_.append(none.begin(), none.end());
    }
    replaced_.data()[node] = other;
    unsettled_ = true;
  }
  /// What stands for a node now.
  constexpr int current(int node) const {
    const int* const to = replaced_.data();
    const int size = static_cast<int>(replaced_.size());
    while (node < size && to[node] >= 0) node = to[node];
    return node;
  }

  /// Carries out what was replaced and moves nodes after their operands again. Passes are followed by it.
  constexpr void settle();

private:
  GrowingArray<int> replaced_;
  bool unsettled_ = false;
};

static_assert(
    [] {
      GraphLists<detail::GrowingList, 0> lists;
      std::size_t bytes = 0;
      for_each_list([&bytes](const auto& list) { bytes += sizeof(list); }, lists);
      return bytes;
    }() == sizeof(GraphLists<detail::GrowingList, 0>),
    "stator: for_each_list must name every list of a graph");

namespace detail {
/// Moves operands before their users, and keeps the order otherwise.
struct Sorter {
  const Graph& g;
  GrowingArray<Node> nodes;
  GrowingArray<int> edges, places;
  explicit constexpr Sorter(const Graph& graph) : g(graph), places(graph.nodes.size(), -1) {
    nodes.reserve(g.nodes.size());
    edges.reserve(g.edges.size());
  }
  constexpr int visit(int n) {
    n = g.current(n);
    if (places.data()[n] >= 0) return places.data()[n];
    Node node = g.nodes.data()[n];
    const int* const from = g.edges.data() + node.first;
    for (int k = 0; k < node.count; ++k) visit(from[k]);
    node.first = static_cast<int>(edges.size());
    for (int k = 0; k < node.count; ++k) edges.push_back(visit(from[k]));
    nodes.push_back(node);
    return places.data()[n] = static_cast<int>(nodes.size()) - 1;
  }
};
} // namespace detail

constexpr void Graph::settle() {
  if (!unsettled_) return;
  detail::Sorter s(*this);
  const int size = static_cast<int>(nodes.size());
  for (int n = 0; n < forward_nodes; ++n)
    if (current(n) == n) s.visit(n);
  // What stands for a value of the forward belongs to it.
  root = s.visit(root);
  for (int& e : effects) {
    const bool forward = e < forward_nodes;
    if (forward)
      e = s.visit(e);
    else
      e = -1 - e;
  }
  const int forward = static_cast<int>(s.nodes.size());
  for (int n = forward_nodes; n < size; ++n)
    if (current(n) == n) s.visit(n);
  for (int& e : effects)
    if (e < 0) e = s.visit(-1 - e);
  nodes = static_cast<GrowingArray<Node>&&>(s.nodes);
  edges = static_cast<GrowingArray<int>&&>(s.edges);
  forward_nodes = forward;
  replaced_.truncate(0);
  unsettled_ = false;
}

} // namespace stator::graph
