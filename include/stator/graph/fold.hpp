// SPDX-License-Identifier: BSL-1.0
// Pass "fold": computes with numbers while compiling, and drops what changes nothing.
// Needs: operands before their users. Guarantees: an elementwise operation on numbers alone is a number,
// rounded as the program would have rounded it, for all elementwise operations that use it; x * 1, x / 1, x -
// 0 and x + (-0) are x. Kernels, views and the root go on reading memory. Every value stays what it was, bit
// by bit: x + 0 stays, since -0 + 0 is 0, and so does x * 0, which is NaN for an infinite x.
#pragma once

#include "stator/graph/fuse.hpp"

namespace stator::graph {

/// The pass.
constexpr Graph fold(Graph g) {
  const int size = static_cast<int>(g.nodes.size());
  // The number that every element of a node is: itself a node, -1 where there is none.
  GrowingArray<int> numbers(g.nodes.size());
  int* const number = numbers.data();
  for (int n = 0; n < size; ++n) {
    const Node node = g.nodes.data()[n];
    const Signature& s = *node.signature;
    number[n] = s.kind == Kind::constant ? n : -1;
    const bool shows = (s.kind == Kind::view && !s.unique) || s.repeats;
    if ((s.kind != Kind::elementwise && !shows) || node.count > max_elementwise_operands) continue;
    double value[max_elementwise_operands]{};
    bool known[max_elementwise_operands]{};
    int found = 0;
    for (int k = 0; k < node.count; ++k) {
      int& operand = g.edges.data()[node.first + k];
      operand = g.current(operand);
      const int same = operand < size ? number[operand] : operand;
      if (same < 0) continue;
      if (s.kind == Kind::elementwise) operand = same;
      value[k] = g.nodes.data()[same].number, known[k] = true, ++found;
      if (shows) number[n] = same;
    }
    if (found == 0) continue;
    const int first = g.edges.data()[node.first];
    if (found == node.count && s.fold != nullptr) {
      // A number of this element type: the signature of one of the operands.
      const Signature* const like = g.nodes.data()[first].signature;
      double result = 0;
      if (like->type.dtype == s.type.dtype && s.fold(value, &result))
        number[n] = g.insert(like, nullptr, 0, result);
    } else if (s.neutral != nullptr) {
      const int k = s.neutral(value, known);
      const int same = k < 0 ? -1 : g.edges.data()[node.first + k];
      if (same >= 0 && g.type(same) == s.type && g.kind(same) != Kind::constant) g.replace_uses(n, same);
    }
  }
  return g;
}

} // namespace stator::graph
