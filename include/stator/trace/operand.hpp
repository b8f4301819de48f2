// SPDX-License-Identifier: BSL-1.0
// What operations apply to, and the element types and shapes that they see of it.
#pragma once

#include "stator/expr/expression.hpp"
#include "stator/expr/parameter.hpp"
#include "stator/trace/requirement.hpp"

#include <array>
#include <type_traits>

namespace stator::inline v0_2 {

/// How a handle becomes a symbol: `symbol<Order>(builder)` registers its leaves and records its operations.
template<class Handle>
struct tracer; // trace/trace.hpp
template<class E>
struct trace_error; // trace/trace_error.hpp

namespace detail {
/// The symbol type that an operation gets for a symbol: operands of 16 bits enter it as floats.
template<class S>
struct widened {
  using type = S;
};
template<class T, class S, int Order>
  requires(is_half(dtype_of<T>))
struct widened<Symbol<T, S, Order>> {
  using type = Symbol<arithmetic_of<T>, S, Order>;
};
/// The type of the symbol that a handle becomes.
template<class Handle>
struct symbol_type {
  using traced = decltype(tracer<Handle>::template symbol<0>(std::declval<graph::Builder&>()));
  using type = typename widened<traced>::type;
};
template<class A>
struct operand_scalar {
  using type = typename symbol_type<A>::type::scalar;
};
template<class A>
  requires requires { typename A::scalar; }
struct operand_scalar<A> {
  using type = arithmetic_of<typename A::scalar>;
};
template<class First, class... Rest>
struct first_scalar : operand_scalar<First> {};
template<class First, class... Rest>
  requires std::is_arithmetic_v<First>
struct first_scalar<First, Rest...> : first_scalar<Rest...> {};

/// Element type and shape of an operand, a number itself for a number.
template<class A>
struct operand_typed {
  using type = typename symbol_type<A>::type::typed;
};
template<class A>
  requires std::is_arithmetic_v<A>
struct operand_typed<A> {
  using type = A;
};
template<AnySymbol A>
struct operand_typed<A> {
  using type = typename widened<std::remove_cvref_t<A>>::type::typed;
};
template<Leaf A>
struct operand_typed<A> {
  using type = Typed<arithmetic_of<typename A::scalar>, typename A::shape_tag>;
};
template<class A>
  requires(!Leaf<A> && requires { typename A::shape_type; })
struct operand_typed<A> {
  using type = Typed<arithmetic_of<typename A::scalar>, typename A::shape_type>;
};

/// The type that numbers beside operands A... are converted to.
template<class Op, class... A>
struct number_type {
  static consteval DType find() {
    constexpr ops::Promotion p = ops::detail::promotion_of<Op, A...>();
    if constexpr (p == ops::Promotion::keep)
      return dtype_of<typename first_scalar<A...>::type>;
    else
      return ops::promoted_type<p>(
          std::array{ops::detail::operand_type<typename operand_typed<A>::type>()...});
  }
  using type = scalar_of<find()>;
};
template<class Op, class... A>
using number_type_t = typename number_type<Op, std::remove_cvref_t<A>...>::type;
} // namespace detail

namespace detail {
template<class A>
inline constexpr bool is_refused = std::is_same_v<std::remove_cvref_t<A>, expr::Refused>;
} // namespace detail

/// Tensors, expressions and symbols: what operations apply to.
template<class A>
concept Arithmetic = std::is_arithmetic_v<std::remove_cvref_t<A>>;

/// What operations apply to: tensors and views, expressions, parameters and buffers, and symbols.
template<class A>
concept Operand = detail::is_refused<A> || AnySymbol<A> || Leaf<A> ||
                  std::is_base_of_v<expr::Evaluated<std::remove_cvref_t<A>>, std::remove_cvref_t<A>> ||
                  requires { typename std::remove_cvref_t<A>::shape_type; };

} // namespace stator::inline v0_2
