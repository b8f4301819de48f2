// SPDX-License-Identifier: BSL-1.0
// Losses of scores for classes, with margins: multi_margin_loss, multilabel_margin_loss and
// multilabel_soft_margin_loss.
#pragma once

#include "stator/ops/activation.hpp"
#include "stator/ops/cumsum.hpp"
#include "stator/ops/index.hpp"
#include "stator/ops/pair_loss.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// The sum of max(0, margin - x[n, target] + x[n, i])^P over i other than the target, times the target's
/// weight, divided by C.
template<Reduction R, int P, double Margin>
struct MultiMarginLoss {
  static_assert(P == 1 || P == 2, "stator: multi_margin_loss: p is 1 or 2");
  static constexpr std::string_view name = "MultiMarginLoss";
  static constexpr bool is_composite = true;
  template<class X, class T, class... W>
    requires(sizeof...(W) < 2)
  static constexpr auto compose(X x, T target, W... weight) {
    constexpr Extents e = X::extents;
    if constexpr (e.rank == 1 && T::extents.rank == 0) {
      const auto one = compose(operation<Unsqueeze<0>>{}(x), operation<Unsqueeze<0>>{}(target), weight...);
      return reshape_to<Extents{}>(one);
    } else if constexpr (e.rank == 2 && T::extents == Extents(e[0]) &&
                         ((W::extents == Extents(e[1])) && ...)) {
      const auto at = operation<Unsqueeze<1>>{}(target);
      const auto shifted = add(sub(x, operation<Gather<1>>{}(x, at)), Margin);
      const auto hinge = operation<ClampOne<true>>{}(shifted, 0);
      const auto others = operation<ScatterAny<1>>{}(detail::filled<e>(x, 1), at, 0);
      const auto each = [&] {
        if constexpr (P == 1)
          return mul(hinge, others);
        else
          return mul(mul(hinge, hinge), others);
      }();
      const auto loss = div(operation<Sum<false, 1>>{}(each), static_cast<double>(e[1]));
      return detail::reduce_pairs<R>((loss * ... * operation<IndexSelect<0>>{}(weight, target)));
    } else {
      x.builder->fail(text("multi_margin_loss: input ", e, " and target ", T::extents,
                           ": expected [N, C] and [N], and a weight for each class"));
      return detail::reduce_pairs<R>(x);
    }
  }
};

/// The sum of max(0, 1 - x[n, j] + x[n, i]) over the targets j before the first -1 and the classes i that are
/// none of them, divided by C.
template<Reduction R>
struct MultiLabelMarginLoss {
  static constexpr std::string_view name = "MultilabelMarginLoss";
  static constexpr bool is_composite = true;
  template<class X, class T>
  static constexpr auto compose(X x, T target) {
    constexpr Extents e = X::extents;
    if constexpr (e == T::extents && e.rank == 1) {
      const auto one = compose(operation<Unsqueeze<0>>{}(x), operation<Unsqueeze<0>>{}(target));
      return reshape_to<Extents{}>(one);
    } else if constexpr (e == T::extents && e.rank == 2) {
      // a target counts if no number up to it is negative
      const auto ends = operation<Cumsum<1>>{}(operation<Mask<Comparison::lt>>{}(target, 0));
      const auto counts = cast_to<typename X::scalar>(operation<Mask<Comparison::eq>>{}(ends, 0));
      const auto label = operation<ClampOne<true>>{}(target, 0);
      const auto hits = operation<Scatter<1, Scattering::add>>{}(detail::filled<e>(x, 0), label, counts);
      const auto others = operation<Mask<Comparison::eq>>{}(hits, 0);
      const auto of_target = operation<Unsqueeze<2>>{}(operation<Gather<1>>{}(x, label));
      const auto hinge = operation<Relu>{}(sub(add(operation<Unsqueeze<1>>{}(x), 1), of_target));
      const auto each = mul(mul(hinge, operation<Unsqueeze<2>>{}(counts)), operation<Unsqueeze<1>>{}(others));
      return detail::reduce_pairs<R>(div(operation<Sum<false, 1, 2>>{}(each), static_cast<double>(e[1])));
    } else {
      x.builder->fail(text("multilabel_margin_loss: input ", e, " and target ", T::extents,
                           ": expected [N, C] and [N, C], or [C] and [C]"));
      return detail::reduce_pairs<R>(x);
    }
  }
};

/// -(t log(sigmoid(x)) + (1 - t) log(1 - sigmoid(x))), weighed, averaged over the classes, which are the last
/// dimension.
template<Reduction R>
struct MultiLabelSoftMarginLoss : PairComposite {
  static constexpr std::string_view name = "MultilabelSoftMarginLoss";
  template<class X, class T, class... W>
    requires(sizeof...(W) < 2)
  static constexpr auto compose(X x, T target, W... weight) {
    if constexpr (X::extents == T::extents && X::extents.rank > 0) {
      constexpr operation<LogSigmoid> log_sigmoid;
      const auto each = neg(add(mul(target, log_sigmoid(x)), mul(sub(1, target), log_sigmoid(neg(x)))));
      return detail::reduce_pairs<R>(operation<Mean<false, -1>>{}((each * ... * weight)));
    } else {
      x.builder->fail(text("multilabel_soft_margin_loss: input ", X::extents, " and target ", T::extents,
                           " must have the same shape, [N, C]"));
      return detail::reduce_pairs<R>(x);
    }
  }
};

} // namespace ops

namespace nn {

/// `multi_margin_loss<>(x, target)` or with a weight [C]: x [N, C], target [N] int64 classes; [C] and [] are
/// one sample. P is 1 or 2. Throws ValueError at a target that is no class.
/// torch.nn.functional.multi_margin_loss.
template<Reduction R = Reduction::mean, int P = 1, double Margin = 1.0>
inline constexpr operation<ops::MultiMarginLoss<R, P, Margin>> multi_margin_loss;
/// `multilabel_margin_loss<>(x, target)`: x [N, C], target [N, C] int64: the classes of each sample, which -1
/// ends; [C] and [C] are one sample. Memory is N C^2. Throws ValueError at a target that is no class.
/// torch.nn.functional.multilabel_margin_loss.
template<Reduction R = Reduction::mean>
inline constexpr operation<ops::MultiLabelMarginLoss<R>> multilabel_margin_loss;
/// `multilabel_soft_margin_loss<>(x, target)` or with a weight (broadcast): x [N, C], target [N, C] of 0 and
/// 1. torch.nn.functional.multilabel_soft_margin_loss.
template<Reduction R = Reduction::mean>
inline constexpr operation<ops::MultiLabelSoftMarginLoss<R>> multilabel_soft_margin_loss;

} // namespace nn

} // namespace stator::inline v0_2
