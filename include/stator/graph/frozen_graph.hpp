// SPDX-License-Identifier: BSL-1.0
// A graph as a constant: what one constant evaluation passes on to the next.
#pragma once

#include "stator/core/frozen.hpp"
#include "stator/graph/graph.hpp"

namespace stator::graph {

/// A Graph in arrays of fixed room.
struct FrozenGraph : GraphLists<Roomy>, GraphNumbers {
  int next_pass = 0; ///< of the pipeline

  /// Whether there was room for all of it.
  constexpr bool fits() const {
    bool fit = true;
    for_each_list([&fit](const auto& list) { fit = fit && !list.overflow; }, *this);
    return fit;
  }
};

/// Copies a graph into a constant; `next_pass` is the pass that it is ready for.
constexpr void freeze(FrozenGraph& to, const Graph& g, int next_pass) {
  for_each_list([](auto& list, const auto& from) { spread(list, from); }, to, g);
  static_cast<GraphNumbers&>(to) = g;
  to.next_pass = next_pass;
}

/// The graph that `freeze` has copied.
constexpr Graph thaw(const FrozenGraph& from) {
  Graph g;
  for_each_list([](const auto& list, auto& to) { thaw(list, to); }, from, g);
  static_cast<GraphNumbers&>(g) = from;
  return g;
}

} // namespace stator::graph
