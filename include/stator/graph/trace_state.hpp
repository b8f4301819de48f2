// SPDX-License-Identifier: BSL-1.0
// What tracing remembers beside the graph that it records: one object for each thing that it keeps apart.
#pragma once

#include "stator/core/text.hpp"
#include "stator/graph/graph.hpp"

namespace stator::graph {

/// The modules that have been called, and how.
struct ModuleCalls {
  GrowingArray<Call> list;      ///< in the order in which they begin
  GrowingArray<int> results;    ///< nodes of what the calls have returned, in the order in which they end
  int current = -1;             ///< the innermost that has not ended; -1: none
  GrowingArray<Tap> taps;       ///< in the order in which they are passed
  int limit = 1 << 30;          ///< calls beyond it do not run their forward, see trace/trace_error.hpp
  bool training = true;         ///< whether the network is traced for training
  GrowingArray<Call> evaluated; ///< modules that are evaluated although the network is trained

  /// The node of a value that a call has returned.
  constexpr int result(const Call& call, std::size_t value = 0) const {
    return results[static_cast<std::size_t>(call.result) + value];
  }
  /// How many values a call has returned.
  static constexpr std::size_t result_count(const Call& call) {
    return call.result < 0 ? 0 : call.several == nullptr ? 1 : call.several->count;
  }

  /// Whether a module is evaluated although the network is trained.
  constexpr bool is_evaluated(const void* module, Text (*type_name)()) const {
    for (const Call& c : evaluated)
      if (c.address == module && c.type_name == type_name) return true;
    return false;
  }
};

/// The results of calls that have several: the first of a call that is traced records it, the others find it
/// here.
class SharedResults {
public:
  /// For `find`: however often it can be differentiated.
  static constexpr int any_order = -(1 << 30);
  /// Where the results of a call begin that can be differentiated at least `order` times; -1: there is none.
  constexpr int find(const void* identity, int order) const {
    for (const Traced& call : calls_)
      if (call.identity == identity && call.order >= order) return call.first;
    return -1;
  }
  /// Keeps a call; `identity` is that of its type, the nodes of its results follow.
  constexpr void add(const void* identity, int order) {
    calls_.push_back({identity, static_cast<int>(nodes_.size()), order});
  }
  /// The node of the next result of the call that was added last.
  constexpr void push_back(int node) { nodes_.push_back(node); }
  /// The node of a result, counted from what `find` returned.
  constexpr int node(int first, std::size_t result) const {
    return nodes_[static_cast<std::size_t>(first) + result];
  }

private:
  struct Traced {
    const void* identity = nullptr;
    int first = 0, order = 0;
  };
  GrowingArray<Traced> calls_;
  GrowingArray<int> nodes_;
};

/// The plain fields of the network that is traced, numbers that forward reads.
struct PlainFields {
  GrowingArray<const void*> addresses; ///< in the prototype
  int first_leaf = 0;                  ///< the leaf of the first

  /// The leaf that the field at an address is; -1: none.
  constexpr int find(const void* address) const {
    for (std::size_t i = 0; i < addresses.size(); ++i)
      if (addresses[i] == address) return first_leaf + static_cast<int>(i);
    return -1;
  }
};

/// The first mistake of what is traced.
struct Mistake {
  Text text{};   ///< empty: none
  int call = -1; ///< the module call in which it was made; -1: outside of any, or it says so itself
};

} // namespace stator::graph
