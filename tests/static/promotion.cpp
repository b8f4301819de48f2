// SPDX-License-Identifier: BSL-1.0
// Types of results: torch.result_type and what each kind of operation makes of it, as PyTorch 1.13 prints
// them. Rows and columns are in the order bool, uint8, int32, int64, float32, float64, written b u i l f d.
#include "stator/ops/ops.hpp"
#include "stator/run/evaluation.hpp"

#include <string_view>
#include <type_traits>
#include <utility>

using namespace stator;

namespace {

template<class T>
using Vector = Tensor<T, 4>;
template<class T>
using Scalar = Tensor<T>;

/// "f" for an expression with float elements.
template<class E>
constexpr char letter() {
  using T = typename symbol_of<E>::scalar;
  if constexpr (std::is_same_v<T, bool>)
    return 'b';
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return 'u';
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return 'i';
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return 'l';
  else if constexpr (std::is_same_v<T, float>)
    return 'f';
  else if constexpr (std::is_same_v<T, double>)
    return 'd';
  else
    return '?';
}

using Types = std::tuple<bool, std::uint8_t, std::int32_t, std::int64_t, float, double>;
template<std::size_t I>
using Type = std::tuple_element_t<I, Types>;

/// The types of op(a, b) for a of type A and b of each type; `B` makes the second operand.
template<class A, template<class> class B, std::size_t First, std::size_t... I>
constexpr bool row(auto op, std::string_view expected, std::index_sequence<I...>) {
  return ((letter<decltype(op(std::declval<const A&>(), std::declval<const B<Type<First + I>>&>()))>() ==
           expected[I]) &&
          ...);
}
template<template<class> class A, template<class> class B, std::size_t First = 0>
constexpr bool table(auto op, const std::array<std::string_view, 6 - First>& rows) {
  return [&]<std::size_t... R>(std::index_sequence<R...>) {
    return (row<A<Type<First + R>>, B, First>(op, rows[R], std::make_index_sequence<6 - First>{}) && ...);
  }(std::make_index_sequence<6 - First>{});
}
template<class T>
using Number = std::conditional_t<std::is_same_v<T, std::uint8_t>, int, T>;
/// The types of op(a, number) for True, 2 and 2.5.
template<template<class> class A>
constexpr bool numbers(auto op, const std::array<std::string_view, 6>& rows) {
  return [&]<std::size_t... R>(std::index_sequence<R...>) {
    return ((letter<decltype(op(std::declval<const A<Type<R>>&>(), true))>() == rows[R][0] &&
             letter<decltype(op(std::declval<const A<Type<R>>&>(), 2))>() == rows[R][1] &&
             letter<decltype(op(std::declval<const A<Type<R>>&>(), 2.5))>() == rows[R][2] &&
             letter<decltype(op(2.5, std::declval<const A<Type<R>>&>()))>() == rows[R][2]) &&
            ...);
  }(std::make_index_sequence<6>{});
}
/// The types of op(a) for a of each type from First on.
template<std::size_t First = 0>
constexpr bool unary(auto op, std::string_view expected) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return ((letter<decltype(op(std::declval<const Vector<Type<First + I>>&>()))>() == expected[I]) && ...);
  }(std::make_index_sequence<6 - First>{});
}

#define STATOR_CALL(f) [](const auto&... x) { return f(x...); }

// Two tensors.
static_assert(table<Vector, Vector>(add, {"builfd", "uuilfd", "iiilfd", "llllfd", "fffffd", "dddddd"}));
static_assert(table<Vector, Vector>(mul, {"builfd", "uuilfd", "iiilfd", "llllfd", "fffffd", "dddddd"}));
static_assert(table<Vector, Vector, 1>(sub, {"uilfd", "iilfd", "lllfd", "ffffd", "ddddd"}));
static_assert(table<Vector, Vector>(stator::div,
                                    {"fffffd", "fffffd", "fffffd", "fffffd", "fffffd", "dddddd"}));
static_assert(table<Vector, Vector>(STATOR_CALL(maximum),
                                    {"builfd", "uuilfd", "iiilfd", "llllfd", "fffffd", "dddddd"}));
static_assert(table<Vector, Vector>(eq, {"bbbbbb", "bbbbbb", "bbbbbb", "bbbbbb", "bbbbbb", "bbbbbb"}));
static_assert(table<Vector, Vector>(cat<0>, {"builfd", "uuilfd", "iiilfd", "llllfd", "fffffd", "dddddd"}));
static_assert(table<Vector, Vector>([](const auto& a, const auto& b) { return where(eq(a, a), a, b); },
                                    {"builfd", "uuilfd", "iiilfd", "llllfd", "fffffd", "dddddd"}));

// A tensor without dimensions counts less than one with dimensions, and the same as another one without.
static_assert(table<Vector, Scalar>(add, {"builfd", "uuuufd", "iiiifd", "llllfd", "ffffff", "dddddd"}));
static_assert(table<Scalar, Scalar>(add, {"builfd", "uuilfd", "iiilfd", "llllfd", "fffffd", "dddddd"}));

// Numbers count least: True, 2, 2.5.
static_assert(numbers<Vector>(add, {"blf", "uuf", "iif", "llf", "fff", "ddd"}));
static_assert(numbers<Scalar>(mul, {"blf", "uuf", "iif", "llf", "fff", "ddd"}));
static_assert(numbers<Vector>(stator::div, {"fff", "fff", "fff", "fff", "fff", "ddd"}));
static_assert(numbers<Vector>(lt, {"bbb", "bbb", "bbb", "bbb", "bbb", "bbb"}));
static_assert(letter<decltype(where(std::declval<const Vector<bool>&>(), 0.5, 0))>() == 'f');
static_assert(letter<decltype(where(std::declval<const Vector<bool>&>(), 1, 0))>() == 'l');
static_assert(
    letter<decltype(where(std::declval<const Vector<bool>&>(), std::declval<const Vector<float>&>(), 0))>() ==
    'f');
static_assert(letter<decltype(clamp(std::declval<const Vector<std::int64_t>&>(), 1, 2))>() == 'l');
static_assert(letter<decltype(clamp(std::declval<const Vector<std::int64_t>&>(), 1, 2.5))>() == 'f');
static_assert(letter<decltype(clamp(std::declval<const Vector<bool>&>(), 1, 2))>() == 'l');

// One operand.
static_assert(unary<1>(neg, "uilfd"));
static_assert(unary<1>(STATOR_CALL(abs), "uilfd"));
static_assert(unary(square, "luilfd"));
static_assert(unary<1>(nn::relu, "uilfd"));
static_assert(unary(sign, "builfd"));
static_assert(unary(STATOR_CALL(exp), "fffffd"));
static_assert(unary(STATOR_CALL(sqrt), "fffffd"));
static_assert(unary(STATOR_CALL(log1p), "fffffd"));
static_assert(unary(STATOR_CALL(erf), "fffffd"));
static_assert(unary(rsqrt, "fffffd"));
static_assert(unary(reciprocal, "fffffd"));
static_assert(unary(nn::sigmoid, "fffffd"));
static_assert(unary(nn::tanh, "fffffd"));
static_assert(unary(sum, "llllfd"));
static_assert(unary(sum_dims<0>, "llllfd"));
static_assert(unary(cumsum<0>, "llllfd"));
static_assert(unary(amax, "builfd"));
static_assert(unary<1>(STATOR_CALL(argmax<0>), "lllll"));
static_assert(unary(to<double>, "dddddd"));
static_assert(unary(to<bool>, "bbbbbb"));

} // namespace
