// SPDX-License-Identifier: BSL-1.0
// Powers and logarithms beside exp, log and pow, elementwise: exp2, log2, log10, logit, logaddexp,
// logaddexp2, xlogy, ldexp, frexp, float_power.
#pragma once

#include "stator/ops/pow.hpp"
#include "stator/ops/slicing.hpp"
#include "stator/ops/to.hpp"
#include "stator/ops/trigonometric.hpp"

#include <cmath>
#include <cstdint>
#include <tuple>

namespace stator::inline v0_2 {

namespace ops {

/// 2^x.
struct Exp2 : RealFunction {
  static constexpr std::string_view name = "Exp2";
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) { return std::exp2(e); });
  }
  static constexpr auto vjp(auto g, auto y, auto) { return gradients(mul(mul(g, y), 0.6931471805599453)); }
};

/// The logarithm to the base 2.
struct Log2 : RealFunction {
  static constexpr std::string_view name = "Log2";
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) { return std::log2(e); });
  }
  static constexpr auto vjp(auto g, auto, auto x) { return gradients(div(g, mul(x, 0.6931471805599453))); }
};

/// The logarithm to the base 10.
struct Log10 : RealFunction {
  static constexpr std::string_view name = "Log10";
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) { return std::log10(e); });
  }
  static constexpr auto vjp(auto g, auto, auto x) { return gradients(div(g, mul(x, 2.302585092994046))); }
};

/// log(x / (1 - x)), of x clamped to [eps, 1 - eps] when there is an eps.
struct Logit : RealFunction {
  static constexpr std::string_view name = "Logit";
  template<class V>
  static V apply(const V& x) {
    return kernel::log(x / (V(1) - x));
  }
  template<class V>
  static V apply(const V& x, const V& eps) {
    const V high = V(1) - eps;
    return apply(select(x < eps, eps, select(x > high, high, x)));
  }
  /// g / (x (1 - x)) inside of [eps, 1 - eps]; outside 0, or NaN when there is no eps.
  static constexpr auto vjp(auto g, auto, auto x) {
    return gradients(slope(g, x, 0, std::numeric_limits<double>::quiet_NaN()));
  }
  static constexpr auto vjp(auto g, auto, auto x, auto eps) {
    return gradients(slope(g, x, eps, 0), no_gradient);
  }

private:
  static constexpr auto slope(auto g, auto x, auto eps, double outside) {
    constexpr operation<Choose> choose;
    const auto low = operation<Mask<Comparison::lt>>{}(x, eps); // of NaN neither holds: its slope is NaN
    const auto high = operation<Mask<Comparison::gt>>{}(x, sub(1, eps));
    return choose(low, outside, choose(high, outside, div(g, mul(x, sub(1, x)))));
  }
  static constexpr double sub(double a, double b) { return a - b; }
  static constexpr auto sub(double a, AnySymbol auto b) { return stator::sub(a, b); }
};

/// log(exp(a) + exp(b)), or with Base2 log2(2^a + 2^b), without overflow.
template<bool Base2>
struct Logaddexp : Broadcasting<Logaddexp<Base2>> {
  static constexpr std::string_view name = Base2 ? "Logaddexp2" : "Logaddexp";
  static constexpr Promotion promotion = Promotion::floats;
  template<class V>
  static V apply(const V& a, const V& b) {
    const V unit = constant<V>(Base2 ? 0.6931471805599453 : 1.0);
    const V apart = kernel::abs(a - b) * unit; // NaN for infinities of one sign, whose sum is one of them
    return select(a == b, a + constant<V>(Base2 ? 1.0 : 0.6931471805599453),
                  kernel::maximum(a, b) + kernel::log1p(kernel::exp(-apart)) / unit);
  }
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y, A a, B b) {
    const auto share = [&](auto apart) {
      if constexpr (Base2)
        return div(g, add(operation<Exp2>{}(apart), 1));
      else
        return div(g, add(operation<Exp>{}(apart), 1));
    };
    return gradients(sum_to<typename A::typed>(share(sub(b, a))),
                     sum_to<typename B::typed>(share(sub(a, b))));
  }
};

/// a log(b), 0 where a is 0 and b is not NaN.
struct Xlogy : Broadcasting<Xlogy> {
  static constexpr std::string_view name = "Xlogy";
  static constexpr Promotion promotion = Promotion::floating;
  template<class V>
  static V apply(const V& a, const V& b) {
    return select(b == b, select(a == V(0), V(0), a * kernel::log(b)), b);
  }
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y, A a, B b) {
    const auto outside =
        mul(operation<Mask<Comparison::eq>>{}(a, 0), operation<Mask<Comparison::le>>{}(b, 0));
    const auto by_a = operation<Choose>{}(outside, 0, operation<Xlogy>{}(g, b));
    return gradients(sum_to<typename A::typed>(by_a), sum_to<typename B::typed>(mul(g, div(a, b))));
  }
};

/// a 2^b.
struct Ldexp {
  static constexpr std::string_view name = "Ldexp";
  static constexpr bool is_composite = true;
  static constexpr auto compose(auto a, auto b) { return mul(a, operation<Pow>{}(2.0, b)); }
};

/// The exponent of frexp, in the type of x.
struct FrexpExponent : SameShape {
  static constexpr std::string_view name = "FrexpExponent";
  static constexpr std::string_view called = "frexp";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr bool is_constant = true;
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, []<class T>(T e) {
      int exponent = 0;
      static_cast<void>(std::frexp(e, &exponent));
      return static_cast<T>(exponent);
    });
  }
};

/// x = mantissa 2^exponent, the mantissa in [0.5, 1) or (-1, -0.5].
struct Frexp : SameShape {
  static constexpr std::string_view name = "Frexp";
  static constexpr Promotion promotion = Promotion::floats;
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) {
      int exponent = 0;
      return std::frexp(e, &exponent);
    });
  }
  static constexpr auto vjp(auto g, auto, auto x) {
    return gradients(div(g, operation<Exp2>{}(operation<FrexpExponent>{}(x))));
  }
};

/// a^b in double.
struct FloatPower {
  static constexpr std::string_view name = "FloatPower";
  static constexpr bool is_composite = true;
  static constexpr auto compose(auto a, auto b) {
    return operation<Pow>{}(cast_to<double>(a), cast_to<double>(b));
  }
};

} // namespace ops

// clang-format off
/// torch.exp2: 2^x.
template<Operand X> constexpr auto exp2(X&& x) { return operation<ops::Exp2>{}(std::forward<X>(x)); }
/// torch.log2.
template<Operand X> constexpr auto log2(X&& x) { return operation<ops::Log2>{}(std::forward<X>(x)); }
/// torch.log10.
template<Operand X> constexpr auto log10(X&& x) { return operation<ops::Log10>{}(std::forward<X>(x)); }
/// torch.ldexp: a 2^b, elementwise with broadcasting.
template<class A, class B> requires Operands<A, B> constexpr auto ldexp(A&& a, B&& b) { return operation<ops::Ldexp>{}(std::forward<A>(a), std::forward<B>(b)); }
// clang-format on
/// `auto [mantissa, exponent] = frexp(x)`: x = mantissa 2^exponent, the mantissa in [0.5, 1) or (-1, -0.5],
/// 0, infinite or NaN as x is; the exponent int32, 0 of those. The gradient of the mantissa is that of x /
/// 2^exponent. torch.frexp.
template<Operand X>
constexpr auto frexp(X&& operand) {
  decltype(auto) x = ops::detail::reusable(std::forward<X>(operand));
  const auto mantissa = operation<ops::Frexp>{}(x);
  return std::tuple(mantissa, to<std::int32_t>(operation<ops::FrexpExponent>{}(x)));
}
/// `logit(x)` and `logit(x, eps)`, torch.logit: log(x / (1 - x)), of x clamped to [eps, 1 - eps].
inline constexpr operation<ops::Logit> logit;
/// torch.logaddexp: log(exp(a) + exp(b)) without overflow, elementwise with broadcasting.
inline constexpr operation<ops::Logaddexp<false>> logaddexp;
/// torch.logaddexp2: log2(2^a + 2^b) without overflow, elementwise with broadcasting.
inline constexpr operation<ops::Logaddexp<true>> logaddexp2;
/// torch.xlogy: a log(b), 0 where a is 0, elementwise with broadcasting.
inline constexpr operation<ops::Xlogy> xlogy;
/// torch.float_power: a^b computed in double, whatever the element types are; elementwise with broadcasting.
inline constexpr operation<ops::FloatPower> float_power;

STATOR_PIPE(exp2, Exp2)
STATOR_PIPE(log2, Log2)
STATOR_PIPE(log10, Log10)

} // namespace stator::inline v0_2
