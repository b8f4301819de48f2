// SPDX-License-Identifier: BSL-1.0
// Operations of integers, elementwise: bitwise_and, bitwise_or, bitwise_xor, bitwise_not, also as &, |, ^, ~;
// shifts, also as <<, >>; gcd, lcm.
#pragma once

#include "stator/ops/compare.hpp"

#include <numeric>

namespace stator::inline v0_2 {

namespace ops {

/// What Bitwise computes.
enum class IntegerFunction { conjunction, disjunction, difference, left_shift, right_shift, gcd, lcm };

namespace detail {
/// A function of two integers. Nothing is undefined: a shift by what is not in [0, bits) shifts all out, lcm
/// wraps around.
template<IntegerFunction F, class T>
T integer_function(T a, T b) {
  using enum IntegerFunction;
  using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  [[maybe_unused]] const bool inside = !(b < T{}) && static_cast<Bits>(b) < Bits{8 * sizeof(T)};
  [[maybe_unused]] const auto size = [](T x) {
    return x < T{} ? Bits{} - static_cast<Bits>(x) : static_cast<Bits>(x);
  };
  if constexpr (F == conjunction)
    return static_cast<T>(a & b);
  else if constexpr (F == disjunction)
    return static_cast<T>(a | b);
  else if constexpr (F == difference)
    return static_cast<T>(a ^ b);
  else if constexpr (F == left_shift)
    return inside ? static_cast<T>(static_cast<Bits>(a) << static_cast<Bits>(b)) : T{};
  else if constexpr (F == right_shift)
    return inside ? static_cast<T>(a >> b) : a < T{} ? static_cast<T>(-1) : T{};
  else if constexpr (F == gcd)
    return static_cast<T>(std::gcd(size(a), size(b)));
  else
    return a == T{} || b == T{} ? T{} : static_cast<T>(size(a) / std::gcd(size(a), size(b)) * size(b));
}
} // namespace detail

/// A function of two integers.
template<IntegerFunction F>
struct Bitwise : Broadcasting<Bitwise<F>> {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = F == IntegerFunction::conjunction   ? "BitwiseAnd"
                                           : F == IntegerFunction::disjunction ? "BitwiseOr"
                                           : F == IntegerFunction::difference  ? "BitwiseXor"
                                           : F == IntegerFunction::left_shift  ? "BitwiseLeftShift"
                                           : F == IntegerFunction::right_shift ? "BitwiseRightShift"
                                           : F == IntegerFunction::gcd         ? "Gcd"
                                                                               : "Lcm";
  static constexpr Promotion promotion =
      F <= IntegerFunction::difference ? Promotion::integers : Promotion::whole;
  template<class V>
  static V apply(const V& a, const V& b) {
    return kernel::each(a, b, [](auto x, auto y) { return detail::integer_function<F>(x, y); });
  }
};

/// All bits the other way; of bool "not".
struct BitwiseNot : SameShape {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = "BitwiseNot";
  static constexpr Promotion promotion = Promotion::integers;
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) {
      if constexpr (std::is_same_v<decltype(e), bool>)
        return !e;
      else
        return ~e;
    });
  }
};

} // namespace ops

/// torch.bitwise_and of integers or bools, elementwise with broadcasting, as the ones that follow.
inline constexpr operation<ops::Bitwise<ops::IntegerFunction::conjunction>> bitwise_and;
/// torch.bitwise_or.
inline constexpr operation<ops::Bitwise<ops::IntegerFunction::disjunction>> bitwise_or;
/// torch.bitwise_xor.
inline constexpr operation<ops::Bitwise<ops::IntegerFunction::difference>> bitwise_xor;
/// torch.bitwise_not: all bits the other way, of bools "not".
inline constexpr operation<ops::BitwiseNot> bitwise_not;
/// torch.bitwise_left_shift of integers; 0 where b is negative or not less than the number of bits.
inline constexpr operation<ops::Bitwise<ops::IntegerFunction::left_shift>> bitwise_left_shift;
/// torch.bitwise_right_shift of integers, with the sign; 0 or -1 where b is negative or not less than the
/// number of bits.
inline constexpr operation<ops::Bitwise<ops::IntegerFunction::right_shift>> bitwise_right_shift;
// clang-format off
/// torch.gcd, the greatest common divisor; not negative.
template<class A, class B> requires Operands<A, B> constexpr auto gcd(A&& a, B&& b) { return operation<ops::Bitwise<ops::IntegerFunction::gcd>>{}(std::forward<A>(a), std::forward<B>(b)); }
/// torch.lcm, the least common multiple; not negative, 0 where either is 0.
template<class A, class B> requires Operands<A, B> constexpr auto lcm(A&& a, B&& b) { return operation<ops::Bitwise<ops::IntegerFunction::lcm>>{}(std::forward<A>(a), std::forward<B>(b)); }
/// bitwise_and, of bools "and": `(x > 0) & (x < 1)`. Parentheses as in Python: & binds more loosely than < here, but compilers warn.
template<class A, class B> requires Operands<A, B> constexpr auto operator&(A&& a, B&& b) { return bitwise_and(std::forward<A>(a), std::forward<B>(b)); }
/// bitwise_or, of bools "or".
template<class A, class B> requires Operands<A, B> constexpr auto operator|(A&& a, B&& b) { return bitwise_or(std::forward<A>(a), std::forward<B>(b)); }
/// bitwise_xor, of bools "either".
template<class A, class B> requires Operands<A, B> constexpr auto operator^(A&& a, B&& b) { return bitwise_xor(std::forward<A>(a), std::forward<B>(b)); }
/// bitwise_left_shift of integers.
template<class A, class B> requires Operands<A, B> constexpr auto operator<<(A&& a, B&& b) { return bitwise_left_shift(std::forward<A>(a), std::forward<B>(b)); }
/// bitwise_right_shift of integers.
template<class A, class B> requires Operands<A, B> constexpr auto operator>>(A&& a, B&& b) { return bitwise_right_shift(std::forward<A>(a), std::forward<B>(b)); }
/// bitwise_not, of bools "not".
template<Operand X> constexpr auto operator~(X&& x) { return bitwise_not(std::forward<X>(x)); }
// clang-format on

} // namespace stator::inline v0_2
