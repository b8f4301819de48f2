// SPDX-License-Identifier: BSL-1.0
// Questions to elements, with bool tensors as answers: isnan, isinf, isfinite, isposinf, isneginf, signbit,
// isclose, logical_and, logical_or, logical_xor, logical_not. They are computed as masks, as comparisons are.
#pragma once

#include "stator/ops/compare.hpp"
#include "stator/ops/piped.hpp"

#include <limits>

namespace stator::inline v0_2 {

namespace ops {

/// A mask of zeros and ones as a bool tensor.
constexpr auto as_bool(auto mask) {
  if constexpr (std::is_same_v<typename decltype(mask)::scalar, bool>)
    return mask;
  else
    return operation<MaskToBool>{}(mask);
}

/// What Property asks.
enum class Question { nan, infinite, finite, positive_infinity, negative_infinity, sign, zero };

/// 1 where it is so of x, otherwise 0.
template<Question Q>
struct PropertyMask : SameShape {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = "Property";
  static constexpr Promotion promotion = Promotion::common;
  template<class V>
  static V apply(const V& x) {
    using T = typename V::value_type;
    if constexpr (Q == Question::zero)
      return select(x == V(T{}), V(T{1}), V(T{}));
    else if constexpr (std::integral<T>)
      return Q == Question::finite ? V(T{1})
             : Q == Question::sign ? select(x < V(T{}), V(T{1}), V(T{}))
                                   : V(T{});
    else
      return of_real(x);
  }

private:
  template<class V>
  static V of_real(const V& x) {
    const V inf(std::numeric_limits<typename V::value_type>::infinity());
    if constexpr (Q == Question::nan)
      return select(x == x, V(0), V(1));
    else if constexpr (Q == Question::infinite)
      return select(kernel::abs(x) == inf, V(1), V(0));
    else if constexpr (Q == Question::finite)
      return select(kernel::abs(x) < inf, V(1), V(0));
    else if constexpr (Q == Question::sign)
      return kernel::each(x, [](auto e) { return std::signbit(e) ? 1 : 0; });
    else
      return select(x == (Q == Question::positive_infinity ? inf : -inf), V(1), V(0));
  }
};

/// The same as a bool tensor.
template<Question Q>
struct Property {
  static constexpr std::string_view name = "Property";
  static constexpr bool is_composite = true;
  static constexpr auto compose(auto x) { return as_bool(operation<PropertyMask<Q>>{}(x)); }
};

/// 1 where x is y, also where both are NaN, otherwise 0.
struct SameMask : Broadcasting<SameMask> {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = "Same";
  static constexpr Promotion promotion = Promotion::common;
  template<class V>
  static V apply(const V& x, const V& y) {
    return select(x == y, V(1), select(y == y, V(0), select(x == x, V(0), V(1))));
  }
};

/// How Logical connects.
enum class Connective { both, either, one };

/// 1 where it holds for "a is not 0" and "b is not 0", otherwise 0.
template<Connective C>
struct LogicalMask : Broadcasting<LogicalMask<C>> {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = C == Connective::both     ? "LogicalAnd"
                                           : C == Connective::either ? "LogicalOr"
                                                                     : "LogicalXor";
  static constexpr Promotion promotion = Promotion::common;
  template<class V>
  static V apply(const V& a, const V& b) {
    using T = typename V::value_type;
    const V no(T{}), yes(T{1});
    const V if_a = C == Connective::either ? yes
                   : C == Connective::both ? select(b == no, no, yes)
                                           : select(b == no, yes, no);
    return select(a == no, C == Connective::both ? no : select(b == no, no, yes), if_a);
  }
};

/// The same as a bool tensor.
template<Connective C>
struct Logical {
  static constexpr std::string_view name = LogicalMask<C>::name;
  static constexpr bool is_composite = true;
  static constexpr auto compose(auto a, auto b) { return as_bool(operation<LogicalMask<C>>{}(a, b)); }
};

/// 1 where |a - b| <= atol + rtol |b|, or both are the same infinity, or with EqualNan both are NaN.
template<bool EqualNan>
struct CloseMask {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = "Isclose";
  static constexpr Promotion promotion = Promotion::floating;
  static constexpr Extents shape(const Extents& a, const Extents& b, const auto&...) {
    return broadcast(a, b);
  }
  static constexpr Text requirement(const Extents& a, const Extents& b, const auto&...) {
    return broadcast_requirement("isclose", a, b);
  }
  template<class V>
  static V apply(const V& a, const V& b, const V& rtol, const V& atol) {
    const V inf(std::numeric_limits<typename V::value_type>::infinity()), apart = kernel::abs(a - b);
    const V near = select(apart <= atol + kernel::abs(rtol * b), select(apart < inf, V(1), V(0)), V(0));
    const V same = select(a == b, V(1), near);
    return EqualNan ? select(a == a, same, select(b == b, V(0), V(1))) : same;
  }
};

/// The same as a bool tensor.
template<bool EqualNan>
struct Isclose {
  static constexpr std::string_view name = "Isclose";
  static constexpr bool is_composite = true;
  static constexpr auto compose(auto... x) { return as_bool(operation<CloseMask<EqualNan>>{}(x...)); }
};

} // namespace ops

// clang-format off
/// torch.isnan: a bool tensor, as of the functions that follow.
template<Operand X> constexpr auto isnan(X&& x) { return operation<ops::Property<ops::Question::nan>>{}(std::forward<X>(x)); }
/// torch.isinf: infinite, of either sign.
template<Operand X> constexpr auto isinf(X&& x) { return operation<ops::Property<ops::Question::infinite>>{}(std::forward<X>(x)); }
/// torch.isfinite: neither infinite nor NaN.
template<Operand X> constexpr auto isfinite(X&& x) { return operation<ops::Property<ops::Question::finite>>{}(std::forward<X>(x)); }
/// torch.signbit: whether there is a minus, of -0 too.
template<Operand X> constexpr auto signbit(X&& x) { return operation<ops::Property<ops::Question::sign>>{}(std::forward<X>(x)); }
/// torch.isclose: whether |a - b| <= atol + rtol |b|, elementwise with broadcasting; with `isclose<true>` NaN is close to
/// NaN (equal_nan). An infinity is close to itself.
template<bool EqualNan = false, class A, class B> requires Operands<A, B> constexpr auto isclose(A&& a, B&& b, double rtol = 1e-5, double atol = 1e-8) { return operation<ops::Isclose<EqualNan>>{}(std::forward<A>(a), std::forward<B>(b), rtol, atol); }
// clang-format on
/// torch.isposinf.
inline constexpr operation<ops::Property<ops::Question::positive_infinity>> isposinf;
/// torch.isneginf.
inline constexpr operation<ops::Property<ops::Question::negative_infinity>> isneginf;
/// torch.logical_not: whether x is 0.
inline constexpr operation<ops::Property<ops::Question::zero>> logical_not;
/// torch.logical_and: whether both are not 0, elementwise with broadcasting; a bool tensor.
inline constexpr operation<ops::Logical<ops::Connective::both>> logical_and;
/// torch.logical_or: whether either is not 0.
inline constexpr operation<ops::Logical<ops::Connective::either>> logical_or;
/// torch.logical_xor: whether exactly one is not 0.
inline constexpr operation<ops::Logical<ops::Connective::one>> logical_xor;

STATOR_PIPE(isnan, Property<ops::Question::nan>)
STATOR_PIPE(isinf, Property<ops::Question::infinite>)
STATOR_PIPE(isfinite, Property<ops::Question::finite>)
STATOR_PIPE(signbit, Property<ops::Question::sign>)

} // namespace stator::inline v0_2
