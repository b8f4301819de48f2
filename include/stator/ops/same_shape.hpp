// SPDX-License-Identifier: BSL-1.0
// What elementwise operations have in common.
#pragma once

#include "stator/ops/shapes.hpp"
#include "stator/trace/operation.hpp"

namespace stator::ops {

/// For elementwise operations whose result has the shape of the first operand; numbers may follow it.
struct SameShape {
  static constexpr Extents shape(const Extents& x, const auto&...) { return x; }
};

/// A base of functions of one number that is not an integer.
struct RealFunction : SameShape {
  static constexpr Promotion promotion = Promotion::floating;
};

/// A base of functions of two numbers with broadcasting; Op gives its name.
template<class Op>
struct Broadcasting {
  static constexpr Extents shape(const Extents& a, const Extents& b) { return broadcast(a, b); }
  static constexpr Text requirement(const Extents& a, const Extents& b) {
    return broadcast_requirement(detail::called<Op>().view(), a, b);
  }
};

namespace detail {
/// For the operands that are numbers.
template<class>
constexpr NoGradient none(const auto&) {
  return no_gradient;
}
} // namespace detail

/// A number in `apply`, as a vector or as one element: `constant<V>(0.5)`.
template<class V>
V constant(double value) {
  return V(static_cast<typename V::value_type>(value));
}

} // namespace stator::ops
