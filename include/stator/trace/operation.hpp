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
//   static constexpr bool takes_halves                     its kernels read operands of float16 and bfloat16;
//                                                          all others get them as floats
//   static constexpr auto differentiable(auto... x)        what is recorded instead where one derivative is
//                                                          wanted: the same result, with what its vjp needs
//   static constexpr bool is_constant                      it has no vjp because its derivative is zero, or
//   is
//                                                          meant to be; any other without one inside of
//                                                          grad(...) does not compile
//   static constexpr Extents gradient_shape(const Extents&) for a result that only operations of the same
//                                                          file read: the shape of its gradient; they say
//                                                          `takes_other_gradient`
//   static constexpr Bytes scratch<Out, In...>()           temporary memory of run
//   static void accumulate<Out, In...>(...)                as run, adding to out
//   static constexpr bool can_prepare<In...>               whether `prepare` is of use for these operands
//   static constexpr auto prepare<Accuracy>(auto... x)     the same result from packed weights, as near as
//                                                          `Accuracy` says, see graph/prepare.hpp
//   static constexpr Extents along_channels(y)             extents of an operand that holds a number for each
//                                                          channel of the result
//   static constexpr auto scaled(scale, shift, x...)       the result times scale plus shift, as the same
//                                                          operation with other weights
//   using cut                                              of the gradient of a maximum: the operation that
//                                                          cuts it by relu as well, see graph/pooled.hpp
//   using pooled<Out, In...>                               of a convolution: ::value, the graph::Pooled
//   using undoing                                         an operation that gives the only operand back, bit
//                                                         by bit: it is not recorded, the operand is
//   static constexpr std::string_view normalizer           of results that are normalised over classes, what
//                                                          users call it, "softmax": a loss of logits
//                                                          refuses them
//   static constexpr std::string_view called, usage        for messages: its name, where that is not `name`
//                                                          in snake case, and how it is called
// One that consists of others has only
//   static constexpr bool is_composite = true;
//   static constexpr auto compose(auto... x)               returns what it consists of
// And an object: inline constexpr operation<Struct> name;
// Called with a Symbol it records a node, called with tensors it returns an expression.
#pragma once

#include "stator/core/compile_error.hpp"
#include "stator/expr/no_tensor.hpp"
#include "stator/trace/operand.hpp"
#include "stator/trace/record.hpp"

namespace stator::inline v0_2 {

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
    return record_symbols(
        ops::detail::to_symbol<T, ops::detail::order_of<A...>, requires { Op::takes_halves; }>(s.builder,
                                                                                               a)...);
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

} // namespace stator::inline v0_2

#include "stator/trace/convert.hpp"
