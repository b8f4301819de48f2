// SPDX-License-Identifier: BSL-1.0
// Trigonometric and hyperbolic functions and their inverses, elementwise: tan, asin, acos, atan, atan2, sinh,
// cosh, asinh, acosh, atanh, hypot, sinc, deg2rad, rad2deg.
#pragma once

#include "stator/ops/compare.hpp"
#include "stator/ops/piped.hpp"
#include "stator/ops/unary.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// sin(x) / cos(x).
struct Tan : RealFunction {
  static constexpr std::string_view name = "Tan";
  template<class V>
  static V apply(const V& x) {
    return kernel::tan(x);
  }
  static constexpr auto vjp(auto g, auto y, auto) {
    return gradients(mul(g, add(operation<Square>{}(y), 1)));
  }
};

/// 1 / sqrt(1 - x^2), the slope of the arcsine.
constexpr auto arcsine_slope(auto x) { return operation<Rsqrt>{}(sub(1, operation<Square>{}(x))); }

/// The arcsine, NaN outside of [-1, 1].
struct Asin : RealFunction {
  static constexpr std::string_view name = "Asin";
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) { return std::asin(e); });
  }
  static constexpr auto vjp(auto g, auto, auto x) { return gradients(mul(g, arcsine_slope(x))); }
};

/// The arccosine, NaN outside of [-1, 1].
struct Acos : RealFunction {
  static constexpr std::string_view name = "Acos";
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) { return std::acos(e); });
  }
  static constexpr auto vjp(auto g, auto, auto x) { return gradients(mul(g, neg(arcsine_slope(x)))); }
};

/// The arctangent.
struct Atan : RealFunction {
  static constexpr std::string_view name = "Atan";
  template<class V>
  static V apply(const V& x) {
    return kernel::atan(x);
  }
  static constexpr auto vjp(auto g, auto, auto x) {
    return gradients(div(g, add(operation<Square>{}(x), 1)));
  }
};

/// The angle of the point (b, a).
struct Atan2 : Broadcasting<Atan2> {
  static constexpr std::string_view name = "Atan2";
  static constexpr Promotion promotion = Promotion::floating;
  template<class V>
  static V apply(const V& a, const V& b) {
    return kernel::each(a, b, [](auto y, auto x) { return std::atan2(y, x); });
  }
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y, A a, B b) {
    const auto each = mul(g, operation<Reciprocal>{}(add(mul(a, a), mul(b, b))));
    return gradients(sum_to<typename A::typed>(mul(each, b)), sum_to<typename B::typed>(mul(each, neg(a))));
  }
};

struct Cosh;
/// The hyperbolic sine.
struct Sinh : RealFunction {
  static constexpr std::string_view name = "Sinh";
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) { return std::sinh(e); });
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    return gradients(mul(g, operation<Cosh>{}(x)));
  }
};

/// The hyperbolic cosine.
struct Cosh : RealFunction {
  static constexpr std::string_view name = "Cosh";
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) { return std::cosh(e); });
  }
  static constexpr auto vjp(auto g, auto, auto x) { return gradients(mul(g, operation<Sinh>{}(x))); }
};

/// The inverse of sinh.
struct Asinh : RealFunction {
  static constexpr std::string_view name = "Asinh";
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) { return std::asinh(e); });
  }
  static constexpr auto vjp(auto g, auto, auto x) {
    return gradients(mul(g, operation<Rsqrt>{}(add(operation<Square>{}(x), 1))));
  }
};

/// The inverse of cosh, NaN below 1.
struct Acosh : RealFunction {
  static constexpr std::string_view name = "Acosh";
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) { return std::acosh(e); });
  }
  static constexpr auto vjp(auto g, auto, auto x) {
    return gradients(mul(g, operation<Rsqrt>{}(sub(operation<Square>{}(x), 1))));
  }
};

/// The inverse of tanh, NaN outside of [-1, 1].
struct Atanh : RealFunction {
  static constexpr std::string_view name = "Atanh";
  template<class V>
  static V apply(const V& x) {
    return kernel::each(x, [](auto e) { return std::atanh(e); });
  }
  static constexpr auto vjp(auto g, auto, auto x) {
    return gradients(div(g, sub(1, operation<Square>{}(x))));
  }
};

/// sqrt(a^2 + b^2), without overflow on the way.
struct Hypot : Broadcasting<Hypot> {
  static constexpr std::string_view name = "Hypot";
  static constexpr Promotion promotion = Promotion::floats;
  template<class V>
  static V apply(const V& a, const V& b) {
    return kernel::each(a, b, [](auto x, auto y) { return std::hypot(x, y); });
  }
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y y, A a, B b) {
    return gradients(sum_to<typename A::typed>(mul(g, div(a, y))),
                     sum_to<typename B::typed>(mul(g, div(b, y))));
  }
};

/// sin(pi x) / (pi x), 1 at 0; its gradient at 0 is 0.
struct Sinc : RealFunction {
  static constexpr std::string_view name = "Sinc";
  template<class V>
  static V apply(const V& x) {
    const V turned = x * constant<V>(3.14159265358979323846);
    return select(x == V(0), V(1), kernel::sin(turned) / turned);
  }
  static constexpr auto vjp(auto g, auto, auto x) {
    const auto turned = mul(x, 3.14159265358979323846), squared = mul(turned, x);
    const auto slope = div(sub(mul(turned, operation<Cos>{}(turned)), operation<Sin>{}(turned)), squared);
    return gradients(operation<Choose>{}(operation<Mask<Comparison::eq>>{}(squared, 0), 0, mul(g, slope)));
  }
};

/// Degrees as radians, or with ToDegrees radians as degrees.
template<bool ToDegrees>
struct Angle : RealFunction {
  static constexpr std::string_view name = ToDegrees ? "Rad2Deg" : "Deg2Rad",
                                    called = ToDegrees ? "rad2deg" : "deg2rad";
  static constexpr double factor = ToDegrees ? 57.295779513082320877 : 0.017453292519943295769;
  template<class V>
  static V apply(const V& x) {
    return x * constant<V>(factor);
  }
  static constexpr auto vjp(auto g, auto, auto) { return gradients(mul(g, factor)); }
};

} // namespace ops

// clang-format off
/// torch.tan, of radians.
template<Operand X> constexpr auto tan(X&& x) { return operation<ops::Tan>{}(std::forward<X>(x)); }
/// torch.asin; NaN outside of [-1, 1].
template<Operand X> constexpr auto asin(X&& x) { return operation<ops::Asin>{}(std::forward<X>(x)); }
/// torch.acos; NaN outside of [-1, 1].
template<Operand X> constexpr auto acos(X&& x) { return operation<ops::Acos>{}(std::forward<X>(x)); }
/// torch.atan.
template<Operand X> constexpr auto atan(X&& x) { return operation<ops::Atan>{}(std::forward<X>(x)); }
/// torch.atan2: the angle of the point (b, a) in (-pi, pi], elementwise with broadcasting.
template<class A, class B> requires Operands<A, B> constexpr auto atan2(A&& a, B&& b) { return operation<ops::Atan2>{}(std::forward<A>(a), std::forward<B>(b)); }
/// torch.sinh.
template<Operand X> constexpr auto sinh(X&& x) { return operation<ops::Sinh>{}(std::forward<X>(x)); }
/// torch.cosh.
template<Operand X> constexpr auto cosh(X&& x) { return operation<ops::Cosh>{}(std::forward<X>(x)); }
/// torch.asinh, the inverse of sinh.
template<Operand X> constexpr auto asinh(X&& x) { return operation<ops::Asinh>{}(std::forward<X>(x)); }
/// torch.acosh, the inverse of cosh; NaN below 1.
template<Operand X> constexpr auto acosh(X&& x) { return operation<ops::Acosh>{}(std::forward<X>(x)); }
/// torch.atanh, the inverse of tanh; NaN outside of [-1, 1].
template<Operand X> constexpr auto atanh(X&& x) { return operation<ops::Atanh>{}(std::forward<X>(x)); }
/// torch.hypot: sqrt(a^2 + b^2), elementwise with broadcasting.
template<class A, class B> requires Operands<A, B> constexpr auto hypot(A&& a, B&& b) { return operation<ops::Hypot>{}(std::forward<A>(a), std::forward<B>(b)); }
// clang-format on
/// torch.sinc: sin(pi x) / (pi x), 1 at 0.
inline constexpr operation<ops::Sinc> sinc;
/// torch.deg2rad: degrees as radians.
inline constexpr operation<ops::Angle<false>> deg2rad;
/// torch.rad2deg: radians as degrees.
inline constexpr operation<ops::Angle<true>> rad2deg;

STATOR_PIPE(tan, Tan)
STATOR_PIPE(asin, Asin)
STATOR_PIPE(acos, Acos)
STATOR_PIPE(atan, Atan)
STATOR_PIPE(sinh, Sinh)
STATOR_PIPE(cosh, Cosh)
STATOR_PIPE(asinh, Asinh)
STATOR_PIPE(acosh, Acosh)
STATOR_PIPE(atanh, Atanh)

} // namespace stator::inline v0_2
