// SPDX-License-Identifier: BSL-1.0
// Losses between two tensors of one shape: mse, l1, smooth l1, huber, binary cross entropy, Kullback-Leibler.
#pragma once

#include "stator/ops/reduce.hpp"
#include "stator/ops/unary.hpp"

namespace stator::inline v0_2 {

namespace nn {
/// What a loss does with its elements.
enum class Reduction { mean, sum, none };
} // namespace nn

namespace ops {

using nn::Reduction;

/// Sum or Mean as the end of a loss that is one operation in PyTorch: its grad_fn is that of the loss.
template<class Reduce, class Elements>
struct LossReduction : Reduce {
  static constexpr std::string_view backward_name = Elements::backward_name;
};

/// The elements x of a loss, reduced.
template<Reduction R, class Elements, class X>
constexpr auto reduce_loss(const X& x) {
  if constexpr (R == Reduction::none) {
    return x;
  } else {
    using Reduce = std::conditional_t<R == Reduction::mean, Mean<false>, Sum<false>>;
    using Named = std::conditional_t<Elements::is_one_operation, LossReduction<Reduce, Elements>, Reduce>;
    return operation<Named>{}(x);
  }
}

/// What the elements of losses have in common: input and target have one shape, for a broadcast would be a
/// mistake.
template<class Elements>
struct LossElements : SameShape {
  /// Whether PyTorch has the loss as one operation, reduction included.
  static constexpr bool is_one_operation = true;
  static constexpr Text requirement(const Extents& x, const Extents& target, const auto&...) {
    if (x == target) return {};
    return text(function_name(Elements::name), ": input ", x, " and target ", target,
                " must have the same shape");
  }
};

/// (x - t)^2
struct MseElements : LossElements<MseElements> {
  static constexpr std::string_view name = "MseLoss";
  static constexpr std::string_view backward_name = "MseLossBackward0";
  template<class V>
  static V apply(const V& x, const V& t) {
    return (x - t) * (x - t);
  }
  template<class G, class Y, class X, class T>
  static constexpr auto vjp(G g, Y, X x, T t) {
    const auto dx = mul(mul(g, 2), sub(x, t));
    return gradients(dx, neg(dx));
  }
};

/// |x - t|
struct L1Elements : LossElements<L1Elements> {
  static constexpr std::string_view name = "L1Loss";
  static constexpr std::string_view backward_name = "AbsBackward0";
  static constexpr bool is_one_operation = false;
  template<class V>
  static V apply(const V& x, const V& t) {
    return kernel::abs(x - t);
  }
  template<class G, class Y, class X, class T>
  static constexpr auto vjp(G g, Y, X x, T t) {
    const auto dx = mul(g, operation<Sign>{}(sub(x, t)));
    return gradients(dx, neg(dx));
  }
};

/// Half the square below Width, linear beyond: huber_loss; smooth_l1_loss is the same divided by Width.
template<double Width, bool Smooth>
struct HuberElements : LossElements<HuberElements<Width, Smooth>> {
  static constexpr std::string_view name = Smooth ? "SmoothL1Loss" : "HuberLoss";
  static constexpr std::string_view backward_name = Smooth ? "SmoothL1LossBackward0" : "HuberLossBackward0";
  static constexpr double scale = Smooth ? 1 / Width : 1;
  template<class V>
  static V apply(const V& x, const V& t) {
    const V z = kernel::abs(x - t), width = constant<V>(Width);
    return constant<V>(scale) *
           select(z < width, constant<V>(0.5) * z * z, width * (z - constant<V>(0.5 * Width)));
  }
  struct Backward : SameShape {
    static constexpr std::string_view name = "HuberLossBackward";
    template<class V>
    static V apply(const V& g, const V& x, const V& t) {
      const V width = constant<V>(Width), z = x - t;
      return g * constant<V>(scale) * select(z < -width, -width, select(z > width, width, z));
    }
    template<class G2, class Y2, class G, class X, class T>
    static constexpr auto vjp(G2 gg, Y2, G g, X x, T t) {
      const auto dx = mul(mul(mul(gg, g), scale), operation<Near>{}(x, t));
      return gradients(operation<Backward>{}(gg, x, t), dx, neg(dx));
    }
  };
  /// 1 in the quadratic part
  struct Near : SameShape {
    static constexpr bool is_constant = true;
    static constexpr std::string_view name = "HuberNear";
    template<class V>
    static V apply(const V& x, const V& t) {
      return select(kernel::abs(x - t) < constant<V>(Width), V(1), V(0));
    }
  };
  template<class G, class Y, class X, class T>
  static constexpr auto vjp(G g, Y, X x, T t) {
    const auto dx = operation<Backward>{}(g, x, t);
    return gradients(dx, neg(dx));
  }
};

/// -(t log(x) + (1 - t) log(1 - x)) for probabilities x; logarithms are clamped at -100.
struct BceElements : LossElements<BceElements> {
  static constexpr std::string_view name = "BinaryCrossEntropy";
  static constexpr std::string_view backward_name = "BinaryCrossEntropyBackward0";
  template<class V>
  static V log_cut(const V& x) {
    const V y = kernel::log(x);
    return select(y < V(-100), V(-100), y);
  }
  template<class V>
  static V apply(const V& x, const V& t) {
    return (t - V(1)) * log_cut(V(1) - x) - t * log_cut(x);
  }
  /// g (x - t) / max(x (1 - x), 1e-12)
  struct Backward : SameShape {
    static constexpr std::string_view name = "BinaryCrossEntropyBackward";
    template<class V>
    static V apply(const V& g, const V& x, const V& t) {
      const V spread = x * (V(1) - x), least = constant<V>(1e-12);
      return g * (x - t) / select(spread < least, least, spread);
    }
    template<class G2, class Y2, class G, class X, class T>
    static constexpr auto vjp(G2 gg, Y2, G g, X x, T t) {
      const auto spread = mul(x, sub(1, x)), each = div(mul(gg, g), spread);
      // by x: g (x^2 - 2 x t + t) / (x (1 - x))^2
      const auto top = add(mul(x, sub(x, mul(t, 2))), t);
      return gradients(operation<Backward>{}(gg, x, t), mul(each, div(top, spread)), neg(each));
    }
  };
  template<class G, class Y, class X, class T>
  static constexpr auto vjp(G g, Y, X x, T t) {
    return gradients(operation<Backward>{}(g, x, t),
                     mul(g, sub(operation<Log>{}(sub(1, x)), operation<Log>{}(x))));
  }
};

/// The same of sigmoid(x), for logits x. A third operand weighs the positive part.
struct BceLogitsElements : LossElements<BceLogitsElements> {
  static constexpr std::string_view name = "BinaryCrossEntropyWithLogits";
  static constexpr std::string_view backward_name = "BinaryCrossEntropyWithLogitsBackward0";
  template<class V>
  static V apply(const V& x, const V& t, const V& positive = V(1)) {
    // (1 - t) x + (1 + (p - 1) t) log(1 + exp(-x)), without overflow
    const V soft = kernel::softplus(-x);
    return (V(1) - t) * x + (V(1) + (positive - V(1)) * t) * soft;
  }
  /// The derivative by x.
  struct Slope : SameShape {
    static constexpr std::string_view name = "BinaryCrossEntropyWithLogitsBackward";
    template<class V>
    static V apply(const V& x, const V& t, const V& positive = V(1)) {
      const V s = kernel::sigmoid(x);
      return (V(1) - t) * s + positive * t * (s - V(1));
    }
    template<class G, class Y, class X, class T, class... P>
    static constexpr auto vjp(G g, Y, X x, T t, P... positive) {
      return gradients(mul(g, operation<Curvature>{}(x, t, positive...)), no_gradient,
                       detail::none<P>(positive)...);
    }
  };
  /// The second derivative by x.
  struct Curvature : SameShape {
    static constexpr std::string_view name = "BinaryCrossEntropyWithLogitsCurvature";
    template<class V>
    static V apply(const V& x, const V& t, const V& positive = V(1)) {
      const V s = kernel::sigmoid(x);
      return s * (V(1) - s) * (V(1) + (positive - V(1)) * t);
    }
  };
  template<class G, class Y, class X, class T, class... P>
  static constexpr auto vjp(G g, Y, X x, T t, P... positive) {
    return gradients(mul(g, operation<Slope>{}(x, t, positive...)), no_gradient,
                     detail::none<P>(positive)...);
  }
};

/// t (log(t) - x) for log-probabilities x, 0 where t is 0; with Log the target is a logarithm as well.
template<bool Log>
struct KlElements : LossElements<KlElements<Log>> {
  static constexpr std::string_view name = "KlDiv";
  static constexpr std::string_view backward_name = "SubBackward0";
  static constexpr bool is_one_operation = false;
  template<class V>
  static V apply(const V& x, const V& t) {
    if constexpr (Log)
      return kernel::exp(t) * (t - x);
    else
      return select(t > V(0), t * (kernel::log(t) - x), V(0));
  }
  template<class G, class Y, class X, class T>
  static constexpr auto vjp(G g, Y, X, T t) {
    if constexpr (Log)
      return gradients(neg(mul(g, operation<Exp>{}(t))), no_gradient);
    else
      return gradients(neg(mul(g, t)), no_gradient);
  }
};

/// An elementwise loss, then its reduction. With Weighted the last operand multiplies the elements.
template<class Elements, Reduction R, bool Weighted = false>
struct Loss {
  static constexpr std::string_view name = Elements::name;
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr bool is_composite = true;
  template<class X, class T, class... More>
  static constexpr auto compose(X x, T target, More... more) {
    if constexpr (fits<X, T>()) {
      if constexpr (Weighted)
        return weighed(std::make_index_sequence<sizeof...(More) - 1>{}, x, target, std::tuple(more...));
      else
        return reduce_loss<R, Elements>(operation<Elements>{}(x, target, more...));
    } else {
      x.builder->fail(Elements::requirement(X::extents, T::extents));
      return reduce_loss<R, Elements>(x);
    }
  }

private:
  template<class X, class T>
  static consteval bool fits() {
    return Elements::requirement(X::extents, T::extents).empty();
  }
  template<std::size_t... I>
  static constexpr auto weighed(std::index_sequence<I...>, auto x, auto target, auto more) {
    return reduce_loss<R, Elements>(
        mul(operation<Elements>{}(x, target, std::get<I>(more)...), std::get<sizeof...(I)>(more)));
  }
};

} // namespace ops

namespace nn {

/// mean((x - target)^2)
template<Reduction R = Reduction::mean>
constexpr auto mse_loss(auto&& x, auto&& target) {
  return operation<ops::Loss<ops::MseElements, R>>{}(std::forward<decltype(x)>(x),
                                                     std::forward<decltype(target)>(target));
}
/// mean(|x - target|)
template<Reduction R = Reduction::mean>
constexpr auto l1_loss(auto&& x, auto&& target) {
  return operation<ops::Loss<ops::L1Elements, R>>{}(std::forward<decltype(x)>(x),
                                                    std::forward<decltype(target)>(target));
}
/// Quadratic below Beta, linear beyond, continuous; l1_loss where Beta is 0.
template<Reduction R = Reduction::mean, double Beta = 1.0>
constexpr auto smooth_l1_loss(auto&& x, auto&& target) {
  if constexpr (Beta == 0)
    return l1_loss<R>(std::forward<decltype(x)>(x), std::forward<decltype(target)>(target));
  else
    return operation<ops::Loss<ops::HuberElements<Beta, true>, R>>{}(std::forward<decltype(x)>(x),
                                                                     std::forward<decltype(target)>(target));
}
/// Half the square below Delta, linear beyond.
template<Reduction R = Reduction::mean, double Delta = 1.0>
constexpr auto huber_loss(auto&& x, auto&& target) {
  return operation<ops::Loss<ops::HuberElements<Delta, false>, R>>{}(std::forward<decltype(x)>(x),
                                                                     std::forward<decltype(target)>(target));
}
/// x: probabilities, target: 0 to 1; `weight` (optional, broadcast to x) multiplies the elements.
template<Reduction R = Reduction::mean>
constexpr auto binary_cross_entropy(auto&& x, auto&& target, auto&&... weight) {
  static_assert(sizeof...(weight) < 2, "stator: binary_cross_entropy: input, target and weight");
  return operation<ops::Loss<ops::BceElements, R, (sizeof...(weight) > 0)>>{}(
      std::forward<decltype(x)>(x), std::forward<decltype(target)>(target),
      std::forward<decltype(weight)>(weight)...);
}
/// x: logits, target: 0 to 1; `pos_weight` (broadcast to x, may be 1) weighs the positive part, `weight`
/// (broadcast to x) multiplies the elements; both or the last may be left out.
template<Reduction R = Reduction::mean>
constexpr auto binary_cross_entropy_with_logits(auto&& x, auto&& target, auto&&... pos_weight_and_weight) {
  static_assert(sizeof...(pos_weight_and_weight) < 3,
                "stator: binary_cross_entropy_with_logits: input, target, pos_weight and weight");
  return operation<ops::Loss<ops::BceLogitsElements, R, (sizeof...(pos_weight_and_weight) > 1)>>{}(
      std::forward<decltype(x)>(x), std::forward<decltype(target)>(target),
      std::forward<decltype(pos_weight_and_weight)>(pos_weight_and_weight)...);
}
/// x: log-probabilities, target: probabilities, or their logarithms with LogTarget. As in PyTorch, "mean" is
/// over all elements; the mathematical value is the sum divided by the batch.
template<Reduction R = Reduction::mean, bool LogTarget = false>
constexpr auto kl_div(auto&& x, auto&& target) {
  return operation<ops::Loss<ops::KlElements<LogTarget>, R>>{}(std::forward<decltype(x)>(x),
                                                               std::forward<decltype(target)>(target));
}

} // namespace nn

} // namespace stator::inline v0_2
