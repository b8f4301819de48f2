// SPDX-License-Identifier: BSL-1.0
// Pass "pooled": the gradients of relu and of maxima behind it are one kernel; and where the kernel of the
// convolution before them can, it takes relu and the maxima of windows of two by two itself, and what reads
// the gradient of its result reads that of the maxima instead: neither the result nor its gradient is
// written. Needs: operands before their users, no dead nodes. Guarantees: all other values are as they were,
// bit by bit.
#pragma once

#include "stator/graph/graph.hpp"

namespace stator::graph {

namespace detail {

struct Pooler {
  Graph& g;
  const int size;
  GrowingArray<int> counted, found; ///< uses of each node; of each relu the maximum that uses it, -1: none
  explicit constexpr Pooler(Graph& graph)
      : g(graph), size(static_cast<int>(g.nodes.size())), counted(g.nodes.size()), found(g.nodes.size(), -1) {
    for (const int e : g.edges) ++counted.data()[e];
    for (const int e : g.effects) ++counted.data()[e];
    ++counted.data()[g.root];
    for (int n = 0; n < size; ++n)
      if (g.nodes.data()[n].signature->finish == Finish::halve_max) found.data()[g.operand(n, 0)] = n;
  }
  constexpr int uses(int n) const { return counted.data()[n]; }

  /// The gradient of the result of a convolution, `cut`, is that of `relu` and of the maxima of its result:
  /// joins all of them, if nothing else needs any of them.
  constexpr bool join(int cut, int unpool, int relu) {
    const int maximum = found.data()[relu];
    if (maximum < 0 || g.signature(relu).finish != Finish::relu || uses(relu) != 3) return false;
    const int convolution = g.operand(relu, 0);
    const Pooled* const pooled = g.signature(convolution).pooled;
    if (pooled == nullptr || uses(convolution) != 1 || !readers(*pooled, cut, -1, -1)) return false;
    const Node node = g.nodes.data()[convolution];
    int operands[3]{};
    for (int k = 0; k < node.count; ++k) operands[k] = g.edges.data()[node.first + k];
    const int forward = insert(convolution, pooled->forward, operands, node.count);
    readers(*pooled, cut, g.operand(unpool, 0), forward);
    for (const int gone : {convolution, relu, unpool, cut}) g.replace_uses(gone, forward);
    g.replace_uses(maximum, insert(maximum, pooled->result, &forward, 1));
    return true;
  }
  /// Appends a node in the call of a module that `like` was recorded in.
  constexpr int insert(int like, const Signature* signature, const int* operands, int count) {
    const int node = g.insert(signature, operands, count);
    g.nodes.data()[node].call = g.nodes.data()[like].call;
    return node;
  }

private:
  /// Whether all that reads `cut` can read the gradient of the maxima instead; with a `forward` does so.
  constexpr bool readers(const Pooled& pooled, int cut, int gradient, int forward) {
    int open = uses(cut);
    for (int n = cut + 1; n < size && open > 0; ++n) {
      const Node node = g.nodes.data()[n];
      int operands[3]{}, count = 0;
      bool reads = false;
      for (int k = 0; k < node.count && count < 3; ++k) {
        const int o = g.edges.data()[node.first + k];
        reads = reads || o == cut;
        operands[count++] = o == cut ? gradient : o;
        if (o == cut && count < 3) operands[count++] = forward;
      }
      if (!reads) continue;
      const Signature* instead = nullptr;
      for (const Pooled::Reader& r : pooled.readers)
        if (r.of == node.signature->identity) instead = r.instead;
      if (instead == nullptr) return false;
      if (forward >= 0) g.replace_uses(n, insert(n, instead, operands, count));
      --open;
    }
    return open == 0;
  }
};

} // namespace detail

/// The pass.
constexpr Graph pooled(Graph g) {
  const int size = static_cast<int>(g.nodes.size());
  int first = g.forward_nodes;
  while (first < size && g.nodes.data()[first].signature->cut == nullptr) ++first;
  if (first == size) return g;
  detail::Pooler pooler(g);
  for (int n = first; n < size; ++n) {
    const Node node = g.nodes.data()[n];
    if (node.signature->finish != Finish::cut) continue;
    const int unpool = g.operand(n, 0), relu = g.operand(n, 1);
    const Signature* const cut = g.signature(unpool).cut;
    if (cut == nullptr || pooler.uses(unpool) != 1 || g.operand(unpool, 1) != relu) continue;
    if (pooler.join(n, unpool, relu)) continue;
    const int operands[] = {g.operand(unpool, 0), relu};
    g.replace_uses(n, pooler.insert(unpool, cut, operands, 2));
    g.replace_uses(unpool, n);
  }
  return g;
}

} // namespace stator::graph
