// SPDX-License-Identifier: BSL-1.0
// From an expression's type to a program, as constants: what was recorded goes through the passes of
// graph/pipeline.hpp, in as many constant evaluations as it takes to stay below compilers' limits on one.
#pragma once

#include "stator/graph/pipeline.hpp"
#include "stator/trace/trace.hpp"
#include "stator/trace/trace_error.hpp"

#include <vector>

namespace stator::run {

namespace detail {

/// The passes of an expression: the pipeline, and what the networks in it add.
template<class E>
struct own_passes {
  static constexpr std::array<graph::Pass, 0> list{};
};
template<class A, class B>
struct joined_passes {
  static constexpr auto list = [] {
    std::array<graph::Pass, A::list.size() + B::list.size()> all{};
    std::copy(A::list.begin(), A::list.end(), all.begin());
    std::copy(B::list.begin(), B::list.end(), all.begin() + A::list.size());
    return all;
  }();
};
template<class... E>
struct all_own_passes : own_passes<void> {};
template<class First, class... Rest>
struct all_own_passes<First, Rest...> : joined_passes<own_passes<First>, all_own_passes<Rest...>> {};
template<class Op, class... A>
struct own_passes<expr::Expression<Op, A...>> : all_own_passes<A...> {};
template<class Net>
struct network_passes : own_passes<void> {};
template<class Net>
  requires requires { Net::passes.size(); }
struct network_passes<Net> {
  static constexpr auto list = Net::passes;
};
template<class Net, class Mode, class... A>
struct own_passes<expr::ModuleCall<Net, Mode, A...>>
    : joined_passes<network_passes<Net>, all_own_passes<A...>> {};

/// Hooks do not take the passes of a network away.
template<class E>
  requires requires { typename E::unhooked; }
struct own_passes<E> : own_passes<typename E::unhooked> {};

template<class E>
inline constexpr auto passes_of = graph::pipeline_with(own_passes<E>::list);

/// What the passes have made of an expression after `Evaluations` constant evaluations.
template<class E, bool Backward, int Evaluations>
struct stage {
private:
  static constexpr const auto& before = stage<E, Backward, Evaluations - 1>::value;
  template<std::size_t Room>
  struct in_room {
    // The compiler shows this line where its limit on one evaluation is met.
    static constexpr auto value = [] { // stator: too large: raise -fconstexpr-steps= or split it
      graph::Graph g = graph::thaw(before);
      const int next = graph::advance(g, passes_of<E>, before.next_pass);
      return graph::freeze<Room>(g, next);
    }();
  };
  // A guess: the first pass of the pipeline appends the backward, the others take more than they add.
  static constexpr std::size_t guess = Backward && before.next_pass == 0
                                           ? 3 * static_cast<std::size_t>(before.forward_nodes)
                                           : before.nodes.size;

public:
  static constexpr const auto& value = graph::fitting<in_room, graph::room_for(guess)>();
  // g++ shows the line where the limit was met, deep in a pass, and then this one.
  static_assert(value.fits(), // stator: too large: raise -fconstexpr-ops-limit= or split it
                "stator: the network has more operations than one program can have (65536): run it in parts");
};
template<class E, bool Backward>
struct stage<E, Backward, 0> {
  static constexpr const auto& value = recorded<E, static_cast<int>(Backward)>::value;
};

template<class E, bool Backward, int Evaluations = 1>
constexpr const auto& finished() {
  using S = stage<E, Backward, Evaluations>;
  // Otherwise also where a compiler has met an error before and goes on without constants.
  if constexpr (requires {
                  typename std::enable_if_t<(S::value.next_pass < static_cast<int>(passes_of<E>.size()))>;
                })
    return finished<E, Backward, Evaluations + 1>();
  else
    return S::value;
}

} // namespace detail

/// What the result of an expression comes from.
template<class E>
struct Origin {
  /// The graph before any pass.
  static constexpr const auto& recorded = stator::recorded<E, 1>::value;
  /// Whether a leaf that wants a gradient reaches the result.
  static constexpr bool requires_grad = [] {
    const graph::Graph g = graph::thaw(recorded);
    return graph::needs_gradient(g)[static_cast<std::size_t>(g.root)];
  }();
  /// Whether backward() may be called: that, and the result has one element.
  static constexpr bool can_backward = [] {
    const Extents& e = recorded.nodes[static_cast<std::size_t>(recorded.root)].signature->type.extents;
    return requires_grad && !e.is_dynamic() && e.numel() == 1;
  }();
  /// "MmBackward0"
  static constexpr std::string_view name =
      recorded.nodes[static_cast<std::size_t>(recorded.root)].signature->backward_name;
};

/// The program of an expression: of its forward alone, or of forward and backward.
template<class E, bool Backward>
struct Program {
private:
  static constexpr const auto& made = detail::finished<E, Backward>();

public:
  /// What is computed, operands before their users.
  static constexpr auto nodes = cut<made.nodes.size>(made.nodes);
  static constexpr auto edges = cut<made.edges.size>(made.edges);       ///< the operands of all nodes
  static constexpr auto units = cut<made.units.size>(made.units);       ///< what runs, in order
  static constexpr auto members = cut<made.members.size>(made.members); ///< the nodes of all units
  static constexpr auto places = cut<made.places.size>(made.places);    ///< where the value of each node lies
  static constexpr int root = made.root;                                ///< the node of the result
  /// The first units, those of the forward.
  static constexpr std::size_t forward_units = static_cast<std::size_t>(made.forward_units);
  /// The first nodes, those of the forward.
  static constexpr std::size_t forward_nodes = static_cast<std::size_t>(made.forward_nodes);
  /// Nodes that were recorded, before dead code was dropped.
  static constexpr int recorded_nodes = made.recorded;
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
  static constexpr Bytes workspace = made.workspace;
  /// Bytes of what a prepared program computes once, and of the workspace in which it does.
  static constexpr std::size_t prepared = made.prepared, preparing = made.preparing;
  /// Bytes before the part of the workspace that grows with the batch.
  static constexpr std::size_t batched_begin = made.batched_begin;
  /// Inputs, parameters and buffers of the expression.
  static constexpr std::size_t leaf_count = static_cast<std::size_t>(tracer<E>::leaf_count);

  /// A node's number as an index.
  static constexpr std::size_t at(int i) { return static_cast<std::size_t>(i); }
  /// The node that is operand k of a node.
  static constexpr int operand(int node, int k) { return edges[at(nodes[at(node)].first + k)]; }
  /// The node whose memory a node reads: itself, or what it is a view of.
  static constexpr int base(int node) {
    while (nodes[at(node)].signature->kind == graph::Kind::view) node = operand(node, 0);
    return node;
  }
  /// Where the value of a node lies.
  static constexpr graph::Place place(int node) { return places[at(base(node))]; }
};

} // namespace stator::run
