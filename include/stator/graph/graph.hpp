// SPDX-License-Identifier: BSL-1.0
// The value that passes take and give: what was recorded of an expression, and what the passes have found out
// about it so far, in the end a program. Nodes come after their operands; those of the forward come first.
#pragma once

#include "stator/core/growing_array.hpp"
#include "stator/graph/hook_site.hpp"

namespace stator::graph {

/// Where a value lies at run time.
enum class Area : std::uint8_t {
  none,     ///< nowhere: a number, or an intermediate of a region
  fixed,    ///< workspace, at `offset`
  batched,  ///< workspace after the fixed part, at `offset * batch`
  leaf,     ///< the elements of leaf `offset`
  gradient, ///< the gradient of leaf `offset`
  result,   ///< memory that the caller gives for the root
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

/// Nodes, and what the passes have found out about them.
struct Graph {
  // What was recorded.
  GrowingArray<Node> nodes;      ///< operands before their users
  GrowingArray<int> edges;       ///< operands of the nodes
  GrowingArray<int> effects;     ///< nodes that are kept although nothing uses them: stores, hooks
  GrowingArray<bool> needs_grad; ///< for each leaf of the expression
  GrowingArray<Gates> gates;     ///< of hooks
  int root = -1;                 ///< the node of the result
  int forward_nodes = 0;         ///< those before this index belong to the forward
  bool backward =
      false;        ///< to be differentiated; otherwise its root is written to memory that the caller gives
  int recorded = 0; ///< how many nodes there were before dead code was dropped

  // While it is differentiated.
  GrowingArray<int> grads; ///< the gradient of each node so far, -1: none
  int undone = 0;          ///< nodes before this index are yet to be differentiated; 0: done

  // The program.
  GrowingArray<int> sinks;    ///< of each node: for a store that a kernel performs, that kernel, otherwise -1
  GrowingArray<int> regions;  ///< of each node: the node that its region is called by
  GrowingArray<int> ring;     ///< of each node: the next one of its region
  GrowingArray<Unit> units;   ///< in the order of execution
  GrowingArray<int> members;  ///< nodes of the units
  int forward_units = 0;      ///< the first units, those of the forward
  GrowingArray<Place> places; ///< of each node
  Bytes workspace{};          ///< total size
  std::size_t batched_begin = 0; ///< bytes before the part of the workspace that grows with the batch

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
    while (replaced_.size() < nodes.size()) replaced_.push_back(-1);
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

namespace detail {
/// Moves operands before their users, and keeps the order otherwise.
struct Sorter {
  const Graph& g;
  GrowingArray<Node> nodes;
  GrowingArray<int> edges, places;
  explicit constexpr Sorter(const Graph& graph) : g(graph), places(graph.nodes.size()) {
    nodes.reserve(g.nodes.size());
    edges.reserve(g.edges.size());
    int* const place = places.data();
    for (std::size_t n = 0, size = g.nodes.size(); n < size; ++n) place[n] = -1;
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
