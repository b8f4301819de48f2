// SPDX-License-Identifier: BSL-1.0
// cross_entropy: the loss of logits with class indices, or with probabilities, as targets.
#pragma once

#include "stator/kernel/cross_entropy.hpp"
#include "stator/ops/nll_loss.hpp"
#include "stator/ops/softmax.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// nll_loss(log_softmax(x), target) of x [N, C] with its gradient by x, which one pass gives with it: the
/// gradient [N, C] and behind it N numbers, the losses, of which the first is the mean or the sum where that
/// is wanted. `Slope` and `Loss` read the result.
template<CrossEntropyOptions Options>
struct CrossEntropyWithSlope {
  static constexpr std::string_view name = "CrossEntropy";
  using Nll = NllLoss<Options>;
  template<class X, class Target>
  static constexpr bool fits =
      X::extents.rank == 2 && X::order == 1 && kernel::vectorizable<typename X::scalar> &&
      X::extents[1] > 0 && Options.label_smoothing == 0;

  static constexpr Text type_requirement(auto... types) { return Nll::type_requirement(types...); }
  static constexpr Text requirement(const auto&... x) { return Nll::requirement(x...); }
  static constexpr Extents shape(const Extents& x, const auto&...) { return Extents(x[0], x[1] + 1); }
  static constexpr Extents gradient_shape(const Extents& y) { return Extents(y[0], y[1] - 1); }
  static constexpr int checked_operand = 1;
  template<class X, class Target, class... W>
  static void check(const typename Target::scalar* target, Index batch) {
    Nll::template check<X, Target>(target, batch);
  }
  template<class Out, class X, class Target, class... W>
  static void run(typename Out::scalar* out, const typename X::scalar* x, const std::int64_t* target,
                  const typename W::scalar*... weights, Index batch, std::byte*) {
    using T = typename X::scalar;
    check<X, Target>(target, batch);
    const Index n = X::extents.is_dynamic() ? batch : X::extents[0];
    const T* const weight = Nll::first(static_cast<const T*>(weights)...);
    const T divisor = Nll::template divisor<X>(target, weight, batch);
    T* const losses = out + n * X::extents[1];
    kernel::cross_entropy<T, X::extents[1]>::run(
        x, target,
        [&](Index i) {
          const bool counts = target[i] != Options.ignore_index;
          return std::pair(counts && weight != nullptr ? weight[target[i]] : T{1}, counts);
        },
        1 / divisor, out, losses, n);
    if constexpr (!Nll::each) {
      kernel::Total<T> total;
      for (Index i = 0; i < n; ++i) total.add(losses[i]);
      if (n > 0) losses[0] = mean_of(total.value(), divisor);
    }
  }
  template<class G, class Y, class X, class Target, class... W>
  static constexpr auto vjp(G g, Y, X, Target, W... weight) {
    return gradients(g, no_gradient, detail::none<W>(weight)...);
  }

  /// The gradient.
  struct Slope {
    static constexpr std::string_view name = "Slice";
    static constexpr bool is_view = true, is_constant = true;
    static constexpr Extents shape(const Extents& y) { return gradient_shape(y); }
  };
  /// The loss.
  struct Loss {
    static constexpr std::string_view name = "NllLoss";
    static constexpr std::string_view backward_name = "NllLossBackward0";
    static constexpr bool takes_other_gradient = true;
    static constexpr Extents shape(const Extents& y) { return Nll::each ? Extents(y[0]) : Extents(); }
    template<class Out, class Y>
    static void run(typename Out::scalar* out, const typename Y::scalar* y, Index batch, std::byte*) {
      using T = typename Out::scalar;
      const Index n = Y::extents.is_dynamic() ? batch : Y::extents[0];
      if (Nll::each || n > 0)
        std::copy_n(y + n * (Y::extents[1] - 1), Nll::each ? n : 1, out);
      else
        *out = mean_of(T{}, Nll::averaged ? T{} : T{1}); // there is no room for it
    }
    template<class G, class L, class Y>
    static constexpr auto vjp(G g, L, Y y) {
      const auto slope = operation<Slope>{}(y);
      if constexpr (Nll::each)
        return gradients(mul(reshape_to<Extents(L::extents[0], 1)>(g), slope));
      else
        return gradients(is_one(g) ? slope : mul(g, slope));
    }
    /// Whether the gradient of a loss is that of a root, which nothing has to be multiplied with.
    template<class G>
    static constexpr bool is_one(G g) {
      const graph::Builder& graph = *g.builder;
      using One = typename G::typed;
      int node = g.node;
      if (graph.signature(node).identity == &signature<Expand<Extents{}>, 0, One, One>::value)
        node = graph.operand(node, 0);
      return graph.kind(node) == graph::Kind::constant &&
             graph.nodes[static_cast<std::size_t>(node)].number == 1;
    }
  };
};

/// nll_loss(log_softmax(logits), target).
template<CrossEntropyOptions Options>
struct CrossEntropy {
  static constexpr std::string_view name = "CrossEntropy";
  static constexpr bool is_composite = true;
  template<class X, class Target, class... W>
  static constexpr auto compose(X logits, Target target, W... weight) {
    if (const std::string_view from = logits.builder->signature(logits.node).normalizer; !from.empty())
      logits.builder->fail(text("cross_entropy: the input is the result of ", from,
                                ", expected logits: leave the softmax out of the network"));
    using WithSlope = CrossEntropyWithSlope<Options>;
    if constexpr (fits<X, Target>() && !std::is_floating_point_v<typename Target::scalar> &&
                  WithSlope::template fits<X, Target>) {
      return operation<typename WithSlope::Loss>{}(operation<WithSlope>{}(logits, target, weight...));
    } else if constexpr (fits<X, Target>()) {
      const auto log_p = operation<LogSoftmax<1>>{}(logits);
      if constexpr (std::is_floating_point_v<typename Target::scalar>)
        return of_probabilities(log_p, target, weight...);
      else
        return operation<NllLoss<Options>>{}(log_p, target, weight...);
    } else {
      logits.builder->fail(misfit<X, Target>());
      return Symbol<typename X::scalar, Shape<>, X::order>{logits.builder, 0};
    }
  }

private:
  /// Why logits and target do not fit; empty when they do.
  template<class X, class Target>
  static constexpr Text misfit() {
    constexpr DType type = dtype_of<typename Target::scalar>;
    const bool is_indices = NllLoss<Options>::requirement(X::extents, Target::extents).empty();
    if (is_indices && type == DType::int64) return {};
    if (is_floating_point(type) && X::extents == Target::extents && X::extents.rank >= 2) return {};
    if (is_indices)
      return text("cross_entropy: the target ", Target::extents, " is ", to_string(type),
                  ", expected int64 class indices: convert it, stator::to<std::int64_t>(target)");
    const Text no = text("cross_entropy: input ", X::extents, " and target ", Target::extents,
                         " do not fit, expected [N, C] and [N]");
    bool are_last = X::extents.rank > 2 && Target::extents.rank + 1 == X::extents.rank;
    for (std::size_t d = 0; are_last && d < Target::extents.rank; ++d)
      are_last = X::extents[d] == Target::extents[d];
    if (!are_last) return no;
    return text(no,
                ", [N, C, L] and [N, L]: bring the classes to the second dimension, movedim<-1, 1>(input)");
  }

  template<class X, class Target>
  static consteval bool fits() {
    return misfit<X, Target>().empty();
  }

  /// -sum over the classes of p log_p; the mean is over samples.
  template<class P, class Target>
  static constexpr auto of_probabilities(P log_p, Target target) {
    constexpr double s = Options.label_smoothing;
    constexpr auto classes = static_cast<double>(P::extents[1]);
    const auto smooth = [&] {
      if constexpr (s > 0)
        return add(mul(target, 1 - s), s / classes);
      else
        return target;
    }();
    const auto product = mul(log_p, smooth);
    if constexpr (Options.reduction == Reduction::none)
      return neg(operation<Sum<false, 1>>{}(product));
    else if constexpr (Options.reduction == Reduction::sum)
      return neg(operation<Sum<false>>{}(product));
    else
      return mul(operation<Mean<false>>{}(product), -classes);
  }
};

} // namespace ops

namespace nn {

/// logits: [N, C, ...], target: [N, ...] int64 class indices, or probabilities of the logits' shape; weight:
/// [C] or left out; returns the mean, [], or as the options say. Throws ValueError at a label outside [0, C).
template<CrossEntropyOptions Options = CrossEntropyOptions{}>
constexpr auto cross_entropy(auto&& logits, auto&& target, auto&&... weight) {
  static_assert(Options.label_smoothing >= 0 && Options.label_smoothing <= 1,
                "stator: cross_entropy: label_smoothing must be between 0 and 1");
  return operation<ops::CrossEntropy<Options>>{}(std::forward<decltype(logits)>(logits),
                                                 std::forward<decltype(target)>(target),
                                                 std::forward<decltype(weight)>(weight)...);
}

} // namespace nn

} // namespace stator::inline v0_2
