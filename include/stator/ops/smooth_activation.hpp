// SPDX-License-Identifier: BSL-1.0
// Smooth activation functions, elementwise: sigmoid, silu, elu, softplus, mish, ... `slope` is their
// first derivative, `curvature` their second.
#pragma once

#include "stator/core/fixed_string.hpp"
#include "stator/ops/unary.hpp"
#include "stator/ops/vjp_of_nodes.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// The second derivative of F at x.
template<class F>
struct Curvature : SameShape {
  static constexpr std::string_view name = "Curvature";
  template<class V, class... N>
  static V apply(const V& x, const N&... number) {
    return F::template curvature<V>(x, number...);
  }
};

/// g times the slope of F, an elementwise function of x and numbers.
template<class F>
struct SlopeBackward : SameShape {
  static constexpr auto text = fixed_string<F::name.size()>(F::name) + fixed_string("Backward");
  static constexpr std::string_view name = text.view();
  template<class V, class... N>
  static V apply(const V& g, const V& x, const N&... number) {
    return g * F::template slope<V>(x, number...);
  }
  template<class G2, class Y2, class G, class X, class... N>
  static constexpr auto vjp(G2 gg, Y2, G g, X x, N... number) {
    return gradients(operation<SlopeBackward>{}(gg, x, number...),
                     mul(mul(gg, g), operation<Curvature<F>>{}(x, number...)), detail::none<N>(number)...);
  }
};

/// What the functions that have a slope have in common. From the third derivative on they are what `nodes`
/// makes of operations.
template<class F>
struct Smooth : SameShape {
  template<class G, class Y, class X, class... N>
  static constexpr auto vjp(G g, Y, X x, N... number) {
    if constexpr (G::order > 1 && requires { F::nodes(once_more(x), number...); }) {
      const int result[] = {F::nodes(once_more(x), number...).node}, seed[] = {g.node};
      return vjp_of_nodes(*g.builder, result, seed, x);
    } else
      return gradients(operation<SlopeBackward<F>>{}(g, x, number...), detail::none<N>(number)...);
  }
};

/// g y (1 - y)
struct SigmoidBackward : SameShape {
  static constexpr std::string_view name = "SigmoidBackward";
  template<class V>
  static V apply(const V& g, const V& y) {
    return g * (V(1) - y) * y;
  }
  template<class G2, class Y2, class G, class Y>
  static constexpr auto vjp(G2 gg, Y2, G g, Y y) {
    return gradients(operation<SigmoidBackward>{}(gg, y), mul(mul(gg, g), sub(1, mul(y, 2))));
  }
};

/// 1 / (1 + exp(-x)).
struct Sigmoid : SameShape {
  static constexpr std::string_view name = "Sigmoid";
  static constexpr std::string_view backward_name = "SigmoidBackward0";
  static constexpr Promotion promotion = Promotion::floating;
  template<class V>
  static V apply(const V& x) {
    return kernel::sigmoid(x);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X) {
    return gradients(operation<SigmoidBackward>{}(g, y));
  }
};

/// log(sigmoid(x)) = min(x, 0) - log(1 + exp(-|x|))
struct LogSigmoid : SameShape {
  static constexpr std::string_view name = "LogSigmoid";
  static constexpr std::string_view backward_name = "LogSigmoidBackward0";
  template<class V>
  static V apply(const V& x) {
    return kernel::log_sigmoid(x);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    return gradients(mul(g, operation<Sigmoid>{}(neg(x))));
  }
};

/// x sigmoid(x)
struct Silu : Smooth<Silu> {
  static constexpr std::string_view name = "Silu";
  static constexpr std::string_view backward_name = "SiluBackward0";
  static constexpr auto nodes(auto x) { return mul(x, operation<Sigmoid>{}(x)); }
  template<class V>
  static V apply(const V& x) {
    return kernel::silu(x);
  }
  template<class V>
  static V slope(const V& x) {
    const V s = Sigmoid::apply<V>(x);
    return s * (V(1) + x * (V(1) - s));
  }
  template<class V>
  static V curvature(const V& x) {
    const V s = Sigmoid::apply<V>(x);
    return s * (V(1) - s) * (V(2) + x * (V(1) - s - s));
  }
};

/// alpha (exp(x) - 1) below 0, x above; alpha is 1 by default.
struct Elu : Smooth<Elu> {
  static constexpr std::string_view name = "Elu";
  static constexpr std::string_view backward_name = "EluBackward0";
  template<class V>
  static V apply(const V& x, const V& alpha = V(1)) {
    return select(x > V(0), x, alpha * kernel::expm1(x));
  }
  template<class V>
  static V slope(const V& x, const V& alpha = V(1)) {
    return select(x > V(0), V(1), alpha * kernel::exp(x));
  }
  template<class V>
  static V curvature(const V& x, const V& alpha = V(1)) {
    return select(x > V(0), V(0), alpha * kernel::exp(x));
  }
};

/// alpha (exp(x / alpha) - 1) below 0, x above; alpha is 1 by default.
struct Celu : Smooth<Celu> {
  static constexpr std::string_view name = "Celu";
  static constexpr std::string_view backward_name = "CeluBackward0";
  template<class V>
  static V apply(const V& x, const V& alpha = V(1)) {
    return select(x > V(0), x, alpha * kernel::expm1(x / alpha));
  }
  template<class V>
  static V slope(const V& x, const V& alpha = V(1)) {
    return select(x > V(0), V(1), kernel::exp(x / alpha));
  }
  template<class V>
  static V curvature(const V& x, const V& alpha = V(1)) {
    return select(x > V(0), V(0), kernel::exp(x / alpha) / alpha);
  }
};

/// scale elu(x, alpha) with the fixed point of Klambauer et al. 2017.
struct Selu : Smooth<Selu> {
  static constexpr std::string_view name = "Selu";
  static constexpr std::string_view backward_name = "EluBackward0";
  static constexpr double alpha = 1.6732632423543772848170429916717,
                          scale = 1.0507009873554804934193349852946;
  template<class V>
  static V apply(const V& x) {
    return select(x > V(0), x * constant<V>(scale), constant<V>(alpha * scale) * kernel::expm1(x));
  }
  template<class V>
  static V slope(const V& x) {
    return select(x > V(0), constant<V>(scale), constant<V>(alpha * scale) * kernel::exp(x));
  }
  template<class V>
  static V curvature(const V& x) {
    return select(x > V(0), V(0), constant<V>(alpha * scale) * kernel::exp(x));
  }
};

/// log(1 + exp(beta x)) / beta; x itself where beta x > threshold. Defaults 1 and 20.
struct Softplus : SameShape {
  static constexpr std::string_view name = "Softplus";
  static constexpr std::string_view backward_name = "SoftplusBackward0";
  template<class V>
  static V apply(const V& x, const V& beta = V(1), const V& threshold = V(20)) {
    const V z = x * beta;
    return select(z > threshold, x, kernel::softplus(z) / beta);
  }
  /// Not times g: an elementwise operation has at most three operands.
  struct Slope : SameShape {
    static constexpr std::string_view name = "SoftplusBackward";
    template<class V>
    static V apply(const V& x, const V& beta = V(1), const V& threshold = V(20)) {
      const V z = x * beta;
      return select(z > threshold, V(1), Sigmoid::apply<V>(z));
    }
    template<class G, class Y, class X, class... Number>
    static constexpr auto vjp(G g, Y, X x, Number... number) {
      return gradients(mul(g, operation<Curvature<Softplus>>{}(x, number...)),
                       detail::none<Number>(number)...);
    }
  };
  template<class V>
  static V curvature(const V& x, const V& beta = V(1), const V& threshold = V(20)) {
    const V z = x * beta, s = Sigmoid::apply<V>(z);
    return select(z > threshold, V(0), beta * s * (V(1) - s));
  }
  template<class G, class Y, class X, class... Number>
  static constexpr auto vjp(G g, Y, X x, Number... number) {
    return gradients(mul(g, operation<Slope>{}(x, number...)), detail::none<Number>(number)...);
  }
};

/// x tanh(softplus(x))
struct Mish : Smooth<Mish> {
  static constexpr std::string_view name = "Mish";
  static constexpr std::string_view backward_name = "MishBackward0";
  static constexpr auto nodes(auto x) {
    return mul(x, operation<Tanh>{}(neg(operation<LogSigmoid>{}(neg(x)))));
  }
  template<class V>
  static V apply(const V& x) {
    return kernel::mish(x);
  }
  template<class V>
  static V slope(const V& x) {
    const V t = kernel::tanh(kernel::softplus(x));
    return t + x * Sigmoid::apply<V>(x) * (V(1) - t * t);
  }
  template<class V>
  static V curvature(const V& x) {
    const V t = kernel::tanh(kernel::softplus(x)), s = Sigmoid::apply<V>(x);
    return s * (V(1) - t * t) * (V(2) + x * (V(1) - s - V(2) * t * s));
  }
};

/// x / (1 + |x|)
struct Softsign : Smooth<Softsign> {
  static constexpr std::string_view name = "Softsign";
  static constexpr std::string_view backward_name = "DivBackward0";
  static constexpr Promotion promotion = Promotion::floating;
  static constexpr auto nodes(auto x) { return div(x, add(operation<Abs>{}(x), 1)); }
  template<class V>
  static V apply(const V& x) {
    return x / (V(1) + kernel::abs(x));
  }
  template<class V>
  static V slope(const V& x) {
    const V d = V(1) + kernel::abs(x);
    return V(1) / (d * d);
  }
  template<class V>
  static V curvature(const V& x) {
    const V d = V(1) + kernel::abs(x);
    return select(x > V(0), V(-2), V(2)) / (d * d * d);
  }
};

/// x - tanh(x)
struct Tanhshrink : Smooth<Tanhshrink> {
  static constexpr std::string_view name = "Tanhshrink";
  static constexpr std::string_view backward_name = "SubBackward0";
  static constexpr Promotion promotion = Promotion::floating;
  static constexpr auto nodes(auto x) { return sub(x, operation<Tanh>{}(x)); }
  template<class V>
  static V apply(const V& x) {
    return x - kernel::tanh(x);
  }
  template<class V>
  static V slope(const V& x) {
    const V t = kernel::tanh(x);
    return t * t;
  }
  template<class V>
  static V curvature(const V& x) {
    const V t = kernel::tanh(x);
    return V(2) * t * (V(1) - t * t);
  }
};

} // namespace ops

/// 1 / (1 + exp(-x)), torch.sigmoid.
inline constexpr operation<ops::Sigmoid> sigmoid;

namespace nn {
/// 1 / (1 + exp(-x))
inline constexpr operation<ops::Sigmoid> sigmoid;
/// log(sigmoid(x))
inline constexpr operation<ops::LogSigmoid> logsigmoid;
/// x sigmoid(x)
inline constexpr operation<ops::Silu> silu;
/// elu(x, alpha = 1)
inline constexpr operation<ops::Elu> elu;
/// scale * (max(x, 0) + min(0, alpha * (exp(x) - 1))), with the constants of Klambauer et al. 2017.
inline constexpr operation<ops::Selu> selu;
/// celu(x, alpha = 1)
inline constexpr operation<ops::Celu> celu;
/// softplus(x, beta = 1, threshold = 20)
inline constexpr operation<ops::Softplus> softplus;
/// x tanh(softplus(x))
inline constexpr operation<ops::Mish> mish;
/// x / (1 + |x|)
inline constexpr operation<ops::Softsign> softsign;
/// x - tanh(x)
inline constexpr operation<ops::Tanhshrink> tanhshrink;
} // namespace nn

} // namespace stator::inline v0_2
