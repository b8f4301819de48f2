// SPDX-License-Identifier: BSL-1.0
// From an expression's type to a program, as constants: trace, differentiate, drop dead code, schedule, plan.
// Each pass is a constant evaluation of its own, so that compilers' limits on one are never near.
#pragma once

#include "stator/graph/differentiate.hpp"
#include "stator/graph/plan.hpp"
#include "stator/trace/trace.hpp"
#include "stator/trace/trace_error.hpp"

namespace stator::run {

namespace detail {

/// A frozen copy of a growing array.
template<class T, std::size_t N>
constexpr std::array<T, N> freeze(const GrowingArray<T>& from) {
  std::array<T, N> to{};
  for (std::size_t i = 0; i < N; ++i) to[i] = from[i];
  return to;
}
template<class T, std::size_t N>
constexpr GrowingArray<T> thaw(const std::array<T, N>& from) {
  GrowingArray<T> to;
  to.reserve(N);
  for (const T& x : from) to.push_back(x);
  return to;
}

template<class E, bool Backward>
constexpr graph::Draft trace() {
  graph::Builder b;
  const auto root = tracer<E>::template symbol<Backward ? 1 : 0>(b);
  const int forward_nodes = static_cast<int>(b.nodes.size());
  if constexpr (Backward) graph::differentiate(b, root.node);
  return graph::drop_dead(b, root.node, forward_nodes);
}

struct Counts {
  std::size_t nodes = 0, edges = 0;
  int root = 0, forward_nodes = 0, recorded = 0;
};

/// The traced graph without dead code.
template<class E, bool Backward>
struct traced_graph {
  static constexpr Counts counts = [] {
    const graph::Draft d = trace<E, Backward>();
    return Counts{d.nodes.size(), d.edges.size(), d.root, d.forward_nodes, d.recorded};
  }();
  struct Contents {
    std::array<graph::Node, counts.nodes> nodes;
    std::array<int, counts.edges> edges;
  };
  static constexpr Contents contents = [] {
    const graph::Draft d = trace<E, Backward>();
    return Contents{freeze<graph::Node, counts.nodes>(d.nodes), freeze<int, counts.edges>(d.edges)};
  }();

  static constexpr graph::Draft thawed() {
    graph::Draft d;
    d.nodes = thaw(contents.nodes);
    d.edges = thaw(contents.edges);
    d.root = counts.root;
    d.forward_nodes = counts.forward_nodes;
    d.recorded = counts.recorded;
    return d;
  }
};

/// The order of execution.
template<class E, bool Backward>
struct scheduled_graph {
  using Graph = traced_graph<E, Backward>;
  struct Sizes {
    std::size_t units = 0, members = 0;
    int forward_units = 0;
  };
  static constexpr Sizes sizes = [] {
    graph::Draft d = Graph::thawed();
    graph::schedule(d);
    return Sizes{d.units.size(), d.members.size(), d.forward_units};
  }();
  struct Contents {
    std::array<graph::Unit, sizes.units> units;
    std::array<int, sizes.members> members;
    std::array<int, Graph::counts.nodes> sinks;
  };
  static constexpr Contents contents = [] {
    graph::Draft d = Graph::thawed();
    const GrowingArray<int> sinks = graph::schedule(d);
    return Contents{freeze<graph::Unit, sizes.units>(d.units), freeze<int, sizes.members>(d.members),
                    freeze<int, Graph::counts.nodes>(sinks)};
  }();
};

} // namespace detail

/// The program of an expression: of its forward alone, or of forward and backward.
template<class E, bool Backward>
struct Program {
private:
  using Graph = detail::traced_graph<E, Backward>;
  using Schedule = detail::scheduled_graph<E, Backward>;
  struct Contents {
    std::array<graph::Unit, Schedule::sizes.units> units;
    std::array<graph::Place, Graph::counts.nodes> places;
    Bytes workspace{};
    std::size_t batched_begin = 0;
  };
  static constexpr Contents contents = [] {
    graph::Draft d = Graph::thawed();
    d.units = detail::thaw(Schedule::contents.units);
    d.members = detail::thaw(Schedule::contents.members);
    graph::plan(d, detail::thaw(Schedule::contents.sinks), !Backward);
    return Contents{detail::freeze<graph::Unit, Schedule::sizes.units>(d.units),
                    detail::freeze<graph::Place, Graph::counts.nodes>(d.places), d.workspace,
                    d.batched_begin};
  }();

public:
  static constexpr const auto& nodes = Graph::contents.nodes;
  static constexpr const auto& edges = Graph::contents.edges;
  static constexpr const auto& units = contents.units;
  static constexpr const auto& members = Schedule::contents.members;
  static constexpr const auto& places = contents.places;
  static constexpr int root = Graph::counts.root;
  static constexpr std::size_t forward_units = static_cast<std::size_t>(Schedule::sizes.forward_units);
  /// Nodes that were recorded, before dead code was dropped.
  static constexpr int recorded_nodes = Graph::counts.recorded;
  /// Nodes that the program computes: no leaves, numbers or views.
  static constexpr int computed_nodes = [] {
    int n = 0;
    for (const graph::Node& node : nodes) {
      const graph::Kind k = node.signature->kind;
      n += k == graph::Kind::kernel || k == graph::Kind::elementwise || k == graph::Kind::store;
    }
    return n;
  }();
  /// How many nodes of an operation are in the program: `count("Mm")`.
  static constexpr int count(std::string_view name) {
    int n = 0;
    for (const graph::Node& node : nodes) n += node.signature->name == name;
    return n;
  }
  /// Size of the workspace: fixed bytes and bytes for each sample of a dynamic batch.
  static constexpr Bytes workspace = contents.workspace;
  static constexpr std::size_t batched_begin = contents.batched_begin;
  static constexpr std::size_t leaf_count = static_cast<std::size_t>(tracer<E>::leaf_count);

  static constexpr std::size_t at(int i) { return static_cast<std::size_t>(i); }
  static constexpr int operand(int node, int k) { return edges[at(nodes[at(node)].first + k)]; }
  static constexpr int base(int node) {
    while (nodes[at(node)].signature->kind == graph::Kind::view) node = operand(node, 0);
    return node;
  }
  static constexpr graph::Place place(int node) { return places[at(base(node))]; }
};

} // namespace stator::run
