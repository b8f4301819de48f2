// SPDX-License-Identifier: BSL-1.0
// gelu, exact and with tanh.
#pragma once

#include "stator/ops/smooth_activation.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// The derivative of gelu, where the forward computes it: with the exponential that gelu needs anyway.
struct GeluSlope : SameShape {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = "GeluSlope";
  template<class V>
  static V apply(const V& x) {
    return kernel::gelu_slope(x);
  }
};

/// gelu(x), with its derivative at hand.
struct GeluWithSlope : SameShape {
  static constexpr std::string_view name = "Gelu";
  static constexpr std::string_view backward_name = "GeluBackward0";
  template<class V>
  static V apply(const V& x, const V&) {
    return kernel::gelu(x);
  }
  template<class G, class Y, class X, class S>
  static constexpr auto vjp(G g, Y, X, S slope) {
    return gradients(mul(g, slope), no_gradient);
  }
};

/// x Phi(x), Phi the distribution function of the normal distribution.
struct Gelu : Smooth<Gelu> {
  static constexpr std::string_view name = "Gelu";
  static constexpr std::string_view backward_name = "GeluBackward0";
  static constexpr double density = 0.39894228040143267794;
  static constexpr auto nodes(auto x) {
    return mul(mul(x, 0.5), add(operation<Erf>{}(mul(x, 0.70710678118654752440)), 1));
  }
  template<class V>
  static V apply(const V& x) {
    return kernel::gelu(x);
  }
  static constexpr auto differentiable(auto x) {
    return operation<GeluWithSlope>{}(x, operation<GeluSlope>{}(x));
  }
  template<class V>
  static V slope(const V& x) {
    return kernel::gelu_slope(x);
  }
  template<class V>
  static V curvature(const V& x) {
    return constant<V>(density) * kernel::exp(x * x * constant<V>(-0.5)) * (V(2) - x * x);
  }
};

/// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
struct GeluTanh : Smooth<GeluTanh> {
  static constexpr std::string_view name = "GeluTanh";
  static constexpr std::string_view backward_name = "GeluBackward0";
  static constexpr double beta = 0.79788456080286535588, kappa = 0.044715;
  static constexpr auto nodes(auto x) {
    const auto u = mul(mul(x, 2 * beta), add(mul(mul(x, x), kappa), 1));
    return mul(x, operation<Sigmoid>{}(u));
  }
  template<class V>
  static V twice_inner(const V& x) {
    return constant<V>(2 * beta) * (x + constant<V>(kappa) * x * x * x);
  }
  template<class V>
  static V inner(const V& x) {
    return kernel::tanh(constant<V>(0.5) * twice_inner(x));
  }
  template<class V>
  static V apply(const V& x) {
    return kernel::gated(x, twice_inner(x)); // (1 + tanh(u)) / 2 = sigmoid(2 u)
  }
  template<class V>
  static V slope(const V& x) {
    const V t = inner(x);
    const V rise = constant<V>(beta) * (V(1) + constant<V>(3 * kappa) * x * x);
    return constant<V>(0.5) * (V(1) + t + x * (V(1) - t * t) * rise);
  }
  template<class V>
  static V curvature(const V& x) {
    const V t = inner(x);
    const V rise = constant<V>(beta) * (V(1) + constant<V>(3 * kappa) * x * x);
    const V bend = constant<V>(6 * beta * kappa) * x - V(2) * t * rise * rise;
    return (V(1) - t * t) * (rise + constant<V>(0.5) * x * bend);
  }
};

} // namespace ops

namespace nn {
/// With the error function; `gelu_tanh` is approximate="tanh".
inline constexpr operation<ops::Gelu> gelu;
/// torch.nn.functional.gelu with approximate="tanh".
inline constexpr operation<ops::GeluTanh> gelu_tanh;
} // namespace nn

} // namespace stator::inline v0_2
