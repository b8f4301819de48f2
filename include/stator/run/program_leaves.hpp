// SPDX-License-Identifier: BSL-1.0
// What a program does to leaves besides reading them: the gradients that it adds to, the indices that it
// checks.
#pragma once

#include "stator/run/compile.hpp"

#include <algorithm>
#include <array>

namespace stator::run {

/// A leaf whose gradient a program adds to.
struct GradientLeaf {
  int leaf = 0;           ///< its number in the expression
  Bytes bytes{};          ///< of the gradient
  bool by_kernel = false; ///< a kernel adds to it, which can also write it
};
/// All of them in program P.
template<class P>
struct gradient_leaves {
  /// Whether a node is the gradient of a leaf.
  static constexpr bool is_one(const graph::Node& n) {
    return n.gradient && n.signature->kind == graph::Kind::leaf;
  }
  /// How many there are.
  static constexpr std::size_t count = [] {
    std::size_t n = 0;
    for (const graph::Node& node : P::nodes) n += is_one(node);
    return n;
  }();
  /// In the order of the program.
  static constexpr auto list = [] {
    std::array<GradientLeaf, count> leaves{};
    std::size_t n = 0, last = 0;
    for (const graph::Node& node : P::nodes)
      if (is_one(node)) {
        leaves[n++] = {node.leaf, node.signature->type.bytes()};
        last = std::max(last, static_cast<std::size_t>(node.leaf));
      }
    GrowingArray<bool> by_kernel(last + 1);
    for (const graph::Unit& unit : P::units)
      if (unit.accumulate) by_kernel.data()[P::places[P::at(P::members[P::at(unit.first)])].offset] = true;
    for (GradientLeaf& leaf : leaves) leaf.by_kernel = by_kernel.data()[leaf.leaf];
    return leaves;
  }();
};

/// Indices that lie in a leaf. They may have been written to between item() and backward(), so they are
/// checked again, before anything is added to a gradient.
struct IndexCheck {
  graph::CheckFunction function = nullptr; ///< throws ValueError
  std::size_t leaf = 0;                    ///< where the indices are
};
/// All of them in program P.
template<class P>
struct index_checks {
  /// The operand of a node that is a leaf of indices; -1: none.
  static constexpr int operand(std::size_t node) {
    const graph::Signature& s = *P::nodes[node].signature;
    if (s.check == nullptr) return -1;
    const int n = P::operand(static_cast<int>(node), s.checked);
    return P::place(n).area == graph::Area::leaf ? n : -1;
  }
  /// How many there are.
  static constexpr std::size_t count = [] {
    std::size_t n = 0;
    for (std::size_t i = 0; i < P::nodes.size(); ++i) n += operand(i) >= 0;
    return n;
  }();
  /// In the order of the program.
  static constexpr auto list = [] {
    std::array<IndexCheck, count> checks{};
    std::size_t n = 0;
    for (std::size_t i = 0; i < P::nodes.size(); ++i)
      if (const int o = operand(i); o >= 0) checks[n++] = {P::nodes[i].signature->check, P::place(o).offset};
    return checks;
  }();
};

} // namespace stator::run
