// SPDX-License-Identifier: BSL-1.0
// ctc_loss: connectionist temporal classification, the loss of a sequence of labels whose places in a longer
// sequence of steps are not known.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/error.hpp"
#include "stator/core/parallel.hpp"
#include "stator/kernel/ctc.hpp"
#include "stator/ops/choice.hpp"
#include "stator/ops/loss.hpp"
#include "stator/ops/slicing.hpp"
#include "stator/ops/to.hpp"
#include "stator/ops/view.hpp"

#include <cstdint>
#include <string>

namespace stator::inline v0_2 {

namespace nn {

/// Options of ctc_loss and CTCLoss, those of torch.nn.functional.ctc_loss.
struct CTCLossOptions {
  Index blank = 0;                       ///< the class that stands for no label
  Reduction reduction = Reduction::mean; ///< mean divides each loss by its number of labels first
  bool zero_infinity = false;            ///< losses that are infinite, and their gradients, count as 0
};

} // namespace nn

namespace ops {

/// The loss of each sample, [N]: log_p [T, N, C], labels [N, S] or one after the other [S], and for each
/// sample how many steps and labels it has, [N]. Losses are computed in double.
template<Index Blank, bool ZeroInfinity>
struct CtcLosses {
  static constexpr std::string_view name = "CtcLoss";
  static constexpr Extents shape(const Extents& p, const Extents&, const Extents&, const Extents&) {
    return Extents(p[1]);
  }
  static constexpr Text type_requirement(DType p, DType labels, DType steps, DType counts) {
    if (!is_floating_point(p)) return text("ctc_loss: log_probs are ", to_string(p), ", expected logarithms");
    for (const DType t : {labels, steps, counts})
      if (is_floating_point(t) || t == DType::boolean)
        return text("ctc_loss: targets and lengths are integers, found ", to_string(t),
                    ": convert them, stator::to<std::int64_t>(x)");
    return {};
  }
  static constexpr Text requirement(const Extents& p, const Extents& labels, const Extents& steps,
                                    const Extents& counts) {
    if (p.rank != 3 || p.is_dynamic() || p[0] < 1)
      return text("ctc_loss: log_probs ", p, ", expected [T, N, C] or [T, C] with static extents");
    if (Blank < 0 || Blank >= p[2])
      return text("ctc_loss: blank is ", Blank, ", expected one of ", p[2], " classes");
    if (!(steps == Extents(p[1]) && counts == Extents(p[1])))
      return text("ctc_loss: input_lengths ", steps, " and target_lengths ", counts, ", expected ",
                  Extents(p[1]), " for log_probs ", p);
    if (labels.rank == 1 || (labels.rank == 2 && labels[0] == p[1])) return {};
    return text("ctc_loss: targets ", labels, " do not fit log_probs ", p,
                ": expected [N, S], or all labels one after the other");
  }

  STATOR_COLD static void refuse(std::string_view what, Index found, Index sample, std::string_view expected,
                                 Index limit) {
    raise(ValueError("ctc_loss: " + std::string(what) + " " + std::to_string(found) + " of sample " +
                     std::to_string(sample) + ", expected " + std::string(expected) + " " +
                     std::to_string(limit)));
  }
  /// The most labels of one sample.
  template<class L>
  static constexpr Index most_labels = L::extents.numel() == 0 ? 0 : L::extents.back();
  /// The most numbers that one sample takes in memory, but for the steps.
  template<class Number, class L>
  static constexpr std::size_t row = sizeof(Number) * static_cast<std::size_t>(2 * most_labels<L> + 1);

  /// Calls body(sample, its data) for each sample, in any order. Throws ValueError for lengths and labels out
  /// of range.
  template<class Number, class P, class L, class I, class K, class Body>
  static void for_samples(const typename P::scalar* p, const typename P::scalar* direction,
                          const typename L::scalar* labels, const typename I::scalar* steps,
                          const typename K::scalar* counts, const Body& body) {
    constexpr Index T = P::extents[0], N = P::extents[1], C = P::extents[2], all = L::extents.numel();
    constexpr bool padded = L::extents.rank == 2;
    const auto labels_of = [&](Index n, Index before) {
      return labels + (padded ? n * most_labels<L> : before);
    };
    Index before = 0;
    for (Index n = 0; n < N; ++n) {
      const auto t = static_cast<Index>(steps[n]), k = static_cast<Index>(counts[n]);
      if (t < 0 || t > T) refuse("input length", t, n, "0 to", T);
      const Index limit = padded ? most_labels<L> : all - before;
      if (k < 0 || k > limit) refuse("target length", k, n, "0 to", limit);
      for (Index i = 0; i < k; ++i)
        if (const auto c = static_cast<Index>(labels_of(n, before)[i]); c < 0 || c >= C)
          refuse("target", c, n, "a class below", C);
      before += k;
    }
    if (!padded && before != all)
      raise(ValueError("ctc_loss: the target lengths are " + std::to_string(before) +
                       " together, there are " + std::to_string(all) + " targets"));
    parallel_for(N, 1, [&](Index first, Index last, int) {
      Index start = 0;
      for (Index n = 0; n < last; ++n) {
        const auto k = static_cast<Index>(counts[n]);
        if (n >= first)
          body(n, kernel::ctc<Number, typename P::scalar, typename L::scalar>{
                      p + n * C, direction ? direction + n * C : nullptr, N * C, static_cast<Index>(steps[n]),
                      labels_of(n, start), k, Blank, C});
        start += k;
      }
    });
  }

  template<class Out, class P, class L, class I, class K>
  static constexpr Bytes scratch() {
    return Bytes{row<double, L> * static_cast<std::size_t>(P::extents[1]), 0};
  }
  template<class Out, class P, class L, class I, class K>
  static void run(typename Out::scalar* out, const typename P::scalar* p, const typename L::scalar* labels,
                  const typename I::scalar* steps, const typename K::scalar* counts, Index,
                  std::byte* space) {
    for_samples<double, P, L, I, K>(p, nullptr, labels, steps, counts, [=](Index n, const auto& sample) {
      const auto row_of = reinterpret_cast<double*>(space + static_cast<std::size_t>(n) * row<double, L>);
      const double loss = sample.loss(row_of);
      const bool left_out = ZeroInfinity && loss == -kernel::detail::log_zero;
      out[n] = static_cast<typename Out::scalar>(left_out ? 0 : loss);
    });
  }

  /// What Backward and Second share: rows of derivatives of all samples, times g [N].
  template<class Number>
  struct Derivative {
    template<class P, class L>
    static constexpr std::size_t sample_bytes = row<Number, L> * static_cast<std::size_t>(P::extents[0] + 1);
    template<class P, class L>
    static constexpr Bytes space{sample_bytes<P, L> * static_cast<std::size_t>(P::extents[1]), 0};
    template<class P, class L, class I, class K>
    static void all(auto* dx, const auto* g, const typename P::scalar* p, const typename P::scalar* direction,
                    const typename L::scalar* labels, const typename I::scalar* steps,
                    const typename K::scalar* counts, std::byte* memory) {
      std::fill_n(dx, P::extents.numel(), typename P::scalar{});
      for_samples<Number, P, L, I, K>(p, direction, labels, steps, counts, [=](Index n, const auto& sample) {
        sample.gradient(static_cast<double>(g[n]), ZeroInfinity, dx + n * P::extents[2],
                        reinterpret_cast<Number*>(memory + static_cast<std::size_t>(n) * sample_bytes<P, L>));
      });
    }
  };

  /// The gradient with respect to log_p: minus the probability that a step has a class, given the labels.
  struct Backward {
    static constexpr std::string_view name = "CtcLossBackward";
    static constexpr Extents shape(const Extents&, const Extents& p, const auto&...) { return p; }
    template<class Out, class G, class P, class L, class I, class K>
    static constexpr Bytes scratch() {
      return Derivative<double>::template space<P, L>;
    }
    template<class Out, class G, class P, class L, class I, class K>
    static void run(typename Out::scalar* dx, const typename G::scalar* g, const typename P::scalar* p,
                    const typename L::scalar* labels, const typename I::scalar* steps,
                    const typename K::scalar* counts, Index, std::byte* space) {
      Derivative<double>::template all<P, L, I, K>(dx, g, p, nullptr, labels, steps, counts, space);
    }
    template<class GG, class Y, class G, class P, class L, class I, class K>
    static constexpr auto vjp(GG gg, Y, G g, P p, L labels, I steps, K counts) {
      const auto one =
          operation<Expand<G::extents>>{}(detail::number<typename G::scalar, GG::order>(g.builder, 1));
      const auto slope = operation<Backward>{}(one, p, labels, steps, counts);
      return gradients(operation<Sum<false, 0, 2>>{}(mul(gg, slope)),
                       operation<Second>{}(gg, g, p, labels, steps, counts), no_gradient, no_gradient,
                       no_gradient);
    }
  };
  /// The second derivative of the losses times a direction [T, N, C], times g [N].
  struct Second {
    static constexpr std::string_view name = "CtcLossSecondDerivative";
    static constexpr Extents shape(const Extents& direction, const auto&...) { return direction; }
    template<class Out, class D, class G, class P, class L, class I, class K>
    static constexpr Bytes scratch() {
      return Derivative<kernel::LogInDirection>::template space<P, L>;
    }
    template<class Out, class D, class G, class P, class L, class I, class K>
    static void run(typename Out::scalar* dx, const typename D::scalar* direction,
                    const typename G::scalar* g, const typename P::scalar* p,
                    const typename L::scalar* labels, const typename I::scalar* steps,
                    const typename K::scalar* counts, Index, std::byte* space) {
      Derivative<kernel::LogInDirection>::template all<P, L, I, K>(dx, g, p, direction, labels, steps, counts,
                                                                   space);
    }
  };

  template<class G, class Y, class P, class L, class I, class K>
  static constexpr auto vjp(G g, Y, P p, L labels, I steps, K counts) {
    return gradients(operation<Backward>{}(g, p, labels, steps, counts), no_gradient, no_gradient,
                     no_gradient);
  }
};

/// CtcLosses of a batch or of one sample, reduced.
template<nn::CTCLossOptions Options>
struct CtcLoss {
  static constexpr std::string_view name = "CtcLoss";
  static constexpr bool is_composite = true;
  static constexpr std::string_view usage = "ctc_loss(log_probs, targets, input_lengths, target_lengths)";
  template<class P, class L, class I, class K>
  static constexpr auto compose(P log_p, L labels, I steps, K counts) {
    constexpr operation<CtcLosses<Options.blank, Options.zero_infinity>> losses;
    if constexpr (P::extents.rank == 2 && I::extents.rank == 0 && K::extents.rank == 0) {
      const auto counts_of_one = operation<Unsqueeze<0>>{}(counts);
      const auto loss =
          losses(operation<Unsqueeze<1>>{}(log_p), labels, operation<Unsqueeze<0>>{}(steps), counts_of_one);
      if constexpr (Options.reduction == Reduction::none)
        return operation<Squeeze<0>>{}(loss);
      else
        return reduce(loss, counts_of_one);
    } else {
      return reduce(losses(log_p, labels, steps, counts), counts);
    }
  }

private:
  template<class Loss>
  static constexpr auto reduce(const Loss& loss, const auto& counts) {
    if constexpr (Options.reduction == Reduction::none)
      return loss;
    else if constexpr (Options.reduction == Reduction::sum)
      return operation<Sum<false>>{}(loss);
    else
      return operation<Mean<false>>{}(
          div(loss, cast_to<typename Loss::scalar>(operation<ClampOne<true>>{}(counts, 1))));
  }
};

} // namespace ops

namespace nn {

/// `ctc_loss<>(log_probs, targets, input_lengths, target_lengths)`: log_probs [T, N, C], of log_softmax;
/// targets [N, S], of which the first target_lengths [N] count, or all labels one after the other in one
/// dimension; input_lengths [N]: how many of the T steps of each sample count; integers. One sample is
/// [T, C], [S], [] and []. Returns the mean over samples of the loss divided by the number of labels, [], or
/// as the options say. A sample that has no alignment has an infinite loss.
///
/// The gradient of log_probs is the derivative. That of PyTorch has exp(log_probs) more in each step, which
/// the derivative of log_softmax takes away again: of what log_softmax was called with it is the same. Throws
/// ValueError for a length or label out of range. Memory of the gradient: 8 N T (2 S + 1) bytes. Source:
/// Graves et al. 2006. torch.nn.functional.ctc_loss.
template<CTCLossOptions Options = CTCLossOptions{}>
inline constexpr operation<ops::CtcLoss<Options>> ctc_loss;

} // namespace nn

} // namespace stator::inline v0_2
