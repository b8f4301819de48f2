// SPDX-License-Identifier: BSL-1.0
// How an operation is written and what calling it means.
//
// An operation is a struct:
//   static constexpr std::string_view name             what messages, dumps and drawings call it: "Mm"
//   static constexpr Extents shape(const Extents&...)  shape of the result from those of the operands
// and either, elementwise, on numbers and on vectors alike:
//   template<class V> static V apply(V...)
// or:
//   template<class Out, class... In>
//   static void run(T* out, const T*... in, Index batch, std::byte* scratch)
// Optional:
//   static constexpr std::string_view backward_name        what PyTorch calls the grad_fn of its result,
//                                                          "MmBackward0", or a function that says it for
//                                                          the extents of the result and the operands; by
//                                                          default `name` with "Backward0"
//   static constexpr Text requirement(const Extents&...)   why the operands do not fit; empty when they do
//   static constexpr Promotion promotion                   what it does with operands of several element
//                                                          types, see trace/promotion.hpp
//   static constexpr Text type_requirement(DType...)       why element types that are kept do not fit
//   static constexpr Index multiply_adds(y, x...)          what a summary counts, from the extents of result
//                                                          and operands
//   static constexpr auto vjp(auto g, auto y, auto... x)   returns gradients(...)
//   static constexpr Bytes scratch<Out, In...>()           temporary memory of run
//   static void accumulate<Out, In...>(...)                as run, adding to out
//   static constexpr std::string_view called, usage        for messages: its name, where that is not `name`
//                                                          in snake case, and how it is called
// One that consists of others has only
//   static constexpr bool is_composite = true;
//   static constexpr auto compose(auto... x)               returns what it consists of
// And an object: inline constexpr operation<Struct> name;
// Called with a Symbol it records a node, called with tensors it returns an expression.
#pragma once

#include "stator/core/compile_error.hpp"
#include "stator/expr/expression.hpp"
#include "stator/expr/no_tensor.hpp"
#include "stator/expr/parameter.hpp"
#include "stator/kernel/elementwise.hpp"
#include "stator/kernel/math.hpp"
#include "stator/trace/promotion.hpp"
#include "stator/trace/symbol.hpp"

#include <limits>
#include <tuple>

namespace stator {

/// For `vjp`: an operand that gets no gradient.
struct NoGradient {};
/// The one value of NoGradient.
inline constexpr NoGradient no_gradient;

/// For `vjp`: the gradient of each operand.
template<class... S>
constexpr auto gradients(const S&... s) {
  return std::tuple<S...>(s...);
}

template<class Op>
struct operation;

namespace ops {

namespace detail {

/// Types of plain fields of a network that forward may use: `x * rate`.
template<class A>
inline constexpr bool is_field_type =
    std::is_same_v<A, float> || std::is_same_v<A, double> || std::is_same_v<A, std::int64_t> ||
    std::is_same_v<A, std::int32_t> || std::is_same_v<A, std::uint8_t> || std::is_same_v<A, bool>;

template<class Op>
concept IsView = requires { Op::is_view; };
template<class Op>
concept IsStore = requires { Op::is_store; };
template<class Op>
concept IsUnique = requires { Op::is_unique; };

template<class Op, class V, std::size_t... I>
void call(const V* a, V& result) {
  result = Op::template apply<V>(a[I]...);
}
template<class Op, class T, class Indices>
struct code;
template<class Op, class T, std::size_t... I>
struct code<Op, T, std::index_sequence<I...>> {
  static constexpr kernel::Elementwise<T> value{&call<Op, kernel::Simd<T, 1>, I...>,
                                                &call<Op, kernel::Simd<T>, I...>};
};

template<class Op, class Out, class... In>
concept IsElementwise = requires {
  Op::template apply<kernel::Simd<typename Out::scalar, 1>>(
      std::declval<kernel::Simd<typename In::scalar, 1>>()...);
};

/// An elementwise operation on numbers while compiling, rounded to their element type.
/// Op::can_fold(number...) says that the result is defined; one that is not a finite number is left to the
/// program.
template<class Op, class T, class Indices>
struct fold;
template<class Op, class T, std::size_t... I>
struct fold<Op, T, std::index_sequence<I...>> {
  static constexpr bool run(const double* number, double* result) {
    if (!Op::can_fold(number[I]...)) return false;
    const auto exact = Op::template apply<double>(number[I]...);
    if (!(exact <= static_cast<double>(std::numeric_limits<T>::max())) ||
        !(exact >= static_cast<double>(std::numeric_limits<T>::lowest())))
      return false;
    *result = static_cast<double>(Op::template apply<T>(static_cast<T>(number[I])...));
    return true;
  }
};

template<class Op>
inline constexpr auto default_backward_name = [] {
  constexpr std::size_t size = std::string_view(Op::name).size();
  return fixed_string<size>(Op::name) + fixed_string("Backward0");
}();
/// "MmBackward0": what the operation says, or its name with PyTorch's ending.
template<class Op, class Out, class... In>
constexpr std::string_view backward_name() {
  if constexpr (requires { std::string_view(Op::backward_name); })
    return Op::backward_name;
  else if constexpr (requires { Op::backward_name(Out::extents, In::extents...); })
    return Op::backward_name(Out::extents, In::extents...);
  else
    return default_backward_name<Op>.view();
}

template<class Op, bool Accumulate, class Out, class... In>
struct kernel_call {
  static void run(void* out, const void* const* in, Index batch, std::byte* scratch) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      auto* const to = static_cast<typename Out::scalar*>(out);
      if constexpr (Accumulate)
        Op::template accumulate<Out, In...>(to, static_cast<const typename In::scalar*>(in[I])..., batch,
                                            scratch);
      else
        Op::template run<Out, In...>(to, static_cast<const typename In::scalar*>(in[I])..., batch, scratch);
    }(std::index_sequence_for<In...>{});
  }
};

/// An operation that takes indices says which operand holds them, `checked_operand`, and looks at them in
/// `check`.
template<class Op>
concept HasIndices = requires { Op::checked_operand; };

template<class Op, class Out, class... In>
struct check_call {
  using Checked = std::tuple_element_t<static_cast<std::size_t>(Op::checked_operand), std::tuple<In...>>;
  static void run(const void* indices, Index batch) {
    Op::template check<In...>(static_cast<const typename Checked::scalar*>(indices), batch);
  }
};

template<class Op, int Order, class Out, class... In>
struct vjp_call {
  static constexpr void run(graph::Builder& b, int node, int grad, int* result) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto products = Op::vjp(Symbol<typename Out::scalar, typename Out::shape, Order>{&b, grad},
                                    Symbol<typename Out::scalar, typename Out::shape, Order>{&b, node},
                                    Symbol<typename In::scalar, typename In::shape, Order>{
                                        &b, b.operand(node, static_cast<int>(I))}...);
      static_assert(std::tuple_size_v<std::remove_const_t<decltype(products)>> == sizeof...(In),
                    "stator: vjp returns one gradient for each operand");
      ((result[I] = take<In>(std::get<I>(products))), ...);
    }(std::index_sequence_for<In...>{});
  }
  template<class X, class S>
  static constexpr int take(const S& s) {
    if constexpr (AnySymbol<S>) {
      static_assert(S::extents == X::extents, "stator: a gradient must have the shape of its operand");
      return s.node;
    } else {
      return -1;
    }
  }
};

template<class Op, class Out, int Order, class... In>
concept HasVjp = Order > 0 && std::is_floating_point_v<typename Out::scalar>&& requires {
  &Op::template vjp<Symbol<typename Out::scalar, typename Out::shape, 0>,
                    Symbol<typename Out::scalar, typename Out::shape, 0>,
                    Symbol<typename In::scalar, typename In::shape, 0>...>;
};

} // namespace detail

/// Extension point: what differentiation needs for values of one type: the functions that append a + b, a
/// value filled with a number, and the addition to the gradient of a leaf. Defined by ops/arithmetic.hpp.
template<class Typed, int Order>
struct gradient_functions;

/// The symbol s with elements of type To.
template<class To, class S>
constexpr auto cast_to(const S& s); // trace/convert.hpp

/// The constants of an operation on operands of given types.
template<class Op, int Order, class Out, class... In>
struct signature {
  static constexpr graph::ValueType operands[sizeof...(In) + 1]{In::value..., {}};
  static constexpr graph::Cost cost() {
    graph::Cost c;
    if constexpr (requires { Op::multiply_adds(Out::extents, In::extents...); })
      c.multiply_adds = Op::multiply_adds(Out::extents, In::extents...);
    if constexpr (!detail::IsView<Op>)
      ((c.bytes = static_cast<std::size_t>(Out::extents.numel()) * sizeof(typename Out::scalar)), ...,
       (c.bytes += static_cast<std::size_t>(In::extents.numel()) * sizeof(typename In::scalar)));
    return c;
  }
  static constexpr graph::Signature make() {
    graph::Signature s;
    s.name = Op::name;
    s.backward_name = detail::backward_name<Op, Out, In...>();
    s.type = Out::value;
    s.operands = operands;
    s.operand_count = static_cast<int>(sizeof...(In));
    s.cost = cost();
    if constexpr (Order > 0)
      s.identity = &signature<Op, 0, Out, In...>::value;
    else
      s.identity = &value;
    s.unique = detail::IsUnique<Op>;
    if constexpr (detail::IsView<Op>) {
      s.kind = graph::Kind::view;
    } else if constexpr (detail::IsElementwise<Op, Out, In...>) {
      s.kind = detail::IsStore<Op> ? graph::Kind::store : graph::Kind::elementwise;
      s.elementwise = &detail::code<Op, typename Out::scalar, std::index_sequence_for<In...>>::value;
      if constexpr (std::is_floating_point_v<typename Out::scalar> && requires { &Op::can_fold; })
        s.fold = &detail::fold<Op, typename Out::scalar, std::index_sequence_for<In...>>::run;
      if constexpr (requires { &Op::neutral; }) s.neutral = &Op::neutral;
      s.repeats = requires { Op::repeats; };
    } else {
      s.kind = graph::Kind::kernel;
      s.run = &detail::kernel_call<Op, false, Out, In...>::run;
      if constexpr (requires { &Op::template accumulate<Out, In...>; })
        s.accumulate = &detail::kernel_call<Op, true, Out, In...>::run;
      if constexpr (requires { Op::template scratch<Out, In...>(); })
        s.scratch = Op::template scratch<Out, In...>();
      if constexpr (detail::HasIndices<Op>) {
        s.check = &detail::check_call<Op, Out, In...>::run;
        s.checked = Op::checked_operand;
      }
    }
    if constexpr (detail::HasVjp<Op, Out, Order, In...>) {
      s.vjp = &detail::vjp_call<Op, Order - 1, Out, In...>::run;
      s.add = gradient_functions<Out, Order - 1>::add();
      s.fill = gradient_functions<Out, 0>::fill();
    }
    return s;
  }
  static constexpr graph::Signature value = make();
};

/// The constants of a leaf.
template<class Typed, int Order>
struct leaf_signature {
  static constexpr graph::Signature make() {
    graph::Signature s;
    s.kind = graph::Kind::leaf;
    s.type = Typed::value;
    s.unique = true;
    s.identity = &value;
    if constexpr (Order > 0 && std::is_floating_point_v<typename Typed::scalar>) {
      s.add = gradient_functions<Typed, Order - 1>::add();
      s.fill = gradient_functions<Typed, 0>::fill();
      s.accumulate_grad = gradient_functions<Typed, Order - 1>::accumulate();
    }
    return s;
  }
  static constexpr graph::Signature value = make();
};

/// The constants of a number.
template<class T>
struct number_signature {
  static constexpr graph::Signature make() {
    graph::Signature s;
    s.kind = graph::Kind::constant;
    s.type = Typed<T, Shape<>>::value;
    s.identity = &value;
    return s;
  }
  static constexpr graph::Signature value = make();
};

namespace detail {

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

/// The symbol of a parameter or buffer of the network that is traced.
template<int Order, class L>
constexpr auto leaf_symbol(graph::Builder* b, const L* handle) {
  using Type = Typed<typename L::scalar, typename L::shape_tag>;
  using Result = Symbol<typename L::scalar, typename L::shape_tag, Order>;
  const int leaf = b->find_leaf(handle);
  if (leaf < 0) {
    b->fail(text("a parameter or buffer of shape ", Type::extents,
                 " is used that is not a field of the network"));
    return Result{b, 0};
  }
  return Result{b, b->leaf(&leaf_signature<Type, Order>::value, leaf)};
}

/// A number beside symbols: a constant, or a field of the network, which is read when the program runs.
template<class T, int Order, class A>
constexpr auto number_symbol(graph::Builder* b, const A& a) {
  if constexpr (is_field_type<A>)
    if (const int field = b->find_field(&a); field >= 0) {
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
    return leaf_symbol<Order>(b, input.leaf);
  }
};
template<class Op, class... A>
struct in_forward<expr::Expression<Op, A...>> {
  static constexpr bool possible = (in_forward<A>::possible && ...);
  template<int Order>
  static constexpr auto symbol(graph::Builder* b, const expr::Expression<Op, A...>& e) {
    return std::apply(
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

/// The symbol of anything that may stand beside a Symbol in a call.
template<class T, int Order, class A>
constexpr auto to_symbol(graph::Builder* b, const A& a) {
  if constexpr (AnySymbol<A>) {
    return Symbol<typename A::scalar, typename A::shape, Order>{b, a.node};
  } else if constexpr (std::is_arithmetic_v<A>) {
    return number_symbol<T, Order>(b, a);
  } else if constexpr (Leaf<A>) {
    return leaf_symbol<Order>(b, &a);
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
      S* grad = nullptr;
      if constexpr (has_grad) grad = x.grad_data();
      GradState* state = nullptr;
      if constexpr (requires { x.grad_state(); }) state = x.grad_state();
      return expr::Input<S, typename X::shape_type, has_grad>{const_cast<S*>(x.data()), grad, x.leading(),
                                                              state, stator::detail::Watch(x.data())};
    };
    if constexpr (requires { X::owns_elements; } && !std::is_lvalue_reference_v<A>) {
      const auto owner = std::make_shared<const X>(std::forward<A>(a));
      return expr::OwnedInput<S, typename X::shape_type, has_grad>{refer(*owner), owner};
    } else {
      return refer(a);
    }
  }
}

} // namespace ops

/// How a handle becomes a symbol: `symbol<Order>(builder)` registers its leaves and records its operations.
template<class Handle>
struct tracer; // trace/trace.hpp
template<class E>
struct trace_error; // trace/trace_error.hpp

namespace detail {
/// The type of the symbol that a handle becomes.
template<class Handle>
struct symbol_type {
  using type = decltype(tracer<Handle>::template symbol<0>(std::declval<graph::Builder&>()));
};
template<class A>
struct operand_scalar {
  using type = typename symbol_type<A>::type::scalar;
};
template<class A>
  requires requires { typename A::scalar; }
struct operand_scalar<A> {
  using type = typename A::scalar;
};
template<class First, class... Rest>
struct first_scalar : operand_scalar<First> {};
template<class First, class... Rest>
  requires std::is_arithmetic_v<First>
struct first_scalar<First, Rest...> : first_scalar<Rest...> {};

/// Element type and shape of an operand, a number itself for a number.
template<class A>
struct operand_typed {
  using type = typename decltype(tracer<A>::template symbol<0>(std::declval<graph::Builder&>()))::typed;
};
template<class A>
  requires std::is_arithmetic_v<A>
struct operand_typed<A> {
  using type = A;
};
template<AnySymbol A>
struct operand_typed<A> {
  using type = typename A::typed;
};
template<Leaf A>
struct operand_typed<A> {
  using type = Typed<typename A::scalar, typename A::shape_tag>;
};
template<class A>
  requires(!Leaf<A> && requires { typename A::shape_type; })
struct operand_typed<A> {
  using type = Typed<typename A::scalar, typename A::shape_type>;
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

namespace ops::detail {

/// The operand A in a call is not a tensor.
template<class Op, class A>
struct operand_error {
  static constexpr Text message() {
    if constexpr (Operand<A> || Arithmetic<A>)
      return {};
    else
      return text("stator: ", called<Op>(), ": ", stator::detail::no_tensor<A>());
  }
};

/// Whether an operation takes this number of operands.
template<class Op, class... S>
consteval bool takes() {
  if constexpr (IsComposite<Op>) {
    return requires(const S&... s) { Op::compose(s...); };
  } else if constexpr (sizeof...(S) > 0 && requires { Op::shape(S::extents...); }) {
    constexpr Extents extents = Op::shape(S::extents...);
    using Out = Typed<typename result_scalar<Op, S...>::type, to_shape<extents>>;
    return IsView<Op> ||
           (IsElementwise<Op, AnyFloat<Op>, AnyFloat<S>...> &&
            sizeof...(S) <= kernel::max_elementwise_operands) ||
           requires { &Op::template run<Out, typename S::typed...>; };
  } else {
    return false;
  }
}

/// The operation does not take this number of operands.
template<class Op, std::size_t Count>
struct count_error {
  static constexpr Text message() {
    if (Count > kernel::max_elementwise_operands)
      return text("stator: ", called<Op>(), ": an elementwise operation has at most ",
                  kernel::max_elementwise_operands, " operands, this one has ", Count);
    Text found =
        text("stator: ", called<Op>(), " does not take ", Count, Count == 1 ? " operand" : " operands");
    if constexpr (requires { Op::usage; }) found += text(": ", Op::usage);
    return found;
  }
};

} // namespace ops::detail

/// An operation as a function object; see the top of this file.
template<class Op>
struct operation {
  /// The struct that says what the operation does.
  using type = Op;

  template<class... A>
    requires((Operand<A> || Arithmetic<A>) && ...)
  constexpr auto operator()(A&&... a) const {
    if constexpr (sizeof...(A) == 0)
      static_assert(check<ops::detail::count_error<Op, sizeof...(A)>>());
    else if constexpr ((detail::is_refused<A> || ...))
      return expr::Refused{};
    else if constexpr ((AnySymbol<A> || ...))
      return record(a...);
    else
      return express(ops::to_handle<detail::number_type_t<Op, A...>>(std::forward<A>(a))...);
  }
  /// What is not a tensor is refused in words.
  template<class... A>
    requires(!((Operand<A> || Arithmetic<A>) && ...))
  constexpr expr::Refused operator()(const A&...) const {
    static_assert((check<ops::detail::operand_error<Op, A>>() && ...));
    return {};
  }

private:
  template<class... A>
  static constexpr auto record(const A&... a) {
    const auto& s = ops::detail::first_symbol(a...);
    using T = detail::number_type_t<Op, A...>;
    return record_symbols(ops::detail::to_symbol<T, ops::detail::order_of<A...>>(s.builder, a)...);
  }
  template<class... S>
  static constexpr auto record_symbols(const S&... s) {
    if constexpr (ops::detail::takes<Op, S...>()) {
      return ops::detail::record<Op>(s...);
    } else {
      static_assert(check<ops::detail::count_error<Op, sizeof...(S)>>());
      return ops::detail::first_symbol(s...);
    }
  }
  template<class... H>
  static constexpr auto express(H&&... handle) {
    using Plan = expr::Expression<Op, typename expr::borrowed<H>::type...>;
    if constexpr (accepts<Plan, typename detail::symbol_type<typename expr::borrowed<H>::type>::type...>())
      return expr::Expression<Op, H...>(std::move(handle)...);
    else
      return expr::Refused{};
  }
  template<class Plan, class... S>
  static consteval bool accepts() {
    if constexpr (!ops::detail::takes<Op, S...>())
      return check<ops::detail::count_error<Op, sizeof...(S)>>();
    else if constexpr (ops::detail::IsComposite<Op>)
      return check<trace_error<Plan>>();
    else
      return check<ops::detail::stated<ops::detail::requirement<Op, typename S::typed...>>>();
  }
};

} // namespace stator

#include "stator/trace/convert.hpp"
