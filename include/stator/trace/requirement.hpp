// SPDX-License-Identifier: BSL-1.0
// Whether operands fit an operation, in words: their element types, see trace/promotion.hpp, and their
// shapes.
#pragma once

#include "stator/core/text.hpp"
#include "stator/trace/promotion.hpp"
#include "stator/trace/signature.hpp"

#include <array>
#include <type_traits>

namespace stator::ops::detail {

/// Element type of the result: Op::scalar<...> where it says so, that of the first operand otherwise.
template<class Op, class First, class... Rest>
struct result_scalar {
  using type = typename First::scalar;
};
template<class Op, class First, class... Rest>
  requires requires { typename Op::template scalar<typename First::scalar, typename Rest::scalar...>; }
struct result_scalar<Op, First, Rest...> {
  using type = typename Op::template scalar<typename First::scalar, typename Rest::scalar...>;
};

template<class>
using AnyFloat = Typed<float, Shape<>>;

/// How Op treats the element types of its operands.
template<class Op, class... In>
constexpr Promotion promotion_of() {
  if constexpr (requires { Op::promotion; })
    return Op::promotion;
  else if constexpr (!IsStore<Op> && IsElementwise<Op, AnyFloat<Op>, AnyFloat<In>...>)
    return Promotion::floats;
  else
    return Promotion::keep;
}

/// The operand as promotion sees it.
template<class In>
constexpr OperandType operand_type() {
  using enum OperandType::Category;
  if constexpr (std::is_arithmetic_v<In>)
    return {number_dtype<In>, number};
  else
    return {In::value.dtype, In::extents.rank == 0 ? scalar_tensor : tensor};
}

/// What an operation is called in messages: its own `called`, or the name of its node, "log_softmax".
template<class Op>
constexpr Text called() {
  if constexpr (requires { Op::called; })
    return Text(Op::called);
  else
    return function_name(Op::name);
}

template<class Op, class... In>
struct requirement {
  // Not consteval: a text is not a result that could be kept.
  static constexpr Text message() {
    constexpr Promotion p = promotion_of<Op, In...>();
    if constexpr (p != Promotion::keep) {
      Text types = type_requirement<p>(called<Op>(), std::array{operand_type<In>()...});
      if (!types.empty()) return types;
    } else if constexpr (requires { Op::type_requirement(In::value.dtype...); }) {
      Text types = Op::type_requirement(In::value.dtype...);
      if (!types.empty()) return types;
    }
    if constexpr (requires { Op::requirement(In::extents...); })
      return Op::requirement(In::extents...);
    else
      return {};
  }
  static constexpr bool met = message().empty();
};

/// The same as the compiler says it.
template<class Requirement>
struct stated {
  static constexpr Text message() {
    const Text reason = Requirement::message();
    if (reason.empty()) return {};
    Text result("stator: ");
    result += reason;
    return result;
  }
};

} // namespace stator::ops::detail
