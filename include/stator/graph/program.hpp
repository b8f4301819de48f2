// SPDX-License-Identifier: BSL-1.0
// A scheduled program: which units run in which order, and where each value lies. Made by schedule() and plan().
#pragma once

#include "stator/graph/builder.hpp"

#include <array>

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

struct Place {
  Area area = Area::none;
  std::size_t offset = 0;
  constexpr bool operator==(const Place&) const = default;
};

/// What runs in one go: a kernel node, or a region of elementwise nodes.
struct Unit {
  bool region = false;
  int first = 0;            ///< in the list of members
  int count = 0;
  bool accumulate = false;  ///< a kernel that adds to its place
  Place scratch{};
};

/// A program while it is being made.
struct Draft {
  GrowingArray<Node> nodes;    ///< the live ones, in the order of recording
  GrowingArray<int> edges;
  int root = -1;
  int forward_nodes = 0;       ///< those before this index belong to the forward
  GrowingArray<Unit> units;    ///< in the order of execution
  GrowingArray<int> members;   ///< nodes of the units
  int forward_units = 0;
  GrowingArray<Place> places;  ///< of each node
  Bytes workspace{};           ///< total size
  std::size_t batched_begin = 0; ///< where the batched area begins
  int recorded = 0;            ///< nodes before dead code was dropped

  static constexpr std::size_t index(int i) { return static_cast<std::size_t>(i); }
  constexpr int operand(int node, int k) const { return edges[index(nodes[index(node)].first + k)]; }
  constexpr Kind kind(int node) const { return nodes[index(node)].signature->kind; }
  constexpr const ValueType& type(int node) const { return nodes[index(node)].signature->type; }
  /// The node whose memory a view shows.
  constexpr int base(int node) const {
    while (kind(node) == Kind::view) node = operand(node, 0);
    return node;
  }
};

} // namespace stator::graph
