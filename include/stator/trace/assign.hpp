// SPDX-License-Identifier: BSL-1.0
// Parameters and buffers inside of `forward`: as symbols, and how a buffer gets a new value.
#pragma once

#include "stator/trace/operation.hpp"

#include <algorithm>

namespace stator::inline v0_2 {

namespace ops {

/// Writes the second operand to the memory of the first, a buffer, at the end of the forward.
struct Assign {
  static constexpr std::string_view name = "Assign";
  static constexpr Extents shape(const Extents& buffer, const Extents&) { return buffer; }
  template<class Out, class Old, class X>
  static void run(typename Out::scalar* out, const typename Old::scalar*, const typename X::scalar* x, Index,
                  std::byte*) {
    std::copy_n(x, Out::extents.numel(), out);
  }
};

/// The value of a parameter or buffer as a symbol, recorded where `x` is.
template<AnySymbol X, class L>
constexpr auto symbol(const X& x, const L& leaf) {
  return detail::to_symbol<typename X::scalar, X::order>(x.builder, leaf);
}

} // namespace ops

/// Inside of `forward`: gives a buffer of the network a new value. What reads the buffer after this call
/// gets the new value; its memory is written once, when the forward of the network is complete.
template<Leaf L, AnySymbol X>
constexpr void assign(const L& buffer, const X& value) {
  static_assert(L::leaf_kind != LeafKind::parameter,
                "stator: assign: parameters are changed by optimisers, not by forward");
  static_assert(std::is_same_v<typename L::scalar, typename X::scalar> && L::shape_tag::extents == X::extents,
                "stator: assign: the value needs the shape and the element type of the buffer");
  graph::Builder& b = *value.builder;
  const int leaf = b.find_leaf(&buffer);
  if (leaf < 0) {
    b.fail(text("assign: a buffer of shape ", X::extents, " is not a field of the network"));
    return;
  }
  using T = typename X::typed;
  b.assign(
      {leaf, value.node, &ops::leaf_signature<T, 0>::value, &ops::signature<ops::Assign, 0, T, T, T>::value});
}

} // namespace stator::inline v0_2
