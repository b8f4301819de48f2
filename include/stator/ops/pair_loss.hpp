// SPDX-License-Identifier: BSL-1.0
// Distances between rows and the losses that are made of operations on pairs: pairwise_distance,
// cosine_similarity; ranking, hinge, triplet, cosine embedding, soft margin, Poisson and Gaussian likelihood.
#pragma once

#include "stator/ops/choice.hpp"
#include "stator/ops/detach.hpp"
#include "stator/ops/extremum.hpp"
#include "stator/ops/loss.hpp"
#include "stator/ops/pow.hpp"
#include "stator/ops/slicing.hpp"
#include "stator/ops/smooth_activation.hpp"
#include "stator/ops/statistics.hpp"

namespace stator::inline v0_2 {

namespace ops {

namespace detail {
/// The reduction of a loss that PyTorch has as several operations.
template<Reduction R>
constexpr auto reduce_pairs(const auto& x) {
  if constexpr (R == Reduction::none)
    return x;
  else
    return operation<std::conditional_t<R == Reduction::mean, Mean<false>, Sum<false>>>{}(x);
}
/// x, but not below a bound; the gradient is that of x everywhere.
constexpr auto raised(const auto& x, double bound) {
  return add(x, operation<Detach>{}(sub(operation<ClampOne<true>>{}(x, bound), x)));
}
/// a where the target is `value`, otherwise 0.
template<Comparison C>
constexpr auto where_target(const auto& target, double value, const auto& a) {
  return operation<Choose>{}(operation<Mask<C>>{}(target, value), a, 0);
}
} // namespace detail

/// What the losses of pairs have in common: operands of several types are taken as floating-point numbers.
struct PairComposite {
  static constexpr Promotion promotion = Promotion::floating;
  static constexpr bool is_composite = true;
};

/// The p-norm of x1 - x2 + eps over the last dimension; P may be infinity. The gradient of a distance of 0 is
/// 0.
template<double P, double Eps, bool Keep>
struct PairwiseDistance : PairComposite {
  static constexpr std::string_view name = "PairwiseDistance";
  static constexpr auto compose(auto x1, auto x2) {
    return operation<Norm<P, Keep, -1>>{}(add(sub(x1, x2), Eps));
  }
};

/// x1 . x2 / (|x1| |x2|) along Dim, with norms of at least Eps.
template<Index Dim, double Eps>
struct CosineSimilarity : PairComposite {
  static constexpr std::string_view name = "CosineSimilarity";
  static constexpr auto compose(auto x1, auto x2) {
    return operation<Sum<false, Dim>>{}(mul(unit(x1), unit(x2)));
  }
  static constexpr auto unit(auto x) {
    const auto square = detail::raised(operation<Sum<true, Dim>>{}(mul(x, x)), Eps * Eps);
    return div(x, operation<Sqrt>{}(square));
  }
};

/// 1 - cos where the target is 1, max(0, cos - margin) where it is -1.
template<Reduction R, double Margin>
struct CosineEmbeddingLoss : PairComposite {
  static constexpr std::string_view name = "CosineEmbeddingLoss";
  template<class X1, class X2, class T>
  static constexpr auto compose(X1 x1, X2 x2, T target) {
    constexpr Extents e = X1::extents;
    if constexpr (e == X2::extents && e.rank == T::extents.rank + 1 && e.rank > 0 && e.rank < 3 &&
                  (e.rank == 1 || e[0] == T::extents[0])) {
      const auto dot = [](const auto& a, const auto& b) { return operation<Sum<false, -1>>{}(mul(a, b)); };
      const auto cos =
          div(dot(x1, x2), operation<Sqrt>{}(mul(add(dot(x1, x1), epsilon), add(dot(x2, x2), epsilon))));
      const auto apart = operation<ClampOne<true>>{}(sub(cos, Margin), 0);
      return detail::reduce_pairs<R>(add(detail::where_target<Comparison::eq>(target, 1, sub(1, cos)),
                                         detail::where_target<Comparison::eq>(target, -1, apart)));
    } else {
      x1.builder->fail(text("cosine_embedding_loss: inputs ", e, " and ", X2::extents, ", target ",
                            T::extents, ": expected [N, D], [N, D] and [N], or [D], [D] and []"));
      return detail::reduce_pairs<R>(x1);
    }
  }
  static constexpr double epsilon = 1e-12;
};

/// x where the target is 1, max(0, margin - x) where it is -1, the sum of both elsewhere.
template<Reduction R, double Margin>
struct HingeEmbeddingLoss : PairComposite {
  static constexpr std::string_view name = "HingeEmbeddingLoss";
  static constexpr auto compose(auto x, auto target) {
    const auto apart = operation<ClampOne<true>>{}(sub(Margin, x), 0);
    return detail::reduce_pairs<R>(add(detail::where_target<Comparison::ne>(target, 1, apart),
                                       detail::where_target<Comparison::ne>(target, -1, x)));
  }
};

/// max(0, -target (x1 - x2) + margin)
template<Reduction R, double Margin>
struct MarginRankingLoss : PairComposite {
  static constexpr std::string_view name = "MarginRankingLoss";
  static constexpr auto compose(auto x1, auto x2, auto target) {
    return detail::reduce_pairs<R>(
        operation<ClampOne<true>>{}(add(mul(neg(target), sub(x1, x2)), Margin), 0));
  }
};

/// log(1 + exp(-target x))
template<Reduction R>
struct SoftMarginLoss : PairComposite {
  static constexpr std::string_view name = "SoftMarginLoss";
  static constexpr auto compose(auto x, auto target) {
    return detail::reduce_pairs<R>(operation<Softplus>{}(neg(mul(target, x))));
  }
};

/// max(0, d(anchor, positive) - d(anchor, negative) + margin); with Swap the distance to the negative is the
/// smaller one of anchor's and positive's.
template<Reduction R, class Distance, bool Swap, double Margin>
struct TripletMarginLoss : PairComposite {
  static constexpr std::string_view name = "TripletMarginLoss";
  static constexpr auto compose(auto anchor, auto positive, auto negative) {
    const Distance distance{};
    const auto near = distance(anchor, positive);
    const auto far = [&] {
      const auto direct = distance(anchor, negative);
      if constexpr (Swap)
        return operation<Extremum<false>>{}(direct, distance(positive, negative));
      else
        return direct;
    }();
    return detail::reduce_pairs<R>(operation<ClampOne<true>>{}(add(sub(near, far), Margin), 0));
  }
};

/// exp(x) - target x, or x - target log(x + eps); with Full plus Stirling's terms where the target is
/// above 1.
template<Reduction R, bool LogInput, bool Full, double Eps>
struct PoissonNLLLoss : PairComposite {
  static constexpr std::string_view name = "PoissonNllLoss";
  static constexpr auto compose(auto x, auto target) {
    const auto loss = [&] {
      if constexpr (LogInput)
        return sub(operation<Exp>{}(x), mul(target, x));
      else
        return sub(x, mul(target, operation<Log>{}(add(x, Eps))));
    }();
    if constexpr (Full)
      return detail::reduce_pairs<R>(add(loss, stirling(target)));
    else
      return detail::reduce_pairs<R>(loss);
  }
  /// t log(t) - t + log(2 pi t) / 2, the logarithm of t! for large t; of 2 where it does not count, whose
  /// logarithms have a derivative.
  static constexpr auto stirling(auto target) {
    const auto counts = operation<Mask<Comparison::gt>>{}(target, 1);
    const auto t = operation<Choose>{}(counts, target, 2);
    const auto term =
        add(sub(mul(t, operation<Log>{}(t)), t), mul(operation<Log>{}(mul(t, 6.283185307179586)), 0.5));
    return operation<Choose>{}(counts, term, 0);
  }
};

/// (log(v) + (x - target)^2 / v) / 2 with v = max(var, eps), whose gradient is that of var; with Full plus
/// log(2 pi) / 2.
template<Reduction R, bool Full, double Eps>
struct GaussianNLLLoss : PairComposite {
  static constexpr std::string_view name = "GaussianNllLoss";
  template<class X, class T, class V>
  static constexpr auto compose(X x, T target, V var) {
    constexpr Extents e = X::extents, v = V::extents;
    if constexpr (e == v || one_a_row(e, v, e.rank)) {
      return loss(x, target, var);
    } else if constexpr (one_a_row(e, v, e.rank - 1)) {
      return loss(x, target, operation<Unsqueeze<-1>>{}(var));
    } else {
      x.builder->fail(text("gaussian_nll_loss: var has shape ", v, ", expected that of the input, ", e,
                           ", or one number for each of its rows"));
      return detail::reduce_pairs<R>(x);
    }
  }

private:
  /// Whether v has the extents of e, but for a last one that is 1 or missing.
  static constexpr bool one_a_row(const Extents& e, const Extents& v, std::size_t rank) {
    bool fits = e.rank > 0 && v.rank == rank;
    for (std::size_t d = 0; fits && d < rank; ++d) fits = v[d] == (d + 1 == e.rank ? 1 : e[d]);
    return fits;
  }
  static constexpr auto loss(auto x, auto target, auto var) {
    const auto v = detail::raised(var, Eps);
    const auto z = sub(x, target);
    const auto twice = add(operation<Log>{}(v), div(mul(z, z), v));
    if constexpr (Full)
      return detail::reduce_pairs<R>(mul(add(twice, 1.8378770664093453), 0.5));
    else
      return detail::reduce_pairs<R>(mul(twice, 0.5));
  }
};

} // namespace ops

namespace nn {

/// |x1 - x2 + eps|_P over the last dimension, [N, D] and [N, D] to [N], [N, 1] with Keepdim; operands are
/// broadcast. torch.nn.functional.pairwise_distance.
template<double P = 2.0, double Eps = 1e-6, bool Keepdim = false>
inline constexpr operation<ops::PairwiseDistance<P, Eps, Keepdim>> pairwise_distance;
/// The cosine of the angle between x1 and x2 along Dim, which the result does not have; operands are
/// broadcast, norms are at least Eps. torch.nn.functional.cosine_similarity.
template<Index Dim = 1, double Eps = 1e-8>
inline constexpr operation<ops::CosineSimilarity<Dim, Eps>> cosine_similarity;

/// `cosine_embedding_loss<>(x1, x2, target)`: x1, x2 [N, D], target [N] of 1 and -1: 1 - cos, or what cos
/// exceeds the margin by. torch.nn.functional.cosine_embedding_loss.
template<Reduction R = Reduction::mean, double Margin = 0.0>
inline constexpr operation<ops::CosineEmbeddingLoss<R, Margin>> cosine_embedding_loss;
/// `hinge_embedding_loss<>(x, target)`: distances x, target of 1 and -1: x, or what it falls short of the
/// margin by. torch.nn.functional.hinge_embedding_loss.
template<Reduction R = Reduction::mean, double Margin = 1.0>
inline constexpr operation<ops::HingeEmbeddingLoss<R, Margin>> hinge_embedding_loss;
/// `margin_ranking_loss<>(x1, x2, target)`: target 1: x1 is to be the larger one by the margin, -1: x2.
/// torch.nn.functional.margin_ranking_loss.
template<Reduction R = Reduction::mean, double Margin = 0.0>
inline constexpr operation<ops::MarginRankingLoss<R, Margin>> margin_ranking_loss;
/// `soft_margin_loss<>(x, target)`: log(1 + exp(-target x)), target of 1 and -1. Large arguments do not
/// overflow, unlike those of torch.nn.functional.soft_margin_loss.
template<Reduction R = Reduction::mean>
inline constexpr operation<ops::SoftMarginLoss<R>> soft_margin_loss;
/// `triplet_margin_loss<>(anchor, positive, negative)`: [N, D] each; what the distance to the positive, plus
/// the margin, exceeds that to the negative by. torch.nn.functional.triplet_margin_loss.
template<Reduction R = Reduction::mean, double Margin = 1.0, double P = 2.0, double Eps = 1e-6,
         bool Swap = false>
inline constexpr operation<
    ops::TripletMarginLoss<R, operation<ops::PairwiseDistance<P, Eps, false>>, Swap, Margin>>
    triplet_margin_loss;
/// As triplet_margin_loss, with a type whose objects are called with two operands and return their distance.
/// torch.nn.functional.triplet_margin_with_distance_loss.
template<class Distance = operation<ops::PairwiseDistance<2.0, 1e-6, false>>, Reduction R = Reduction::mean,
         double Margin = 1.0, bool Swap = false>
inline constexpr operation<ops::TripletMarginLoss<R, Distance, Swap, Margin>>
    triplet_margin_with_distance_loss;
/// `poisson_nll_loss<>(x, target)`: x is the logarithm of the rate, without LogInput the rate; Full adds
/// Stirling's approximation of log(target!). torch.nn.functional.poisson_nll_loss.
template<Reduction R = Reduction::mean, bool LogInput = true, bool Full = false, double Eps = 1e-8>
inline constexpr operation<ops::PoissonNLLLoss<R, LogInput, Full, Eps>> poisson_nll_loss;
/// `gaussian_nll_loss<>(x, target, var)`: var has the shape of x, or one number a row, and is taken as at
/// least Eps; Full adds log(2 pi) / 2. A negative var is not refused. torch.nn.functional.gaussian_nll_loss.
template<Reduction R = Reduction::mean, bool Full = false, double Eps = 1e-6>
inline constexpr operation<ops::GaussianNLLLoss<R, Full, Eps>> gaussian_nll_loss;

} // namespace nn

} // namespace stator::inline v0_2
