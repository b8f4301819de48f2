// SPDX-License-Identifier: BSL-1.0
// What the leaves of an expression's graph are called: inputs, numbers, the parameters and buffers of its
// networks.
#pragma once

#include "stator/ops/grad.hpp"

#include <string>
#include <vector>

namespace stator::detail {

/// What the parts of an expression call their leaves, and where the modules lie that it calls.
template<class E>
struct graph_names {
  static void leaves(std::vector<std::string>& names) { names.emplace_back("input"); }
  static constexpr bool find(const graph::Call&, Text&) { return false; }
};
template<class T>
struct graph_names<expr::Number<T>> {
  static void leaves(std::vector<std::string>& names) { names.emplace_back("number"); }
  static constexpr bool find(const graph::Call&, Text&) { return false; }
};
template<std::size_t I, class Call>
struct graph_names<expr::Output<I, Call>> : graph_names<Call> {};
template<class Select, class Loss, class Seed>
struct graph_names<expr::GradCall<Select, Loss, Seed>> {
  static void leaves(std::vector<std::string>& names) {
    graph_names<Loss>::leaves(names);
    if constexpr (tracer<Seed>::leaf_count > 0) graph_names<Seed>::leaves(names);
    names.insert(names.end(), tracer<expr::GradCall<Select, Loss, Seed>>::Plan::masks, "is meant");
  }
  static constexpr bool find(const graph::Call& call, Text& path) {
    return graph_names<Loss>::find(call, path);
  }
};
template<class L>
struct graph_names<expr::LeafInput<L>> {
  static void leaves(std::vector<std::string>& names) { names.emplace_back("parameter"); }
  static constexpr bool find(const graph::Call&, Text&) { return false; }
};
template<class Op, class... A>
struct graph_names<expr::Expression<Op, A...>> {
  static void leaves(std::vector<std::string>& names) { (graph_names<A>::leaves(names), ...); }
  static constexpr bool find(const graph::Call& call, Text& path) {
    return (graph_names<A>::find(call, path) || ...);
  }
};
template<class Net, class Mode, class... A>
struct graph_names<expr::ModuleCall<Net, Mode, A...>> {
  static void leaves(std::vector<std::string>& names) {
    (graph_names<A>::leaves(names), ...);
    for (const LeafEntry& leaf : table<Net>::leaves) names.emplace_back(leaf.name);
    names.insert(names.end(), static_cast<std::size_t>(plain_field_count<Net>), "field");
  }
  static constexpr bool find(const graph::Call& call, Text& path) {
    PathVisitor v;
    v.address = call.address;
    v.type_name = call.type_name;
    walk(reflect::prototype<Net>(), v);
    if (v.found == not_found) return (graph_names<A>::find(call, path) || ...);
    path = Text(table<Net>::modules[v.found].path);
    return true;
  }
};

} // namespace stator::detail
