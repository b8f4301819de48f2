// SPDX-License-Identifier: BSL-1.0
// Records nodes in constant evaluation. Equal nodes are found among the users of an operand, so recording
// stays linear in the size of the graph.
#pragma once

#include "stator/graph/trace_state.hpp"

#include <bit>

namespace stator::graph {

/// What is written to the memory of a leaf, a buffer, once the forward of its network is complete.
struct Assignment {
  int leaf = -1;                     ///< the buffer
  int value = -1;                    ///< node
  const Signature* memory = nullptr; ///< signature of a leaf of this type
  const Signature* store = nullptr;  ///< signature of ops::Assign
};

/// A graph that is being appended to: by tracing, and by derivatives.
class Builder : public Graph {
public:
  constexpr Builder() = default;
  /// Goes on with a graph that has been recorded.
  explicit constexpr Builder(Graph&& graph) : Graph(static_cast<Graph&&>(graph)) {
    const int size = static_cast<int>(nodes.size());
    heads_ = GrowingArray<int>(nodes.size(), -1);
    links_ = GrowingArray<int>(nodes.size(), -1);
    for (int n = 0; n < size; ++n) link(n);
    values = GrowingArray<int>(needs_grad.size(), -1);
    for (int n = size; n-- > 0;) // the first node of a leaf is what reads it
      if (nodes.data()[n].leaf >= 0 && nodes.data()[n].signature->kind == Kind::leaf &&
          !nodes.data()[n].gradient)
        values.data()[nodes.data()[n].leaf] = n;
  }
  /// The graph, when all is appended.
  constexpr Graph finish() && { return static_cast<Graph&&>(*this); }

  GrowingArray<int>
      values;           ///< what reading a leaf gives now: its node, or what was assigned to it; -1: unread
  ModuleCalls modules;  ///< that were called
  SharedResults shared; ///< of calls that have several
  PlainFields fields;   ///< of the current network
  HookTrace hooks;      ///< of the current network
  Mistake mistake;      ///< the first

  /// Appends a node, or returns an equal one, or what its operand was made of where it undoes that.
  template<class... Operand>
  constexpr int add(const Signature* signature, Operand... operand) {
    const int in[sizeof...(Operand) + 1] = {operand..., 0};
    return add_list(signature, in, static_cast<int>(sizeof...(Operand)));
  }

  // On plain pointers: clang counts every call of an accessor as two steps of the evaluation.
  /// As `add`, with the operands in an array.
  constexpr int add_list(const Signature* signature, const int* in, int count) {
    if (count > 0 && !signature->unique) {
      Node* const node = nodes.data();
      if (node[in[0]].signature->undone_by == signature->identity) return edges.data()[node[in[0]].first];
      const int *const edge = edges.data(), *const next = links_.data();
      for (int user = heads_.data()[in[0]]; user >= 0; user = next[user])
        if (node[user].signature->identity == signature->identity && node[user].count == count &&
            equal(edge + node[user].first, in, count)) {
          // What was recorded for less may be differentiated after all.
          if (node[user].signature->order < signature->order) node[user].signature = signature;
          return user;
        }
    }
    const int node = static_cast<int>(nodes.size());
    nodes.push_back({signature, static_cast<int>(edges.size()), count, -1, false, 0, modules.current});
    for (int k = 0; k < count; ++k) edges.push_back(in[k]);
    heads_.push_back(-1);
    links_.push_back(-1);
    if (count > 0) {
      int& head = heads_.data()[in[0]];
      links_.data()[node] = head;
      head = node;
    }
    return node;
  }

  /// Appends a number, or returns an equal one.
  constexpr int constant(const Signature* signature, double value) {
    for (int node = constants_; node >= 0; node = links_[index(node)])
      if (nodes[index(node)].signature->identity == signature->identity &&
          std::bit_cast<std::uint64_t>(nodes[index(node)].number) == std::bit_cast<std::uint64_t>(value))
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
    for (std::size_t step = 0, i = next_; step < handle_count_; ++step, i = i + 1 < handle_count_ ? i + 1 : 0)
      if (handles_[i] == handle) return first_leaf_ + owners_[next_ = i];
    return -1;
  }

  /// Remembers the first mistake; recording goes on, so that types stay complete.
  constexpr void fail(const Text& reason) {
    if (mistake.text.empty()) mistake = {reason, modules.current};
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

private:
  static constexpr bool equal(const int* a, const int* b, int count) {
    for (int k = 0; k < count; ++k)
      if (a[k] != b[k]) return false;
    return true;
  }
  constexpr void link(int n) {
    const Node& node = nodes.data()[n];
    int* const head = heads_.data();
    int* const next = links_.data();
    if (node.count > 0) {
      const int first = edges.data()[node.first];
      next[n] = head[first], head[first] = n;
    } else if (node.signature->kind == Kind::constant) {
      next[n] = constants_, constants_ = n;
    }
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
