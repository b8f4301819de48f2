// SPDX-License-Identifier: BSL-1.0
// A graph as a constant: what one constant evaluation passes on to the next.
#pragma once

#include "stator/core/frozen.hpp"
#include "stator/graph/graph.hpp"

namespace stator::graph {

/// The most nodes of a graph.
inline constexpr std::size_t max_nodes = 65536;

/// A Graph in arrays of fixed room; the members are those of Graph.
struct FrozenGraph {
  Roomy<Node, max_nodes> nodes;                                     ///< see Graph
  Roomy<int, 4 * max_nodes> edges;                                  ///< see Graph
  Roomy<int, max_nodes> effects;                                    ///< see Graph
  Roomy<bool, max_nodes> needs_grad;                                ///< see Graph
  Roomy<Gates, 1024> gates;                                         ///< see Graph
  int root, forward_nodes, recorded;                                ///< see Graph
  bool backward;                                                    ///< see Graph
  Roomy<int, max_nodes> grads;                                      ///< see Graph
  int undone;                                                       ///< see Graph
  Roomy<int, max_nodes> sinks, regions, ring;                       ///< see Graph
  Roomy<Unit, max_nodes> units;                                     ///< see Graph
  Roomy<int, max_nodes> members;                                    ///< see Graph
  int forward_units;                                                ///< see Graph
  Roomy<Place, max_nodes> places;                                   ///< see Graph
  std::size_t workspace_fixed, workspace_per_sample, batched_begin; ///< see Graph
  int next_pass;                                                    ///< of the pipeline

  /// Whether there was room for all of it.
  constexpr bool fits() const {
    return !(nodes.overflow || edges.overflow || effects.overflow || needs_grad.overflow || gates.overflow);
  }
};

/// Copies a graph into a constant; `next_pass` is the pass that it is ready for.
constexpr void freeze(FrozenGraph& to, const Graph& g, int next_pass) {
  spread(to.nodes, g.nodes);
  spread(to.edges, g.edges);
  spread(to.effects, g.effects);
  spread(to.needs_grad, g.needs_grad);
  spread(to.gates, g.gates);
  to.root = g.root, to.forward_nodes = g.forward_nodes, to.recorded = g.recorded, to.backward = g.backward;
  spread(to.grads, g.grads);
  to.undone = g.undone;
  spread(to.sinks, g.sinks);
  spread(to.regions, g.regions);
  spread(to.ring, g.ring);
  spread(to.units, g.units);
  spread(to.members, g.members);
  to.forward_units = g.forward_units;
  spread(to.places, g.places);
  to.workspace_fixed = g.workspace.fixed, to.workspace_per_sample = g.workspace.per_sample;
  to.batched_begin = g.batched_begin;
  to.next_pass = next_pass;
}

/// The graph that `freeze` has copied.
constexpr Graph thaw(const FrozenGraph& from) {
  Graph g;
  thaw(from.nodes, g.nodes);
  thaw(from.edges, g.edges);
  thaw(from.effects, g.effects);
  thaw(from.needs_grad, g.needs_grad);
  thaw(from.gates, g.gates);
  g.root = from.root, g.forward_nodes = from.forward_nodes, g.recorded = from.recorded,
  g.backward = from.backward;
  thaw(from.grads, g.grads);
  g.undone = from.undone;
  thaw(from.sinks, g.sinks);
  thaw(from.regions, g.regions);
  thaw(from.ring, g.ring);
  thaw(from.units, g.units);
  thaw(from.members, g.members);
  g.forward_units = from.forward_units;
  thaw(from.places, g.places);
  g.workspace = {from.workspace_fixed, from.workspace_per_sample};
  g.batched_begin = from.batched_begin;
  return g;
}

} // namespace stator::graph
