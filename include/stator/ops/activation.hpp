// SPDX-License-Identifier: BSL-1.0
// Piecewise linear activation functions, elementwise: relu and its relatives. The smooth ones are in
// ops/smooth_activation.hpp.
#pragma once

#include "stator/ops/unary.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// 0 where y <= 0, otherwise g: the derivative of relu and its relatives. A NaN keeps its gradient, as in
/// PyTorch.
struct ThresholdBackward : SameShape {
  static constexpr std::string_view name = "ThresholdBackward";
  template<class... X>
  static constexpr graph::Finish finish = sizeof...(X) == 2 ? graph::Finish::cut : graph::Finish::none;
  template<class V>
  static V apply(const V& g, const V& y) {
    return select(y <= V(0), V(0), g);
  }
  template<class V>
  static V apply(const V& g, const V& x, const V& threshold) {
    return select(x <= threshold, V(0), g);
  }
  template<class G2, class Y2, class G, class... X>
  static constexpr auto vjp(G2 gg, Y2, G, X... x) {
    return gradients(operation<ThresholdBackward>{}(gg, x...), detail::none<X>(x)...);
  }
};

/// max(x, 0); NaN stays NaN.
struct Relu : SameShape {
  static constexpr std::string_view name = "Relu";
  static constexpr std::string_view backward_name = "ReluBackward0";
  template<class X>
  static constexpr graph::Finish finish = graph::Finish::relu;
  static constexpr Promotion promotion = Promotion::numeric;
  template<class V>
  static V apply(const V& x) {
    return kernel::relu(x);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X) {
    return gradients(operation<ThresholdBackward>{}(g, y));
  }
};

/// x where x > threshold, otherwise value.
struct Threshold : SameShape {
  static constexpr std::string_view name = "Threshold";
  static constexpr std::string_view backward_name = "ThresholdBackward0";
  static constexpr Promotion promotion = Promotion::numeric;
  template<class V>
  static V apply(const V& x, const V& threshold, const V& value) {
    return select(x <= threshold, value, x);
  }
  template<class G, class Y, class X, class T, class W>
  static constexpr auto vjp(G g, Y, X x, T threshold, W) {
    return gradients(operation<ThresholdBackward>{}(g, x, threshold), no_gradient, no_gradient);
  }
};

/// x where x > 0, otherwise slope * x.
struct LeakyRelu : SameShape {
  static constexpr std::string_view name = "LeakyRelu";
  static constexpr std::string_view backward_name = "LeakyReluBackward0";
  template<class V>
  static V apply(const V& x, const V& slope = constant<V>(0.01)) {
    return select(x > V(0), x, slope * x);
  }
  struct Backward : SameShape {
    static constexpr std::string_view name = "LeakyReluBackward";
    template<class V>
    static V apply(const V& g, const V& x, const V& slope = constant<V>(0.01)) {
      return select(x > V(0), g, slope * g);
    }
    template<class G2, class Y2, class G, class X, class... Slope>
    static constexpr auto vjp(G2 gg, Y2, G, X x, Slope... slope) {
      return gradients(operation<Backward>{}(gg, x, slope...), no_gradient, detail::none<Slope>(slope)...);
    }
  };
  template<class G, class Y, class X, class... Slope>
  static constexpr auto vjp(G g, Y, X x, Slope... slope) {
    return gradients(operation<Backward>{}(g, x, slope...), detail::none<Slope>(slope)...);
  }
};

/// As leaky_relu, the slope is a tensor that broadcasts and is learned.
struct Prelu {
  static constexpr std::string_view name = "Prelu";
  static constexpr std::string_view backward_name = "PreluBackward0";
  static constexpr Extents shape(const Extents& x, const Extents&) { return x; }
  static constexpr Text requirement(const Extents& x, const Extents& weight) {
    if (broadcast(x, weight) == x && broadcast_requirement(name, x, weight).empty()) return {};
    return text("prelu: a weight of shape ", weight, " does not broadcast to ", x);
  }
  template<class V>
  static V apply(const V& x, const V& weight) {
    return select(x > V(0), x, weight * x);
  }
  /// g where x <= 0
  template<class G, class X>
  static constexpr auto below(G g, X x) {
    return sub(g, operation<ThresholdBackward>{}(g, x));
  }
  struct Backward : SameShape {
    static constexpr std::string_view name = "PreluBackward";
    template<class V>
    static V apply(const V& g, const V& x, const V& weight) {
      return select(x > V(0), g, weight * g);
    }
    template<class G2, class Y2, class G, class X, class W>
    static constexpr auto vjp(G2 gg, Y2, G g, X x, W weight) {
      return gradients(operation<Backward>{}(gg, x, weight), no_gradient,
                       sum_to<typename W::typed>(mul(gg, below(g, x))));
    }
  };
  template<class G, class Y, class X, class W>
  static constexpr auto vjp(G g, Y, X x, W weight) {
    return gradients(operation<Backward>{}(g, x, weight), sum_to<typename W::typed>(mul(below(g, x), x)));
  }
};

/// x clamped to [min, max], -1 and 1 by default.
struct Hardtanh : SameShape {
  static constexpr std::string_view name = "Hardtanh";
  static constexpr std::string_view backward_name = "HardtanhBackward0";
  static constexpr Promotion promotion = Promotion::numeric;
  template<class V>
  static V apply(const V& x, const V& min = V(-1), const V& max = V(1)) {
    return select(x < min, min, select(x > max, max, x));
  }
  /// 1 inside of the interval, 0 outside.
  struct Inside : SameShape {
    static constexpr bool is_constant = true;
    static constexpr std::string_view name = "Inside";
    template<class V>
    static V apply(const V& x, const V& min = V(-1), const V& max = V(1)) {
      return select(x <= min, V(0), select(x >= max, V(0), V(1)));
    }
  };
  template<class G, class Y, class X, class... Bound>
  static constexpr auto vjp(G g, Y, X x, Bound... bound) {
    return gradients(mul(g, operation<Inside>{}(x, bound...)), detail::none<Bound>(bound)...);
  }
};

/// min(max(x, 0), 6).
struct Relu6 : SameShape {
  static constexpr std::string_view name = "Relu6";
  static constexpr std::string_view backward_name = "HardtanhBackward0";
  static constexpr Promotion promotion = Promotion::numeric;
  template<class V>
  static V apply(const V& x) {
    return Hardtanh::apply<V>(x, V(0), V(6));
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    return gradients(mul(g, operation<Hardtanh::Inside>{}(x, 0, 6)));
  }
};

/// relu6(x + 3) / 6
struct Hardsigmoid : SameShape {
  static constexpr std::string_view name = "Hardsigmoid";
  static constexpr std::string_view backward_name = "HardsigmoidBackward0";
  template<class V>
  static V apply(const V& x) {
    return Relu6::apply<V>(x + V(3)) / V(6);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    return gradients(div(mul(g, operation<Hardtanh::Inside>{}(x, -3, 3)), 6));
  }
};

/// x relu6(x + 3) / 6
struct Hardswish : SameShape {
  static constexpr std::string_view name = "Hardswish";
  static constexpr std::string_view backward_name = "HardswishBackward0";
  template<class V>
  static V apply(const V& x) {
    return x * Relu6::apply<V>(x + V(3)) / V(6);
  }
  struct Backward : SameShape {
    static constexpr std::string_view name = "HardswishBackward";
    template<class V>
    static V apply(const V& g, const V& x) {
      return select(x < V(-3), V(0), select(x < V(3), g * (x / V(3) + constant<V>(0.5)), g));
    }
    template<class G2, class Y2, class G, class X>
    static constexpr auto vjp(G2 gg, Y2, G g, X x) {
      return gradients(operation<Backward>{}(gg, x),
                       div(mul(mul(gg, g), operation<Hardtanh::Inside>{}(x, -3, 3)), 3));
    }
  };
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X x) {
    return gradients(operation<Backward>{}(g, x));
  }
};

/// x - lambda above lambda, x + lambda below -lambda, otherwise 0.
struct Softshrink : SameShape {
  static constexpr std::string_view name = "Softshrink";
  static constexpr std::string_view backward_name = "SoftshrinkBackward0";
  template<class V>
  static V apply(const V& x, const V& lambda = constant<V>(0.5)) {
    return select(x > lambda, x - lambda, select(x < -lambda, x + lambda, x * V(0)));
  }
  /// g outside of [-lambda, lambda].
  struct Backward : SameShape {
    static constexpr std::string_view name = "SoftshrinkBackward";
    template<class V>
    static V apply(const V& g, const V& x, const V& lambda = constant<V>(0.5)) {
      return select(x < -lambda, g, select(x <= lambda, V(0), g));
    }
    template<class G2, class Y2, class G, class X, class... Lambda>
    static constexpr auto vjp(G2 gg, Y2, G, X x, Lambda... lambda) {
      return gradients(operation<Backward>{}(gg, x, lambda...), no_gradient, detail::none<Lambda>(lambda)...);
    }
  };
  template<class G, class Y, class X, class... Lambda>
  static constexpr auto vjp(G g, Y, X x, Lambda... lambda) {
    return gradients(operation<Backward>{}(g, x, lambda...), detail::none<Lambda>(lambda)...);
  }
};

/// x outside of [-lambda, lambda], otherwise 0.
struct Hardshrink : SameShape {
  static constexpr std::string_view name = "Hardshrink";
  static constexpr std::string_view backward_name = "HardshrinkBackward0";
  template<class V>
  static V apply(const V& x, const V& lambda = constant<V>(0.5)) {
    return select(x < -lambda, x, select(x <= lambda, V(0), x)); // NaN stays NaN
  }
  template<class G, class Y, class X, class... Lambda>
  static constexpr auto vjp(G g, Y, X x, Lambda... lambda) {
    return gradients(operation<Softshrink::Backward>{}(g, x, lambda...), detail::none<Lambda>(lambda)...);
  }
};

} // namespace ops

namespace nn {
/// max(x, 0)
inline constexpr operation<ops::Relu> relu;
/// min(max(x, 0), 6)
inline constexpr operation<ops::Relu6> relu6;
/// leaky_relu(x, negative_slope = 0.01)
inline constexpr operation<ops::LeakyRelu> leaky_relu;
/// prelu(x, weight): weight broadcasts to x, [C, 1, 1] for images.
inline constexpr operation<ops::Prelu> prelu;
/// threshold(x, threshold, value)
inline constexpr operation<ops::Threshold> threshold;
/// hardtanh(x, min_val = -1, max_val = 1)
inline constexpr operation<ops::Hardtanh> hardtanh;
/// relu6(x + 3) / 6.
inline constexpr operation<ops::Hardsigmoid> hardsigmoid;
/// x relu6(x + 3) / 6.
inline constexpr operation<ops::Hardswish> hardswish;
/// softshrink(x, lambd = 0.5)
inline constexpr operation<ops::Softshrink> softshrink;
/// hardshrink(x, lambd = 0.5)
inline constexpr operation<ops::Hardshrink> hardshrink;
} // namespace nn

} // namespace stator::inline v0_2
