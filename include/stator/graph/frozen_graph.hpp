// SPDX-License-Identifier: BSL-1.0
// A graph as a constant: what one constant evaluation passes on to the next.
#pragma once

#include "stator/core/frozen.hpp"
#include "stator/graph/graph.hpp"

namespace stator::graph {

/// Room for a graph of about `nodes` nodes: few different ones, so that programs share what works on them. As
/// little as it takes: compilers that do not optimise write out constants that nothing refers to, the room
/// that is left in them too.
constexpr std::size_t room_for(std::size_t nodes) {
  std::size_t room = 64;
  while (room < nodes && room < max_nodes) room *= 2;
  return room < max_nodes ? room : max_nodes;
}

/// A Graph in arrays of fixed room, for `Room` nodes. What does not fit into one is made again with twice
/// the room.
template<std::size_t Room>
struct FrozenGraph : GraphLists<Roomy, Room>, GraphNumbers {
  static constexpr std::size_t room = Room; ///< for nodes
  int next_pass = 0;                        ///< of the pipeline

  /// Whether there was room for all of it.
  constexpr bool fits() const {
    bool fit = true;
    for_each_list([&fit](const auto& list) { fit = fit && !list.overflow; }, *this);
    return fit;
  }
};

/// Copies a graph into a constant; `next_pass` is the pass that it is ready for.
template<std::size_t Room>
constexpr FrozenGraph<Room> freeze(const Graph& g, int next_pass) {
  FrozenGraph<Room> to{};
  for_each_list([](auto& list, const auto& from) { spread(list, from); }, to, g);
  static_cast<GraphNumbers&>(to) = g;
  to.next_pass = next_pass;
  return to;
}

/// The graph that `freeze` has copied.
template<std::size_t Room>
constexpr Graph thaw(const FrozenGraph<Room>& from) {
  Graph g;
  for_each_list([](const auto& list, auto& to) { thaw(list, to); }, from, g);
  static_cast<GraphNumbers&>(g) = from;
  return g;
}

namespace detail {
/// Not where a compiler has met an error before and goes on without constants.
template<class Source>
concept too_small = requires { typename std::enable_if_t<!Source::value.fits()>; };
} // namespace detail

/// `Source<Room>::value`, with as much room as it takes: a FrozenGraph of a Room of at least `First`. A graph
/// that does not even fit into the largest is returned as far as it does.
template<template<std::size_t> class Source, std::size_t First>
constexpr const auto& fitting() {
  if constexpr (First < max_nodes && detail::too_small<Source<First>>)
    return fitting<Source, room_for(First + 1)>();
  else
    return Source<First>::value;
}

} // namespace stator::graph
