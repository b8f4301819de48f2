// SPDX-License-Identifier: BSL-1.0
// The vector-Jacobian product of nodes that were just recorded. An operation whose backward is one kernel
// says its second derivative with it: where its vjp is to be differentiated again, it records its forward
// once more, in operations that can be, and asks for their gradients.
#pragma once

#include "stator/graph/differentiate.hpp"
#include "stator/ops/arithmetic.hpp"

namespace stator::ops {

/// The operand x as what can be differentiated once more.
template<class T, class S, int Order>
constexpr Symbol<T, S, Order + 1> once_more(const Symbol<T, S, Order>& x) {
  return {x.builder, x.node};
}

/// The gradients for `x...` of nodes that were recorded of once_more(x)..., given their own: `results` and
/// `seeds`, node by node. Of the order of x, zeros where there is none.
template<std::size_t N, class... X>
constexpr auto vjp_of_nodes(graph::Builder& b, const int (&results)[N], const int (&seeds)[N],
                            const X&... x) {
  int end = 0;
  for (const int node : results) end = node >= end ? node + 1 : end;
  GrowingArray<bool> needs(static_cast<std::size_t>(end));
  ((x.node < end ? void(needs.data()[x.node] = true) : void()), ...);
  const GrowingArray<bool> wanted = needs;
  graph::spread_needs(b, needs.data(), end);
  GrowingArray<int> grads(static_cast<std::size_t>(end), -1);
  for (std::size_t i = 0; i < N; ++i) grads.data()[results[i]] = seeds[i];
  graph::sweep(b, needs.data(), grads.data(), end, 0, graph::WithoutDerivative{b, wanted.data()});
  const auto found = [&]<class S>(const S& s) {
    const int node = s.node < end ? grads.data()[s.node] : -1;
    return S{&b, node >= 0 ? node : gradient_functions<typename S::typed, 0>::fill()(b, 0.0)};
  };
  return gradients(found(x)...);
}

} // namespace stator::ops
