// SPDX-License-Identifier: BSL-1.0
// Functions of one number, elementwise: exp, log, sqrt, sin, ... Those that <cmath> has as well are function
// templates, so that a using directive leaves std's versions usable; the others are operation objects.
#pragma once

#include "stator/ops/arithmetic.hpp"
#include "stator/ops/piped.hpp"
#include "stator/ops/same_shape.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// -1, 0 or 1; 0 of NaN, as in PyTorch.
struct Sign : SameShape {
  static constexpr std::string_view name = "Sign";
  static constexpr std::string_view backward_name = "SignBackward0";
  static constexpr Promotion promotion = Promotion::common;
  template<class V>
  static V apply(const V& x) {
    return select(x > V(0), V(1), select(x < V(0), -V(1), V(0)));
  }
  /// Zeros, whatever g is: 0 * g would be NaN for an infinite g.
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(
        operation<Expand<G::extents>>{}(detail::number<typename G::scalar, G::order>(g.builder, 0)));
  }
};

/// exp(x).
struct Exp : SameShape {
  static constexpr std::string_view name = "Exp";
  static constexpr std::string_view backward_name = "ExpBackward0";
  static constexpr Promotion promotion = Promotion::floating;
  template<class V>
  static V apply(const V& x) {
    return kernel::exp(x);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X) {
    return gradients(mul(g, y));
  }
};

/// The natural logarithm.
struct Log : SameShape {
  static constexpr std::string_view name = "Log";
  static constexpr std::string_view backward_name = "LogBackward0";
  static constexpr Promotion promotion = Promotion::floating;
  template<class V>
  static V apply(const V& x) {
    return kernel::log(x);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    return gradients(div(g, x));
  }
};

/// log(1 + x), exact for small x.
struct Log1p : SameShape {
  static constexpr std::string_view name = "Log1p";
  static constexpr std::string_view backward_name = "Log1PBackward0";
  static constexpr Promotion promotion = Promotion::floating;
  template<class V>
  static V apply(const V& x) {
    return kernel::log1p(x);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    return gradients(div(g, add(x, 1)));
  }
};

/// exp(x) - 1, exact for small x.
struct Expm1 : SameShape {
  static constexpr std::string_view name = "Expm1";
  static constexpr std::string_view backward_name = "Expm1Backward0";
  static constexpr Promotion promotion = Promotion::floating;
  template<class V>
  static V apply(const V& x) {
    return kernel::expm1(x);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X) {
    return gradients(mul(g, add(y, 1)));
  }
};

/// The square root; NaN below 0.
struct Sqrt : SameShape {
  static constexpr std::string_view name = "Sqrt";
  static constexpr std::string_view backward_name = "SqrtBackward0";
  static constexpr Promotion promotion = Promotion::floating;
  template<class V>
  static V apply(const V& x) {
    return kernel::sqrt(x);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X) {
    return gradients(div(g, mul(y, 2)));
  }
};

/// 1 / sqrt(x)
struct Rsqrt : SameShape {
  static constexpr std::string_view name = "Rsqrt";
  static constexpr std::string_view backward_name = "RsqrtBackward0";
  static constexpr Promotion promotion = Promotion::floating;
  template<class V>
  static V apply(const V& x) {
    return V(1) / kernel::sqrt(x);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X) {
    return gradients(mul(mul(g, -0.5), mul(y, mul(y, y))));
  }
};

/// x * x.
struct Square : SameShape {
  static constexpr std::string_view name = "Square";
  static constexpr std::string_view backward_name = "PowBackward0";
  static constexpr Promotion promotion = Promotion::widened;
  template<class V>
  static V apply(const V& x) {
    return x * x;
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    return gradients(mul(g, mul(x, 2)));
  }
};

/// 1 / x.
struct Reciprocal : SameShape {
  static constexpr std::string_view name = "Reciprocal";
  static constexpr std::string_view backward_name = "ReciprocalBackward0";
  static constexpr Promotion promotion = Promotion::floating;
  template<class V>
  static V apply(const V& x) {
    return V(1) / x;
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X) {
    return gradients(neg(mul(g, mul(y, y))));
  }
};

/// The absolute value, with the gradient 0 at 0.
struct Abs : SameShape {
  static constexpr std::string_view name = "Abs";
  static constexpr std::string_view backward_name = "AbsBackward0";
  static constexpr Promotion promotion = Promotion::numeric;
  template<class V>
  static V apply(const V& x) {
    return kernel::abs(x);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    return gradients(mul(g, operation<Sign>{}(x)));
  }
};

struct Cos;
/// The sine of x in radians.
struct Sin : SameShape {
  static constexpr std::string_view name = "Sin";
  static constexpr std::string_view backward_name = "SinBackward0";
  static constexpr Promotion promotion = Promotion::floating;
  template<class V>
  static V apply(const V& x) {
    return kernel::sin(x);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    return gradients(mul(g, operation<Cos>{}(x)));
  }
};

/// The cosine of x in radians.
struct Cos : SameShape {
  static constexpr std::string_view name = "Cos";
  static constexpr std::string_view backward_name = "CosBackward0";
  static constexpr Promotion promotion = Promotion::floating;
  template<class V>
  static V apply(const V& x) {
    return kernel::cos(x);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    return gradients(neg(mul(g, operation<Sin>{}(x))));
  }
};

/// g (1 - y^2)
struct TanhBackward : SameShape {
  static constexpr std::string_view name = "TanhBackward";
  template<class V>
  static V apply(const V& g, const V& y) {
    return g * (V(1) - y * y);
  }
  template<class G2, class Y2, class G, class Y>
  static constexpr auto vjp(G2 gg, Y2, G g, Y y) {
    return gradients(operation<TanhBackward>{}(gg, y), mul(mul(gg, -2), mul(g, y)));
  }
};

/// The hyperbolic tangent.
struct Tanh : SameShape {
  static constexpr std::string_view name = "Tanh";
  static constexpr std::string_view backward_name = "TanhBackward0";
  static constexpr Promotion promotion = Promotion::floating;
  template<class V>
  static V apply(const V& x) {
    return kernel::tanh(x);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X) {
    return gradients(operation<TanhBackward>{}(g, y));
  }
};

/// The error function.
struct Erf : SameShape {
  static constexpr std::string_view name = "Erf";
  static constexpr std::string_view backward_name = "ErfBackward0";
  static constexpr Promotion promotion = Promotion::floating;
  template<class V>
  static V apply(const V& x) {
    return kernel::erf(x);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    return gradients(mul(mul(g, 1.1283791670955126), operation<Exp>{}(neg(operation<Square>{}(x)))));
  }
};

} // namespace ops

/// 1 / sqrt(x), torch.rsqrt.
inline constexpr operation<ops::Rsqrt> rsqrt;
/// x * x, torch.square.
inline constexpr operation<ops::Square> square;
/// 1 / x, torch.reciprocal.
inline constexpr operation<ops::Reciprocal> reciprocal;
/// -1, 0 or 1, torch.sign; its gradient is 0 everywhere.
inline constexpr operation<ops::Sign> sign;

// clang-format off
/// torch.exp; also `x | stator::exp`, as the functions that follow.
template<Operand X> constexpr auto exp(X&& x) { return operation<ops::Exp>{}(std::forward<X>(x)); }
/// The natural logarithm, torch.log.
template<Operand X> constexpr auto log(X&& x) { return operation<ops::Log>{}(std::forward<X>(x)); }
/// log(1 + x), torch.log1p.
template<Operand X> constexpr auto log1p(X&& x) { return operation<ops::Log1p>{}(std::forward<X>(x)); }
/// exp(x) - 1, torch.expm1.
template<Operand X> constexpr auto expm1(X&& x) { return operation<ops::Expm1>{}(std::forward<X>(x)); }
/// torch.sqrt.
template<Operand X> constexpr auto sqrt(X&& x) { return operation<ops::Sqrt>{}(std::forward<X>(x)); }
/// torch.abs.
template<Operand X> constexpr auto abs(X&& x) { return operation<ops::Abs>{}(std::forward<X>(x)); }
/// torch.sin.
template<Operand X> constexpr auto sin(X&& x) { return operation<ops::Sin>{}(std::forward<X>(x)); }
/// torch.cos.
template<Operand X> constexpr auto cos(X&& x) { return operation<ops::Cos>{}(std::forward<X>(x)); }
/// torch.tanh.
template<Operand X> constexpr auto tanh(X&& x) { return operation<ops::Tanh>{}(std::forward<X>(x)); }
/// The error function, torch.erf.
template<Operand X> constexpr auto erf(X&& x) { return operation<ops::Erf>{}(std::forward<X>(x)); }
// clang-format on

STATOR_PIPE(exp, Exp)
STATOR_PIPE(log, Log)
STATOR_PIPE(log1p, Log1p)
STATOR_PIPE(expm1, Expm1)
STATOR_PIPE(sqrt, Sqrt)
STATOR_PIPE(abs, Abs)
STATOR_PIPE(sin, Sin)
STATOR_PIPE(cos, Cos)
STATOR_PIPE(tanh, Tanh)
STATOR_PIPE(erf, Erf)

namespace nn {
/// The hyperbolic tangent, for `x | nn::tanh`.
inline constexpr operation<ops::Tanh> tanh;
} // namespace nn

} // namespace stator::inline v0_2
