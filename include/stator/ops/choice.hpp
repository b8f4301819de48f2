// SPDX-License-Identifier: BSL-1.0
// One of several numbers, or a number between or beside them, elementwise: clamp_min, clamp_max, fmax, fmin,
// copysign, heaviside, nan_to_num, sgn, positive, lerp, addcmul, addcdiv, nextafter.
#pragma once

#include "stator/ops/rounding.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// x, but not below (or without Lower: above) a bound; NaN where either is.
template<bool Lower>
struct ClampOne : Broadcasting<ClampOne<Lower>> {
  static constexpr std::string_view name = Lower ? "ClampMin" : "ClampMax";
  static constexpr std::string_view backward_name(const Extents&, const Extents&, const Extents& bound) {
    return Lower ? (bound.rank == 0 ? "ClampMinBackward0" : "ClampMinBackward1")
                 : (bound.rank == 0 ? "ClampMaxBackward0" : "ClampMaxBackward1");
  }
  static constexpr Promotion promotion = Promotion::common;
  template<class V>
  static V apply(const V& x, const V& bound) {
    return Extremum<Lower>::apply(x, bound);
  }
  /// That of equal ones is the gradient of x.
  template<class G, class Y, class X, class B>
  static constexpr auto vjp(G g, Y, X x, B bound) {
    constexpr operation<Choose> choose;
    const auto kept = operation<Mask<Lower ? Comparison::ge : Comparison::le>>{}(x, bound);
    const auto replaced = operation<Mask<Lower ? Comparison::lt : Comparison::gt>>{}(x, bound);
    return gradients(sum_to<typename X::typed>(choose(kept, g, 0)),
                     sum_to<typename B::typed>(choose(replaced, g, 0)));
  }
};

/// The larger (smaller) of two; where one is NaN, the other.
template<bool Larger>
struct NumberExtremum : Broadcasting<NumberExtremum<Larger>> {
  static constexpr std::string_view name = Larger ? "Fmax" : "Fmin";
  static constexpr Promotion promotion = Promotion::common;
  /// Whether a is taken: it is when both are equal.
  struct First : Broadcasting<First> {
    static constexpr bool is_constant = true;
    static constexpr std::string_view name = "Choice", called = Larger ? "fmax" : "fmin";
    template<class V>
    static V apply(const V& a, const V& b) {
      return select(b == b, select(Larger ? a >= b : a <= b, V(1), V(0)), V(1));
    }
  };
  template<class V>
  static V apply(const V& a, const V& b) {
    return select(First::template apply<V>(a, b) == V(0), b, a);
  }
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y, A a, B b) {
    constexpr operation<Choose> choose;
    const auto first = operation<First>{}(a, b);
    return gradients(sum_to<typename A::typed>(choose(first, g, 0)),
                     sum_to<typename B::typed>(choose(first, 0, g)));
  }
};

/// |a| with the sign of b, also of its zeros.
struct Copysign : Broadcasting<Copysign> {
  static constexpr std::string_view name = "Copysign";
  static constexpr Promotion promotion = Promotion::floating;
  template<class V>
  static V apply(const V& a, const V& b) {
    return kernel::each(a, b, [](auto x, auto sign) { return std::copysign(x, sign); });
  }
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y y, A a, B b) {
    const auto sign = operation<Choose>{}(operation<Mask<Comparison::eq>>{}(a, 0), 0, div(y, a));
    return gradients(sum_to<typename A::typed>(mul(g, sign)), zeros_like(b));
  }
};

/// 0 below 0, 1 above it, b at it. It has no derivative, as in PyTorch.
struct Heaviside : Broadcasting<Heaviside> {
  static constexpr std::string_view name = "Heaviside";
  static constexpr Promotion promotion = Promotion::common;
  template<class V>
  static V apply(const V& a, const V& b) {
    return select(a == V(0), b, select(a > V(0), V(1), V(0)));
  }
};

/// The next number after a on the way to b. It has no derivative, as in PyTorch.
struct Nextafter : Broadcasting<Nextafter> {
  static constexpr std::string_view name = "Nextafter";
  static constexpr Promotion promotion = Promotion::floats;
  template<class V>
  static V apply(const V& a, const V& b) {
    return kernel::each(a, b, [](auto x, auto y) { return std::nextafter(x, y); });
  }
};

/// x with other numbers for NaN, infinity and -infinity.
struct NanToNum : SameShape {
  static constexpr std::string_view name = "NanToNum";
  static constexpr std::string_view usage =
      "nan_to_num(x), nan_to_num(x, nan) or nan_to_num(x, nan, posinf, neginf)";
  static constexpr Promotion promotion = Promotion::common;
  template<class V>
  static V apply(const V& x, const V& nan, const V& posinf, const V& neginf) {
    if constexpr (std::floating_point<typename V::value_type>) {
      const V inf(std::numeric_limits<typename V::value_type>::infinity());
      return select(x == x, select(x == inf, posinf, select(x == -inf, neginf, x)), nan);
    } else {
      return x;
    }
  }
  template<class V>
  static V apply(const V& x, const V& nan) {
    using Limits = std::numeric_limits<typename V::value_type>;
    return apply(x, nan, V(Limits::max()), V(Limits::lowest()));
  }
  template<class V>
  static V apply(const V& x) {
    return apply(x, V(0));
  }
  /// 1 for numbers that stay.
  struct Finite : SameShape {
    static constexpr bool is_constant = true;
    static constexpr std::string_view name = "IsFinite";
    template<class V>
    static V apply(const V& x) {
      return select(x - x == V(0), V(1), V(0));
    }
  };
  static constexpr auto vjp(auto g, auto, auto x, auto... numbers) {
    return gradients(mul(g, operation<Finite>{}(x)), detail::none<decltype(numbers)>(numbers)...);
  }
};

/// x.
struct Positive {
  static constexpr std::string_view name = "Positive";
  static constexpr Promotion promotion = Promotion::numeric;
  static constexpr bool is_composite = true;
  static constexpr auto compose(auto x) { return x; }
};

/// A base of elementwise operations of three tensors, with broadcasting; Op gives its name.
template<class Op>
struct BroadcastingThree {
  static constexpr Extents shape(const Extents& a, const Extents& b, const Extents& c, const auto&...) {
    return broadcast(a, b, c);
  }
  static constexpr Text requirement(const Extents& a, const Extents& b, const Extents& c, const auto&...) {
    const Text called = detail::called<Op>();
    const Text first = broadcast_requirement(called.view(), a, b);
    return first.empty() ? broadcast_requirement(called.view(), broadcast(a, b), c) : first;
  }
};

/// a + w (b - a).
struct Lerp : BroadcastingThree<Lerp> {
  static constexpr std::string_view name = "Lerp";
  static constexpr std::string_view backward_name(const Extents&, const Extents&, const Extents&,
                                                  const Extents& w) {
    return w.rank == 0 ? "LerpBackward0" : "LerpBackward1";
  }
  static constexpr Promotion promotion = Promotion::floats;
  template<class V>
  static V apply(const V& a, const V& b, const V& w) {
    const V way = b - a; // from the nearer end, so that w = 1 gives b
    return select(w < constant<V>(0.5), a + w * way, b - way * (V(1) - w));
  }
  template<class G, class Y, class A, class B, class W>
  static constexpr auto vjp(G g, Y, A a, B b, W w) {
    return gradients(sum_to<typename A::typed>(mul(g, sub(1, w))), sum_to<typename B::typed>(mul(g, w)),
                     sum_to<typename W::typed>(mul(g, sub(b, a))));
  }
};

/// x + value a b, or with Divide x + value a / b; value is 1 when it is not given.
template<bool Divide>
struct Addc : BroadcastingThree<Addc<Divide>> {
  static constexpr std::string_view name = Divide ? "Addcdiv" : "Addcmul";
  static constexpr std::string_view usage =
      Divide ? "addcdiv(x, a, b) or addcdiv(x, a, b, value)" : "addcmul(x, a, b) or addcmul(x, a, b, value)";
  static constexpr Promotion promotion = Divide ? Promotion::floats : Promotion::common;
  template<class V>
  static V apply(const V& x, const V& a, const V& b) {
    if constexpr (Divide)
      return x + a / b;
    else
      return x + a * b;
  }
  template<class V>
  static V apply(const V& x, const V& a, const V& b, const V& value) {
    return apply(x, value * a, b);
  }
  template<class G, class Y, class X, class A, class B, class... Value>
  static constexpr auto vjp(G g, Y, X, A a, B b, Value... value) {
    const auto times = [&](auto s) {
      if constexpr (sizeof...(Value) == 0)
        return s;
      else
        return mul(s, value...);
    };
    const auto slopes = [&] {
      if constexpr (Divide) {
        const auto by_b = neg(div(times(a), mul(b, b)));
        return std::pair(operation<Reciprocal>{}(b), by_b);
      } else {
        return std::pair(b, times(a));
      }
    }();
    return gradients(sum_to<typename X::typed>(g), sum_to<typename A::typed>(mul(g, times(slopes.first))),
                     sum_to<typename B::typed>(mul(g, slopes.second)), detail::none<Value>(value)...);
  }
};

} // namespace ops

/// torch.clamp_min: x where it is not below the bound, a number or a tensor that broadcasts.
inline constexpr operation<ops::ClampOne<true>> clamp_min;
/// torch.clamp_max: x where it is not above the bound, a number or a tensor that broadcasts.
inline constexpr operation<ops::ClampOne<false>> clamp_max;
// clang-format off
/// torch.fmax: the larger of two, of a number and NaN the number; elementwise with broadcasting.
template<class A, class B> requires Operands<A, B> constexpr auto fmax(A&& a, B&& b) { return operation<ops::NumberExtremum<true>>{}(std::forward<A>(a), std::forward<B>(b)); }
/// torch.fmin: the smaller of two, of a number and NaN the number; elementwise with broadcasting.
template<class A, class B> requires Operands<A, B> constexpr auto fmin(A&& a, B&& b) { return operation<ops::NumberExtremum<false>>{}(std::forward<A>(a), std::forward<B>(b)); }
/// torch.copysign: |a| with the sign of b, elementwise with broadcasting.
template<class A, class B> requires Operands<A, B> constexpr auto copysign(A&& a, B&& b) { return operation<ops::Copysign>{}(std::forward<A>(a), std::forward<B>(b)); }
/// torch.nextafter: the next number after a on the way to b, elementwise with broadcasting; without a derivative.
template<class A, class B> requires Operands<A, B> constexpr auto nextafter(A&& a, B&& b) { return operation<ops::Nextafter>{}(std::forward<A>(a), std::forward<B>(b)); }
/// torch.lerp: a + w (b - a), elementwise with broadcasting; w is a number or a tensor.
template<Operand A, Operand B, class W> requires(Operand<W> || Arithmetic<W>) constexpr auto lerp(A&& a, B&& b, W&& w) { return operation<ops::Lerp>{}(std::forward<A>(a), std::forward<B>(b), std::forward<W>(w)); }
// clang-format on
/// torch.heaviside: 0 below 0, 1 above it, b at it; elementwise with broadcasting, without a derivative.
inline constexpr operation<ops::Heaviside> heaviside;
/// `nan_to_num(x)`, `nan_to_num(x, nan, posinf, neginf)`: other numbers for NaN (0) and the infinities (the
/// largest and the lowest number); torch.nan_to_num. Their gradient is 0.
inline constexpr operation<ops::NanToNum> nan_to_num;
/// torch.sgn, of real numbers torch.sign.
inline constexpr operation<ops::Sign> sgn;
/// torch.positive: x.
inline constexpr operation<ops::Positive> positive;
/// `addcmul(x, a, b, value)`: x + value a b, elementwise with broadcasting; value is 1 by default.
/// torch.addcmul.
inline constexpr operation<ops::Addc<false>> addcmul;
/// `addcdiv(x, a, b, value)`: x + value a / b, elementwise with broadcasting; value is 1 by default.
inline constexpr operation<ops::Addc<true>> addcdiv;

} // namespace stator::inline v0_2
