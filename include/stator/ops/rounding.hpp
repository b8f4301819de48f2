// SPDX-License-Identifier: BSL-1.0
// Rounding and what is left of a division, elementwise: floor, ceil, trunc, round, frac, remainder, fmod,
// floor_divide.
#pragma once

#include "stator/core/error.hpp"
#include "stator/ops/trigonometric.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// Zeros in the shape of x: the gradient of what is constant in pieces, whatever comes in.
template<class X>
constexpr auto zeros_like(X x) {
  return operation<Expand<X::extents>>{}(detail::number<typename X::scalar, X::order>(x.builder, 0));
}

/// What Round rounds to.
enum class Rounding { floor, ceil, trunc, nearest };

/// x as an integer; halves go to the even one. Integers stay as they are.
template<Rounding R>
struct Round : SameShape {
  static constexpr std::string_view name = R == Rounding::floor   ? "Floor"
                                           : R == Rounding::ceil  ? "Ceil"
                                           : R == Rounding::trunc ? "Trunc"
                                                                  : "Round";
  static constexpr Promotion promotion = Promotion::numeric;
  template<class V>
  static V apply(const V& x) {
    if constexpr (std::integral<typename V::value_type>)
      return x;
    else if constexpr (R == Rounding::floor)
      return kernel::floor(x);
    else if constexpr (R == Rounding::ceil)
      return kernel::ceil(x);
    else if constexpr (R == Rounding::trunc)
      return select(x < V(0), kernel::ceil(x), kernel::floor(x));
    else
      return kernel::each(x, [](auto e) { return std::nearbyint(e); });
  }
  static constexpr auto vjp(auto g, auto, auto) { return gradients(zeros_like(g)); }
};

/// x to so many decimals, before the point when negative; halves go to the even digit.
template<int Decimals>
struct RoundDecimals : SameShape {
  static constexpr std::string_view name = "Round", backward_name = "RoundBackward1";
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) {
      const auto power = static_cast<decltype(e)>(std::pow(10.0, Decimals < 0 ? -Decimals : Decimals));
      return Decimals < 0 ? std::nearbyint(e / power) * power : std::nearbyint(e * power) / power;
    });
  }
  static constexpr auto vjp(auto g, auto, auto) { return gradients(zeros_like(g)); }
};

/// What is behind the point, with the sign of x.
struct Frac : SameShape {
  static constexpr std::string_view name = "Frac";
  template<class V>
  static V apply(const V& x) {
    return x - Round<Rounding::trunc>::apply(x);
  }
  static constexpr auto vjp(auto g, auto, auto) { return gradients(g); }
};

namespace detail {
/// a - n b with n = a / b rounded down (Floor) or towards 0.
template<bool Floor, class T>
T remainder_of(T a, T b) {
  T rest;
  if constexpr (std::integral<T>) {
    if (b == T{0})
      raise(ValueError(Floor ? "remainder: an integer is divided by zero"
                             : "fmod: an integer is divided by zero"));
    if constexpr (std::is_signed_v<T>)
      if (b == T{-1}) return T{0}; // the quotient of the smallest integer has no place
    rest = static_cast<T>(a % b);
  } else {
    rest = std::fmod(a, b);
  }
  return Floor && rest != T{0} && (rest < T{0}) != (b < T{0}) ? static_cast<T>(rest + b) : rest;
}

/// a / b rounded down.
template<class T>
T floor_quotient(T a, T b) {
  if constexpr (std::integral<T>) {
    if (b == T{0}) raise(ValueError("floor_divide: an integer is divided by zero"));
    if constexpr (std::is_signed_v<T>) {
      using Wide = std::make_unsigned_t<T>;
      if (b == T{-1}) return static_cast<T>(Wide{0} - static_cast<Wide>(a));
      return static_cast<T>(a / b - static_cast<T>(a % b != 0 && (a < 0) != (b < 0)));
    } else {
      return static_cast<T>(a / b);
    }
  } else {
    if (b == T{0}) return a / b;
    const T rest = std::fmod(a, b);
    const T quotient = (a - rest) / b - static_cast<T>(rest != T{0} && (rest < T{0}) != (b < T{0}));
    if (quotient == T{0}) return std::copysign(T{0}, a / b);
    const T down = std::floor(quotient);
    return quotient - down > T{0.5} ? down + T{1} : down;
  }
}
} // namespace detail

/// a / b rounded down. Its derivative is zero.
struct FloorDivide : Broadcasting<FloorDivide> {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = "FloorDivide";
  static constexpr Promotion promotion = Promotion::numeric;
  template<class V>
  static V apply(const V& a, const V& b) {
    return kernel::each(a, b, [](auto x, auto y) { return detail::floor_quotient(x, y); });
  }
};

/// What is left of a / b rounded down, with the sign of b; or without Floor towards 0, with the sign of a.
template<bool Floor>
struct Remainder : Broadcasting<Remainder<Floor>> {
  static constexpr std::string_view name = Floor ? "Remainder" : "Fmod";
  static constexpr std::string_view backward_name(const Extents&, const Extents&, const Extents& b) {
    return Floor ? (b.rank == 0 ? "RemainderBackward0" : "RemainderBackward1")
                 : (b.rank == 0 ? "FmodBackward0" : "FmodBackward1");
  }
  static constexpr Promotion promotion = Promotion::numeric;
  template<class V>
  static V apply(const V& a, const V& b) {
    return kernel::each(a, b, [](auto x, auto y) { return detail::remainder_of<Floor>(x, y); });
  }
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y, A a, B b) {
    const auto quotient = [&] {
      if constexpr (Floor)
        return operation<FloorDivide>{}(a, b);
      else
        return operation<Round<Rounding::trunc>>{}(div(a, b));
    }();
    return gradients(sum_to<typename A::typed>(g), sum_to<typename B::typed>(mul(neg(g), quotient)));
  }
};

} // namespace ops

// clang-format off
/// torch.floor: the largest integer that is not above x. Gradients of roundings are 0.
template<Operand X> constexpr auto floor(X&& x) { return operation<ops::Round<ops::Rounding::floor>>{}(std::forward<X>(x)); }
/// torch.ceil: the smallest integer that is not below x.
template<Operand X> constexpr auto ceil(X&& x) { return operation<ops::Round<ops::Rounding::ceil>>{}(std::forward<X>(x)); }
/// torch.trunc, torch.fix: the integer part.
template<Operand X> constexpr auto trunc(X&& x) { return operation<ops::Round<ops::Rounding::trunc>>{}(std::forward<X>(x)); }
/// torch.round: the nearest integer, halves to the even one.
template<Operand X> constexpr auto round(X&& x) { return operation<ops::Round<ops::Rounding::nearest>>{}(std::forward<X>(x)); }
/// `round<2>(x)`, torch.round(x, decimals=2): to so many decimals, before the point when negative.
template<int Decimals, Operand X> constexpr auto round(X&& x) { return operation<ops::RoundDecimals<Decimals>>{}(std::forward<X>(x)); }
/// torch.remainder: a - b floor(a / b), Python's %: it has the sign of b. ValueError for integers and 0.
template<class A, class B> requires Operands<A, B> constexpr auto remainder(A&& a, B&& b) { return operation<ops::Remainder<true>>{}(std::forward<A>(a), std::forward<B>(b)); }
/// torch.fmod: a - b trunc(a / b), C's %: it has the sign of a. ValueError for integers and 0.
template<class A, class B> requires Operands<A, B> constexpr auto fmod(A&& a, B&& b) { return operation<ops::Remainder<false>>{}(std::forward<A>(a), std::forward<B>(b)); }
// clang-format on
/// torch.frac: x - trunc(x).
inline constexpr operation<ops::Frac> frac;
/// torch.floor_divide: a / b rounded down, also of integers; its gradient is 0. ValueError for integers and
/// 0.
inline constexpr operation<ops::FloorDivide> floor_divide;

STATOR_PIPE(floor, Round<ops::Rounding::floor>)
STATOR_PIPE(ceil, Round<ops::Rounding::ceil>)
STATOR_PIPE(trunc, Round<ops::Rounding::trunc>)
STATOR_PIPE(round, Round<ops::Rounding::nearest>)

} // namespace stator::inline v0_2
