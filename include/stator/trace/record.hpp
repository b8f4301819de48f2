// SPDX-License-Identifier: BSL-1.0
// Recording: symbols and what stands beside them in a call (numbers, parameters, fields of the network, what
// was made of these) become the nodes of an operation; tensors become the handles of an expression.
#pragma once

#include "stator/core/compile_error.hpp"
#include "stator/expr/expression.hpp"
#include "stator/expr/parameter.hpp"
#include "stator/trace/requirement.hpp"

#include <cstdint>
#include <memory>
#include <tuple>

namespace stator::ops {

/// The symbol s with elements of type To.
template<class To, class S>
constexpr auto cast_to(const S& s); // trace/convert.hpp

namespace detail {

/// Types of plain fields of a network that forward may use: `x * rate`.
template<class A>
inline constexpr bool is_field_type =
    std::is_same_v<A, float> || std::is_same_v<A, double> || std::is_same_v<A, std::int64_t> ||
    std::is_same_v<A, std::int32_t> || std::is_same_v<A, std::uint8_t> || std::is_same_v<A, bool>;

/// The first symbol among the operands.
template<class First, class... Rest>
constexpr const auto& first_symbol(const First& first, const Rest&... rest) {
  if constexpr (AnySymbol<First>)
    return first;
  else
    return first_symbol(rest...);
}

template<class Op>
concept IsComposite = requires { Op::is_composite; };

// Constants of their own for what follows from types alone: a constant inside of a function is computed anew,
// step by step, each time that a constant evaluation goes through it.

/// What an operation on operands of these types is recorded as.
template<class Op, int Order, class... In>
struct recording {
  static constexpr Extents extents = Op::shape(In::extents...);
  using Out = Typed<typename result_scalar<Op, In...>::type, to_shape<extents>>;
  using Result = Symbol<typename Out::scalar, typename Out::shape, Order>;
};

/// What an operation does with the element types of these operands.
template<class Op, class... In>
struct operand_types {
  static constexpr Promotion promotion = promotion_of<Op, In...>();
  static constexpr DType promoted = [] {
    if constexpr (promotion == Promotion::keep)
      return DType{};
    else
      return promoted_type<promotion>(std::array{operand_type<In>()...});
  }();
};

template<class... S>
inline constexpr int order_of = std::remove_cvref_t<decltype(first_symbol(std::declval<S>()...))>::order;

/// Records an operation on operands of the types that it is written for.
template<class Op, class... S>
constexpr auto record_converted(const S&... operand) {
  if constexpr (IsComposite<Op>) {
    return Op::compose(operand...);
  } else if constexpr (order_of<S...> == 1 && requires { Op::differentiable(operand...); }) {
    return Op::differentiable(operand...);
  } else {
    using To = recording<Op, order_of<S...>, typename S::typed...>;
    using Recorded = signature<Op, order_of<S...>, typename To::Out, typename S::typed...>;
    graph::Builder* const b = first_symbol(operand...).builder;
    return typename To::Result{b, b->add(&Recorded::value, operand.node...)};
  }
}

template<class Op, class... S>
constexpr auto record(const S&... operand) {
  using Fit = requirement<Op, typename S::typed...>;
  using Types = operand_types<Op, typename S::typed...>;
  if constexpr (!Fit::met) first_symbol(operand...).builder->fail(Fit::message());
  if constexpr (!Fit::met && !IsComposite<Op>) {
    // The kernel is not instantiated for what does not fit; any node will do.
    const auto& s = first_symbol(operand...);
    return typename recording<Op, order_of<S...>, typename S::typed...>::Result{s.builder, s.node};
  } else if constexpr (Types::promotion == Promotion::keep) {
    return record_converted<Op>(operand...);
  } else {
    // A composite that does not fit is recorded in a type that its kernels have.
    using T = std::conditional_t<Fit::met, scalar_of<Types::promoted>, float>;
    if constexpr (Types::promotion == Promotion::chosen) {
      return [](const auto& condition, const auto&... rest) {
        return record_converted<Op>(condition, cast_to<T>(rest)...);
      }(operand...);
    } else {
      return record_converted<Op>(cast_to<T>(operand)...);
    }
  }
}

template<class T, int Order>
constexpr auto number(graph::Builder* b, double value) {
  return Symbol<T, Shape<>, Order>{b, b->constant(&number_signature<T>::value, value)};
}

/// The symbol of a parameter or buffer of the network that is traced, with elements of type T.
template<class T, int Order, class L>
constexpr auto leaf_symbol(graph::Builder* b, const L* handle) {
  using Type = Typed<typename L::scalar, typename L::shape_tag>;
  using Result = Symbol<T, typename L::shape_tag, Order>;
  const int leaf = b->find_leaf(handle);
  if (leaf < 0) {
    b->fail(text("a parameter or buffer of shape ", Type::extents,
                 " is used that is not a field of the network"));
    return Result{b, 0};
  }
  return cast_to<T>(Symbol<typename L::scalar, typename L::shape_tag, Order>{
      b, b->leaf(&leaf_signature<Type, Order>::value, leaf)});
}

/// A number beside symbols: a constant, or a field of the network, which is read when the program runs.
template<class T, int Order, class A>
constexpr auto number_symbol(graph::Builder* b, const A& a) {
  if constexpr (is_field_type<A>)
    if (const int field = b->fields.find(&a); field >= 0) {
      using Type = Typed<A, Shape<>>;
      return cast_to<T>(Symbol<A, Shape<>, Order>{b, b->leaf(&leaf_signature<Type, Order>::value, field)});
    }
  return number<T, Order>(b, static_cast<double>(a));
}

/// What an expression becomes that was made inside of forward, from parameters, buffers and numbers alone:
/// `symbol<Order>(builder, expression)`.
template<class E>
struct in_forward {
  static constexpr bool possible = false;
};
template<class T>
struct in_forward<expr::Number<T>> {
  static constexpr bool possible = true;
  template<int Order>
  static constexpr auto symbol(graph::Builder* b, const expr::Number<T>& number) {
    return detail::number<T, Order>(b, static_cast<double>(number.value));
  }
};
template<class L>
struct in_forward<expr::LeafInput<L>> {
  static constexpr bool possible = true;
  template<int Order>
  static constexpr auto symbol(graph::Builder* b, const expr::LeafInput<L>& input) {
    return leaf_symbol<arithmetic_of<typename L::scalar>, Order>(b, input.leaf);
  }
};
template<class Op, class... A>
struct in_forward<expr::Expression<Op, A...>> {
  static constexpr bool possible = (in_forward<A>::possible && ...);
  template<int Order>
  static constexpr auto symbol(graph::Builder* b, const expr::Expression<Op, A...>& e) {
    return stator::detail::unpack(
        [&](const A&... a) { return operation<Op>{}(in_forward<A>::template symbol<Order>(b, a)...); },
        e.operands);
  }
};

/// What stands beside a symbol does not belong to the network.
template<class A>
struct outsider_error {
  static constexpr Text message() {
    if constexpr (in_forward<A>::possible)
      return {};
    else
      return text(
          "stator: a tensor stands beside a symbol: inside of forward, operands are the inputs of forward, ",
          "parameters and buffers of the network, numbers, and what operations make of these");
  }
};

/// The symbol of anything that may stand beside a Symbol in a call. What has 16 bits becomes floats, unless
/// `TakesHalves`.
template<class T, int Order, bool TakesHalves = false, class A>
constexpr auto to_symbol(graph::Builder* b, const A& a) {
  if constexpr (AnySymbol<A>) {
    using To = std::conditional_t<TakesHalves, typename A::scalar, arithmetic_of<typename A::scalar>>;
    return cast_to<To>(Symbol<typename A::scalar, typename A::shape, Order>{b, a.node});
  } else if constexpr (std::is_arithmetic_v<A>) {
    return number_symbol<T, Order>(b, a);
  } else if constexpr (Leaf<A>) {
    using To = std::conditional_t<TakesHalves, typename A::scalar, arithmetic_of<typename A::scalar>>;
    return leaf_symbol<To, Order>(b, &a);
  } else {
    static_assert(check<outsider_error<A>>());
    if constexpr (in_forward<A>::possible)
      return in_forward<A>::template symbol<Order>(b, a);
    else
      return number_symbol<T, Order>(b, 0);
  }
}

} // namespace detail

/// The handle by which an expression holds an operand: tensors with a name by reference, temporaries by
/// value.
template<class T, class A>
constexpr auto to_handle(A&& a) {
  using X = std::remove_cvref_t<A>;
  if constexpr (std::is_base_of_v<expr::Evaluated<X>, X>) {
    return X(std::forward<A>(a));
  } else if constexpr (std::is_arithmetic_v<X>) {
    return expr::Number<T>{static_cast<T>(a)};
  } else if constexpr (Leaf<X>) {
    return expr::LeafInput<X>(a);
  } else {
    using S = typename X::scalar;
    constexpr bool has_grad = requires { a.grad_data(); };
    const auto refer = [](const X& x) {
      expr::InputGradient<S, has_grad> gradient;
      if constexpr (has_grad) {
        gradient.grad = x.grad_data();
        if constexpr (requires { x.grad_state(); }) gradient.state = x.grad_state();
      }
      return expr::Input<S, typename X::shape_type, has_grad>{x.leading(), const_cast<S*>(x.data()), gradient,
                                                              stator::detail::Watch(x.data())};
    };
    if constexpr (requires { X::owns_elements; } && !std::is_lvalue_reference_v<A>) {
      const auto owner = std::make_shared<const X>(std::forward<A>(a));
      return expr::OwnedInput<S, typename X::shape_type, has_grad>{refer(*owner), owner};
    } else {
      return refer(a);
    }
  }
}

} // namespace stator::ops
