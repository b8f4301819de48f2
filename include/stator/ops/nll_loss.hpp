// SPDX-License-Identifier: BSL-1.0
// nll_loss: the loss of log-probabilities and class indices.
#pragma once

#include "stator/kernel/total.hpp"
#include "stator/ops/loss.hpp"

namespace stator::inline v0_2 {

namespace nn {

/// Options of cross_entropy and nll_loss, those of torch.nn.functional.
struct CrossEntropyOptions {
  Reduction reduction = Reduction::mean; ///< mean, sum, or a loss for each sample
  Index ignore_index = -100;             ///< the label that does not count
  double label_smoothing = 0;            ///< the part of each target that is spread over all classes, 0 to 1
};

} // namespace nn

namespace ops {

using nn::CrossEntropyOptions;

/// -w[t] log_p[i, t] for each sample i of class t. log_p [N, C, ...], target [N, ...], weight [C] or none.
/// The mean is weighted, over the samples that are not ignored. With label_smoothing s it is 1 - s of that,
/// plus the sum over all classes times s / C.
template<CrossEntropyOptions Options>
struct NllLoss {
  static constexpr std::string_view name = "NllLoss";
  static constexpr std::string_view backward_name(const Extents&, const Extents& p, const auto&...) {
    return p.rank == 2 ? "NllLossBackward0" : "NllLoss2DBackward0";
  }
  static constexpr bool each = Options.reduction == Reduction::none,
                        averaged = Options.reduction == Reduction::mean;
  static constexpr Extents shape(const Extents&, const Extents& target, const auto&...) {
    return each ? target : Extents();
  }
  static constexpr Text type_requirement(DType, DType target, std::same_as<DType> auto...) {
    if (target == DType::int64) return {};
    return text("nll_loss: the target is ", to_string(target), ", expected int64 class indices: convert it, ",
                "stator::to<std::int64_t>(target)");
  }
  static constexpr Text requirement(const Extents& p, const Extents& target) {
    bool fits = p.rank >= 2 && target.rank + 1 == p.rank;
    for (std::size_t d = 0; fits && d < target.rank; ++d) fits = target[d] == p[d == 0 ? 0 : d + 1];
    if (fits) return {};
    return text("nll_loss: input ", p, " and target ", target, " do not fit, expected [N, C] and [N]");
  }
  static constexpr Text requirement(const Extents& p, const Extents& target, const Extents& weight) {
    if (requirement(p, target).empty() && !(weight == Extents(p[1])))
      return text("nll_loss: the weight has shape ", weight, ", expected one for each of ", p[1], " classes");
    return requirement(p, target);
  }

  /// What a sample counts, 1 or the weight of its class; 0 when ignored. Throws ValueError at a label that is
  /// no class.
  template<class X>
  static typename X::scalar weight_of(std::int64_t target, Index sample, const typename X::scalar* weight) {
    if (target == Options.ignore_index) return 0;
    if (target < 0 || target >= X::extents[1])
      raise(ValueError("nll_loss: target " + std::to_string(target) + " at sample " + std::to_string(sample) +
                       " is out of bounds, there are " + std::to_string(X::extents[1]) + " classes"));
    return weight == nullptr ? typename X::scalar{1} : weight[target];
  }
  /// Calls `body(sample, element, weight)`: `element` is where class 0 of the sample lies.
  template<class X>
  static void for_samples(const std::int64_t* target, const typename X::scalar* weight, Index batch,
                          auto&& body) {
    constexpr Index classes = X::extents[1], inner = X::extents.product(2, X::extents.rank);
    const Index n = X::extents.is_dynamic() ? batch : X::extents[0];
    for (Index i = 0; i < n * inner; ++i)
      body(i, i / inner * classes * inner + i % inner, weight_of<X>(target[i], i, weight));
  }
  static constexpr int checked_operand = 1;
  template<class X, class Target, class... W>
  static void check(const typename Target::scalar* target, Index batch) {
    for_samples<X>(target, nullptr, batch, [](Index, Index, typename X::scalar) {});
  }
  /// What the sum is divided by.
  template<class X>
  static typename X::scalar divisor(const std::int64_t* target, const typename X::scalar* weight,
                                    Index batch) {
    if (!averaged) return 1;
    kernel::Total<typename X::scalar> total;
    for_samples<X>(target, weight, batch, [&](Index, Index, typename X::scalar w) { total.add(w); });
    return total.value();
  }

  template<class Out, class X, class Target, class... W>
  static void run(typename Out::scalar* out, const typename X::scalar* p, const std::int64_t* target,
                  const typename W::scalar*... weights, Index batch, std::byte*) {
    constexpr Index classes = X::extents[1], inner = X::extents.product(2, X::extents.rank);
    using T = typename X::scalar;
    [[maybe_unused]] constexpr T share = static_cast<T>(Options.label_smoothing / classes);
    const T* const weight = first(static_cast<const T*>(weights)...);
    kernel::Total<T> total;
    for_samples<X>(target, weight, batch, [&](Index i, Index at, T w) {
      kernel::Total<T> loss;
      if (target[i] != Options.ignore_index) {
        loss.add(-w * p[at + target[i] * inner] * static_cast<T>(1 - Options.label_smoothing));
        if constexpr (Options.label_smoothing > 0)
          for (Index from = 0; from < classes; from += 64) {
            T part{};
            for (Index c = from; c < std::min(from + 64, classes); ++c)
              part += p[at + c * inner] * (weight == nullptr ? T{1} : weight[c]);
            loss.add(-share * part);
          }
      }
      if constexpr (each)
        out[i] = loss.value();
      else
        total.add(loss.value());
    });
    if constexpr (!each) *out = mean_of(total.value(), divisor<X>(target, weight, batch));
  }
  template<class T>
  static const T* first(const T* w) {
    return w;
  }
  static constexpr std::nullptr_t first() { return nullptr; }

  /// The gradient with respect to log_p, whose shape the operand p gives.
  struct Backward {
    static constexpr std::string_view name = "NllLossBackward";
    static constexpr Extents shape(const Extents&, const Extents&, const Extents& p, const auto&...) {
      return p;
    }
    template<class Out, class G, class Target, class X, class... W>
    static void run(typename Out::scalar* dx, const typename G::scalar* g, const std::int64_t* target,
                    const typename X::scalar*, const typename W::scalar*... weights, Index batch,
                    std::byte*) {
      using T = typename Out::scalar;
      constexpr Index classes = X::extents[1], inner = X::extents.product(2, X::extents.rank);
      const typename X::scalar* const weight = first(static_cast<const typename X::scalar*>(weights)...);
      [[maybe_unused]] constexpr T share = static_cast<T>(Options.label_smoothing / classes);
      const T scale = 1 / divisor<X>(target, weight, batch);
      std::fill_n(dx, X::extents.numel() * (X::extents.is_dynamic() ? batch : 1), T{});
      for_samples<X>(target, weight, batch, [&](Index i, Index at, T w) {
        if (target[i] == Options.ignore_index) return;
        const T grad = -g[each ? i : 0] * scale;
        if constexpr (Options.label_smoothing > 0)
          for (Index c = 0; c < classes; ++c)
            dx[at + c * inner] = grad * share * (weight == nullptr ? T{1} : weight[c]);
        dx[at + target[i] * inner] += grad * w * static_cast<T>(1 - Options.label_smoothing);
      });
    }
    /// The loss is linear in log_p.
    template<class G2, class Y2, class G, class Target, class X, class... W>
    static constexpr auto vjp(G2 gg, Y2, G, Target target, X, W... weight) {
      return gradients(operation<NllLoss>{}(gg, target, weight...), no_gradient, no_gradient,
                       detail::none<W>(weight)...);
    }
  };
  template<class G, class Y, class X, class Target, class... W>
  static constexpr auto vjp(G g, Y, X p, Target target, W... weight) {
    return gradients(operation<Backward>{}(g, target, p, weight...), no_gradient, detail::none<W>(weight)...);
  }
};

} // namespace ops

namespace nn {

/// log_p: [N, C, ...] log-probabilities, target: [N, ...] int64 class indices, weight: [C] or left out;
/// returns the mean, [] (or as the options say: `nll_loss<CrossEntropyOptions{.reduction =
/// Reduction::sum}>`). Throws ValueError at a label outside [0, C).
template<CrossEntropyOptions Options = CrossEntropyOptions{}>
constexpr auto nll_loss(auto&& log_p, auto&& target, auto&&... weight) {
  static_assert(Options.label_smoothing == 0, "stator: nll_loss has no label_smoothing, cross_entropy has");
  return operation<ops::NllLoss<Options>>{}(std::forward<decltype(log_p)>(log_p),
                                            std::forward<decltype(target)>(target),
                                            std::forward<decltype(weight)>(weight)...);
}

} // namespace nn

} // namespace stator::inline v0_2
