// SPDX-License-Identifier: BSL-1.0
// `x += y` and its relatives, of integers and bools also `x &= y`: a tensor is given the values of x + y, at
// once. As in PyTorch the result must
// have the shape of x and a type that x can hold, and a leaf that requires a gradient is not changed in
// place; its view is: `model->fc.weight.view() *= 0.5f` is what stands under torch.no_grad there.
#pragma once

#include "stator/expr/variable.hpp"
#include "stator/ops/arithmetic.hpp"
#include "stator/ops/bitwise.hpp"

namespace stator::inline v0_2 {

namespace ops::detail {

/// Why `x Op= y` is refused, for a result of another type.
template<class Op, class X, class Y>
struct inplace_error {
  static constexpr Text message() {
    const Text called = text("stator: ", function_name(Op::name), " in place: ");
    if (kind_of(Y::value.dtype) > kind_of(X::value.dtype))
      return text(called, "the result has ", to_string(Y::value.dtype), " elements, which a tensor of ",
                  to_string(X::value.dtype), " cannot hold");
    if (!(X::extents == Y::extents))
      return text(called, "the result has shape ", Y::extents, ", the tensor ", X::extents);
    return {};
  }
};

template<class Op, class X, class B>
void apply_in_place(X& x, B&& b) {
  using T = std::remove_cvref_t<X>;
  const auto result = operation<Op>{}(x, std::forward<B>(b));
  if constexpr (!stator::detail::is_refused<decltype(result)>) {
    using Result = typename stator::detail::operand_typed<std::remove_cvref_t<decltype(result)>>::type;
    static_assert(check<inplace_error<Op, Typed<typename T::scalar, typename T::shape_type>, Result>>());
    const auto values = result.value(); // all of it before x changes: y may be made of x
    const auto* from = values.data();
    for (auto& element : x.values()) element = convert_element<typename T::scalar>(*from++);
  }
}

/// What changes in place: a tensor without a gradient.
template<class X>
concept Changeable = requires(X& x) {
  typename X::shape_type;
  *x.values().begin() = typename X::scalar{};
};
/// A leaf that requires a gradient.
template<class X>
concept GradientLeaf = requires(const X& x) { x.grad_data(); };

template<class X>
struct leaf_in_place {
  static constexpr Text message() {
    return text("stator: a leaf that requires a gradient is changed in place: change its values alone, "
                "x.view() += y");
  }
};

} // namespace ops::detail

// clang-format off
#define STATOR_IN_PLACE(symbol, Op)                                                                                    \
  template<class X, class B> requires(ops::detail::Changeable<std::remove_reference_t<X>> && Operands<X, B>)           \
  constexpr X&& operator symbol(X&& x, B&& b) {                                                                        \
    if constexpr (ops::detail::GradientLeaf<std::remove_reference_t<X>>)                                               \
      static_assert(check<ops::detail::leaf_in_place<std::remove_cvref_t<X>>>());                                      \
    else                                                                                                               \
      ops::detail::apply_in_place<ops::Op>(x, std::forward<B>(b));                                                     \
    return std::forward<X>(x);                                                                                         \
  }
STATOR_IN_PLACE(+=, Add)
STATOR_IN_PLACE(-=, Sub)
STATOR_IN_PLACE(*=, Mul)
STATOR_IN_PLACE(/=, Div)
STATOR_IN_PLACE(&=, Bitwise<ops::IntegerFunction::conjunction>)
STATOR_IN_PLACE(|=, Bitwise<ops::IntegerFunction::disjunction>)
STATOR_IN_PLACE(^=, Bitwise<ops::IntegerFunction::difference>)
STATOR_IN_PLACE(<<=, Bitwise<ops::IntegerFunction::left_shift>)
STATOR_IN_PLACE(>>=, Bitwise<ops::IntegerFunction::right_shift>)
#undef STATOR_IN_PLACE
// clang-format on

} // namespace stator::inline v0_2
