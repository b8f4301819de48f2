// SPDX-License-Identifier: BSL-1.0
// Records nodes in constant evaluation. Equal nodes are found among the users of an operand, so recording
// stays linear in the size of the graph.
#pragma once

#include "stator/core/growing_array.hpp"
#include "stator/core/text.hpp"
#include "stator/graph/hook_site.hpp"

namespace stator::graph {

/// A call of a module: `x | fc1`.
struct Call {
  const void* address = nullptr;
  int parent = -1;
  Text (*type_name)() = nullptr;
  int result = -1; ///< node of what it returned, when that is one value
};

/// A network with several results that has been traced: the next of them is found here.
struct TracedCall {
  const void* identity = nullptr; ///< of the type of the call
  int first = 0;                  ///< of its results in Builder::results
};

/// What is written to the memory of a leaf, a buffer, once the forward of its network is complete.
struct Assignment {
  int leaf = -1;
  int value = -1;                    ///< node
  const Signature* memory = nullptr; ///< signature of a leaf of this type
  const Signature* store = nullptr;  ///< signature of ops::Assign
};

class Builder {
public:
  GrowingArray<Node> nodes;
  GrowingArray<int> edges;
  GrowingArray<int> effects;     ///< stores: kept although nothing uses them
  GrowingArray<bool> needs_grad; ///< for each leaf of the expression
  GrowingArray<int>
      values; ///< what reading a leaf gives now: its node, or what was assigned to it; -1: unread
  GrowingArray<Call> calls;
  int call = -1;            ///< the innermost module call
  int call_limit = 1 << 30; ///< calls beyond it do not run their forward, see trace/trace_error.hpp
  bool training = true;
  GrowingArray<Call> evaluated;        ///< modules that are evaluated although the network is trained
  GrowingArray<TracedCall> traced_calls;
  GrowingArray<int> results;           ///< nodes
  GrowingArray<const void*> fields;    ///< addresses of the plain fields of the current network
  int first_field = 0;                 ///< their first leaf
  GrowingArray<Watch> watches;         ///< what the hooks of the current network wait for
  GrowingArray<Site> sites;            ///< where they met it, while sites are collected
  const SiteCode* site_code = nullptr; ///< of each site, in the same order; null while they are collected
  std::size_t next_site = 0;
  int hook_leaf = -1;   ///< the leaf of the network's first hook
  bool in_hook = false; ///< what a hook calls has no hooks
  GrowingArray<Gates> gates;
  int* grads = nullptr; ///< in differentiation: the gradient of each node so far, -1: none
  Text error{};         ///< the first mistake
  int error_call = -1;

  constexpr const ValueType& type(int node) const { return signature(node).type; }
  constexpr const Signature& signature(int node) const { return *nodes[index(node)].signature; }
  constexpr int operand(int node, int k) const { return edges[index(nodes[index(node)].first + k)]; }

  /// Appends a node, or returns an equal one.
  template<class... Operand>
  constexpr int add(const Signature* signature, Operand... operand) {
    const int in[sizeof...(Operand) + 1] = {operand..., 0};
    return add_list(signature, in, static_cast<int>(sizeof...(Operand)));
  }

  constexpr int add_list(const Signature* signature, const int* in, int count) {
    if (!signature->unique && count > 0) {
      for (int user = heads_[index(in[0])]; user >= 0; user = links_[index(user)])
        if (same(nodes[index(user)], signature, in, count)) return user;
    }
    const int node = static_cast<int>(nodes.size());
    nodes.push_back({signature, static_cast<int>(edges.size()), count, -1, false, 0, call});
    for (int k = 0; k < count; ++k) edges.push_back(in[k]);
    heads_.push_back(-1);
    links_.push_back(-1);
    if (count > 0) {
      links_[index(node)] = heads_[index(in[0])];
      heads_[index(in[0])] = node;
    }
    return node;
  }

  constexpr int constant(const Signature* signature, double value) {
    for (int node = constants_; node >= 0; node = links_[index(node)])
      if (nodes[index(node)].signature->identity == signature->identity && nodes[index(node)].number == value)
        return node;
    const int node = add_list(signature, nullptr, 0);
    nodes[index(node)].number = value;
    links_[index(node)] = constants_;
    constants_ = node;
    return node;
  }

  /// Registers leaves of the expression; returns the index of the first.
  constexpr int add_leaves(int count, bool needs) {
    const int first = static_cast<int>(values.size());
    for (int k = 0; k < count; ++k) {
      needs_grad.push_back(needs);
      values.push_back(-1);
    }
    return first;
  }

  /// The value of a leaf; `signature` is that of a leaf of its type.
  constexpr int leaf(const Signature* signature, int which) {
    int& value = values[index(which)];
    if (value < 0) value = memory(signature, which, false);
    return value;
  }

  /// A node that stands for the memory of a leaf, or of its gradient.
  constexpr int memory(const Signature* signature, int which, bool gradient) {
    const int node = add_list(signature, nullptr, 0);
    nodes[index(node)].leaf = which;
    nodes[index(node)].gradient = gradient;
    return node;
  }

  /// Begins the forward of a network whose leaves have been registered from `first` on.
  constexpr void enter_network(const void* const* handles, const int* owners, std::size_t count, int first) {
    handles_ = handles, owners_ = owners, handle_count_ = count, first_leaf_ = first, next_ = 0;
  }
  /// Ends it: what was assigned to its buffers is stored after everything that read their old values.
  constexpr void leave_network() {
    handle_count_ = 0;
    for (const Assignment& a : assignments_) {
      const int node = add(a.store, memory(a.memory, a.leaf, false), a.value);
      nodes[index(node)].leaf = a.leaf;
      effects.push_back(node);
    }
    assignments_.truncate(0);
  }

  /// From here on reading the leaf gives the value; the last one of a forward is stored.
  constexpr void assign(const Assignment& assignment) {
    values[index(assignment.leaf)] = assignment.value;
    for (Assignment& a : assignments_)
      if (a.leaf == assignment.leaf) {
        a = assignment;
        return;
      }
    assignments_.push_back(assignment);
  }

  /// The leaf that a parameter or buffer of the current network is, by the address of its handle; -1: none.
  constexpr int find_leaf(const void* handle) {
    // Parameters are mostly used in the order in which they are declared.
    for (std::size_t step = 0; step < handle_count_; ++step) {
      const std::size_t i = next_ + step < handle_count_ ? next_ + step : next_ + step - handle_count_;
      if (handles_[i] != handle) continue;
      next_ = i;
      return first_leaf_ + owners_[i];
    }
    return -1;
  }

  /// The leaf that a plain field of the current network is, by its address; -1: none.
  constexpr int find_field(const void* address) const {
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (fields[i] == address) return first_field + static_cast<int>(i);
    return -1;
  }

  constexpr bool is_evaluated(const void* module, Text (*type_name)()) const {
    for (const Call& c : evaluated)
      if (c.address == module && c.type_name == type_name) return true;
    return false;
  }

  /// Remembers the first mistake; recording goes on, so that types stay complete.
  constexpr void fail(const Text& reason) {
    if (!error.empty()) return;
    error = reason;
    error_call = call;
  }

  /// The gates that a node is one of.
  constexpr Gates& gates_of(int node) {
    std::size_t g = 0;
    const auto has = [&](const std::array<int, max_hooked>& list) {
      for (const int n : list)
        if (n == node) return true;
      return false;
    };
    while (!has(gates[g].in) && !has(gates[g].out)) ++g;
    return gates[g];
  }

  static constexpr std::size_t index(int i) { return static_cast<std::size_t>(i); }

private:
  constexpr bool same(const Node& node, const Signature* signature, const int* in, int count) const {
    if (node.signature->identity != signature->identity || node.count != count) return false;
    for (int k = 0; k < count; ++k)
      if (edges[index(node.first + k)] != in[k]) return false;
    return true;
  }

  GrowingArray<int> heads_;              ///< node -> the last node whose first operand it is
  GrowingArray<Assignment> assignments_; ///< at most one for each leaf
  GrowingArray<int> links_;              ///< node -> the user before, of the same first operand
  int constants_ = -1;
  const void* const* handles_ = nullptr; ///< of the current network, in the order of its table
  const int* owners_ = nullptr;
  std::size_t handle_count_ = 0, next_ = 0;
  int first_leaf_ = 0;
};

} // namespace stator::graph
