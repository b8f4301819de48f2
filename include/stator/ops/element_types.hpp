// SPDX-License-Identifier: BSL-1.0
// Requirements on element types that several operations share: `type_requirement` of an operation.
#pragma once

#include "stator/core/dtype.hpp"
#include "stator/core/text.hpp"

#include <concepts>

namespace stator::ops {

/// A base of layers' operations: the input and all parameters have one floating-point type.
struct LayerTypes {
  static constexpr Text type_requirement(DType x, std::same_as<DType> auto... parameters) {
    Text found;
    [[maybe_unused]] const auto look = [&](DType p) {
      if (p == x || !found.empty()) return;
      found = text("the input is ", to_string(x), ", the parameters are ", to_string(p),
                   ": convert the input, stator::to<", scalar_name(p), ">(x)");
      if (x == DType::float64) found += ", or make the layer one of double";
    };
    (look(parameters), ...);
    return found;
  }
};

/// A base of products: all operands have one type.
struct OneType {
  static constexpr Text type_requirement(DType a, DType b) {
    if (a == b) return {};
    return text("matmul: the operands are ", to_string(a), " and ", to_string(b),
                ": convert one of them, stator::to<", scalar_name(is_floating_point(b) ? b : a), ">(x)");
  }
};

} // namespace stator::ops
