// SPDX-License-Identifier: BSL-1.0
// Why backward() of an expression with gradients in it cannot be.
#pragma once

#include "stator/graph/differentiate.hpp"
#include "stator/trace/trace.hpp"

namespace stator::inline v0_2 {

namespace detail {
/// For backward() of an expression with gradients in it: an operation of these that has no further
/// derivative.
template<class E>
struct backward_error {
  static constexpr Text message() {
    graph::Builder b;
    const int root = tracer<E>::template symbol<1>(b).node, end = root + 1;
    GrowingArray<bool> wanted(static_cast<std::size_t>(end));
    for (std::size_t leaf = 0; leaf < b.values.size(); ++leaf)
      if (const int n = b.values[leaf]; b.needs_grad[leaf] && n >= 0 && n < end) wanted.data()[n] = true;
    GrowingArray<bool> needs = wanted;
    graph::spread_needs(b, needs.data(), end);
    GrowingArray<int> grads(static_cast<std::size_t>(end), -1);
    grads.data()[root] = b.signature(root).fill(b, 1.0);
    graph::sweep(b, needs.data(), grads.data(), end, 0, graph::WithoutDerivative{b, wanted.data()});
    if (b.mistake.text.empty()) return {};
    return text("stator: ", b.mistake.text);
  }
};
} // namespace detail

} // namespace stator::inline v0_2
