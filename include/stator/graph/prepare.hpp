// SPDX-License-Identifier: BSL-1.0
// The passes of a prepared program: one that runs many times while its parameters stay as they are. What
// depends on nothing but parameters and buffers is constant, and computed once. Constant is not what repeats
// its operand only (a loop repeats it as fast as it reads), what has a batch that is known at run time, and
// what draws random numbers.
// Needs: `first_constant`, the first leaf that does not change between runs.
// "fold_scale": an operation that is multiplied by a constant of each channel, and gets another added, does
// that with its weights: BatchNorm in evaluation after a convolution or a Linear. Changes the rounding.
// "pack": constant weights get the layout of their kernel.
// "finish": a kernel does what follows it before it writes its result, where it can: relu, a sum before it,
// the maximum of windows of two by two behind it. Its values are the same. "split" guarantees: the constant
// nodes come first and are the forward half of the graph; the other half may run any number of times after
// it.
#pragma once

#include "stator/graph/builder.hpp"

namespace stator::graph {

namespace detail {

/// Of each node, whether it has the same value in every run.
constexpr GrowingArray<bool> constants(const Graph& g) {
  GrowingArray<bool> result(g.nodes.size());
  bool* const same = result.data();
  const int* const edge = g.edges.data();
  for (int n = 0, size = static_cast<int>(g.nodes.size()); n < size; ++n) {
    const Node& node = g.nodes.data()[n];
    const Signature& s = *node.signature;
    if (s.kind == Kind::leaf) {
      same[n] = node.leaf >= g.first_constant;
      continue;
    }
    same[n] = s.kind == Kind::constant || s.kind == Kind::view || !s.unique;
    same[n] = same[n] && s.kind != Kind::store && !s.type.extents.is_dynamic();
    for (int e = node.first, end = e + node.count; e < end; ++e) same[n] = same[n] && same[edge[e]];
  }
  return result;
}

/// Whether all operands of a node but the first are constant, and the first is not.
constexpr bool has_constant_weights(const Graph& g, int node, const bool* same) {
  const Node& n = g.nodes.data()[node];
  if (n.count < 2 || same[g.edges.data()[n.first]]) return false;
  for (int e = n.first + 1, end = n.first + n.count; e < end; ++e)
    if (!same[g.edges.data()[e]]) return false;
  return true;
}

} // namespace detail

/// The pass.
constexpr Graph fold_scale(Graph g) {
  const GrowingArray<bool> found = detail::constants(g);
  const bool* const same = found.data();
  const int size = static_cast<int>(g.nodes.size());
  GrowingArray<int> uses(g.nodes.size());
  for (const int e : g.edges) ++uses.data()[e];
  Builder b(static_cast<Graph&&>(g));
  for (int n = 0; n < size; ++n) {
    const Node node = b.nodes.data()[n];
    if (!node.signature->mul_add || !detail::has_constant_weights(b, n, same)) continue;
    const int scaled = b.operand(n, 0);
    const Signature& s = b.signature(scaled);
    if (s.scaled == nullptr || uses.data()[scaled] != 1 || scaled == b.root ||
        !(s.type == node.signature->type) || !detail::has_constant_weights(b, scaled, same))
      continue;
    if (const int folded = s.scaled(b, scaled, b.operand(n, 1), b.operand(n, 2)); folded >= 0)
      b.replace_uses(n, folded);
  }
  return static_cast<Builder&&>(b).finish();
}

/// The pass.
constexpr Graph pack(Graph g) {
  const GrowingArray<bool> found = detail::constants(g);
  const int size = static_cast<int>(g.nodes.size());
  Builder b(static_cast<Graph&&>(g));
  for (int n = 0; n < size; ++n)
    if (const PrepareFunction prepare = b.signature(n).prepare;
        prepare != nullptr && detail::has_constant_weights(b, n, found.data()))
      if (const int packed = prepare(b, n); packed >= 0) b.replace_uses(n, packed);
  return static_cast<Builder&&>(b).finish();
}

namespace detail {
/// Finds kernels that can do what follows them.
struct Finisher {
  Builder& b;
  const int* const uses;

  /// What the kernel `o` computes has no other use.
  constexpr bool can(int o) const {
    return b.signature(o).finished != nullptr && uses[o] == 1 && o != b.root;
  }
  constexpr int relu_of(int n) const {
    const int o = b.operand(n, 0);
    if (can(o)) return b.signature(o).finished(b, o, Finished::relu, -1);
    if (b.signature(o).finish != Finish::sum || uses[o] != 1 || o == b.root) return -1;
    for (const int k : {0, 1}) {
      const int kernel = b.operand(o, k), other = b.operand(o, 1 - k);
      if (can(kernel) && b.type(kernel) == b.type(o) && b.type(other) == b.type(o))
        return b.signature(kernel).finished(b, kernel, Finished::sum_relu, other);
    }
    return -1;
  }
  constexpr int maximum_of(int n) const {
    const int relu = b.operand(n, 0);
    if (b.signature(relu).finish != Finish::relu || uses[relu] != 1 || relu == b.root) return -1;
    const int o = b.operand(relu, 0);
    return can(o) ? b.signature(o).finished(b, o, Finished::relu_halve_max, -1) : -1;
  }
};
} // namespace detail

/// The pass.
constexpr Graph finish(Graph g) {
  const int size = static_cast<int>(g.nodes.size());
  GrowingArray<int> uses(g.nodes.size());
  for (const int e : g.edges) ++uses.data()[e];
  Builder b(static_cast<Graph&&>(g));
  const detail::Finisher finisher{b, uses.data()};
  for (int n = 0; n < size; ++n) {
    const Finish what = b.nodes.data()[n].signature->finish;
    if (what != Finish::relu && what != Finish::halve_max) continue;
    if (const int done = what == Finish::relu ? finisher.relu_of(n) : finisher.maximum_of(n); done >= 0)
      b.replace_uses(n, done);
  }
  return static_cast<Builder&&>(b).finish();
}

/// The pass.
constexpr Graph split(Graph g) {
  GrowingArray<bool> found = detail::constants(g);
  bool* const same = found.data();
  const int size = static_cast<int>(g.nodes.size());
  const Node* const node = g.nodes.data();
  const int* const edge = g.edges.data();
  // The result goes to memory of the caller. A node that only repeats is left to what reads it, and so is an
  // elementwise one that would be joined to a region of the other half: compilers may round across the
  // operations of a region.
  GrowingArray<bool> leave(g.nodes.size()), need(g.nodes.size());
  if (g.kind(g.base(g.root)) != Kind::leaf) leave.data()[g.base(g.root)] = true;
  for (int n = size; n-- > 0;) {
    const Signature& s = *node[n].signature;
    if (leave.data()[n] && !need.data()[n]) same[n] = false;
    if (s.kind == Kind::view) continue;
    for (int e = node[n].first, end = e + node[n].count; e < end; ++e) {
      const int o = g.base(edge[e]);
      const Signature& from = *node[o].signature;
      const bool joined = s.kind == Kind::elementwise && o == edge[e] && from.type == s.type;
      if (same[n])
        need.data()[o] = true;
      else if (from.kind == Kind::elementwise && (from.repeats || joined))
        leave.data()[o] = true;
    }
  }
  // A view belongs to the half of what it shows.
  for (int n = 0; n < size; ++n)
    if (node[n].signature->kind == Kind::view) same[n] = same[edge[node[n].first]];

  GrowingArray<int> moved(g.nodes.size());
  GrowingArray<Node> nodes;
  GrowingArray<int> edges;
  nodes.reserve(g.nodes.size());
  edges.reserve(g.edges.size());
  for (const bool half : {true, false}) {
    for (int n = 0; n < size; ++n) {
      if (same[n] != half) continue;
      Node to = node[n];
      to.first = static_cast<int>(edges.size());
      for (int e = node[n].first, end = e + node[n].count; e < end; ++e)
        edges.push_back(moved.data()[edge[e]]);
      moved.data()[n] = static_cast<int>(nodes.size());
      nodes.push_back(to);
    }
    if (half) g.forward_nodes = static_cast<int>(nodes.size());
  }
  g.root = moved.data()[g.root];
  for (int& e : g.effects) e = moved.data()[e];
  g.nodes = static_cast<GrowingArray<Node>&&>(nodes);
  g.edges = static_cast<GrowingArray<int>&&>(edges);
  return g;
}

} // namespace stator::graph
