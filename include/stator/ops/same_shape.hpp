// SPDX-License-Identifier: BSL-1.0
// What elementwise operations of one tensor and numbers have in common.
#pragma once

#include "stator/trace/operation.hpp"

namespace stator::ops {

/// For elementwise operations whose result has the shape of the first operand; numbers may follow it.
struct SameShape {
  static constexpr Extents shape(const Extents& x, const auto&...) { return x; }
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
