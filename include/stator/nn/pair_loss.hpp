// SPDX-License-Identifier: BSL-1.0
// Losses of pairs, margins and likelihoods as modules, and the distances that they are made of. Options are
// template arguments, the reduction first; what they mean is said at the functions (ops/pair_loss.hpp,
// ops/margin_loss.hpp).
#pragma once

#include "stator/nn/extra_repr.hpp"
#include "stator/nn/loss.hpp"
#include "stator/ops/margin_loss.hpp"

namespace stator::nn {

namespace detail {
/// A loss that is one operation on what it is called with.
template<fixed_string Name, class Loss>
struct LossOf {
  static constexpr std::string_view class_name() { return Name.view(); }
  constexpr auto forward(auto&&... x) const { return Loss{}(std::forward<decltype(x)>(x)...); }
  constexpr auto operator()(auto&&... x) const { return apply_loss(*this, std::forward<decltype(x)>(x)...); }
};
} // namespace detail

/// torch.nn.PairwiseDistance: [N, D] and [N, D] to [N], see nn::pairwise_distance.
template<double P = 2.0, double Eps = 1e-6, bool Keepdim = false>
using PairwiseDistance =
    detail::LossOf<"PairwiseDistance", operation<ops::PairwiseDistance<P, Eps, Keepdim>>>;
/// torch.nn.CosineSimilarity along Dim, see nn::cosine_similarity.
template<Index Dim = 1, double Eps = 1e-8>
using CosineSimilarity = detail::LossOf<"CosineSimilarity", operation<ops::CosineSimilarity<Dim, Eps>>>;

/// torch.nn.CosineEmbeddingLoss of x1 [N, D], x2 [N, D] and target [N], see nn::cosine_embedding_loss.
template<Reduction R = Reduction::mean, double Margin = 0.0>
using CosineEmbeddingLoss =
    detail::LossOf<"CosineEmbeddingLoss", operation<ops::CosineEmbeddingLoss<R, Margin>>>;
/// torch.nn.HingeEmbeddingLoss of distances and target, see nn::hinge_embedding_loss.
template<Reduction R = Reduction::mean, double Margin = 1.0>
using HingeEmbeddingLoss =
    detail::LossOf<"HingeEmbeddingLoss", operation<ops::HingeEmbeddingLoss<R, Margin>>>;
/// torch.nn.MarginRankingLoss of x1, x2 and target, see nn::margin_ranking_loss.
template<Reduction R = Reduction::mean, double Margin = 0.0>
using MarginRankingLoss = detail::LossOf<"MarginRankingLoss", operation<ops::MarginRankingLoss<R, Margin>>>;
/// torch.nn.SoftMarginLoss of scores and target, see nn::soft_margin_loss.
template<Reduction R = Reduction::mean>
using SoftMarginLoss = detail::LossOf<"SoftMarginLoss", operation<ops::SoftMarginLoss<R>>>;
/// torch.nn.TripletMarginLoss of anchor, positive and negative, see nn::triplet_margin_loss.
template<Reduction R = Reduction::mean, double Margin = 1.0, double P = 2.0, double Eps = 1e-6,
         bool Swap = false>
using TripletMarginLoss = detail::LossOf<
    "TripletMarginLoss",
    operation<ops::TripletMarginLoss<R, operation<ops::PairwiseDistance<P, Eps, false>>, Swap, Margin>>>;
/// torch.nn.TripletMarginWithDistanceLoss, see nn::triplet_margin_with_distance_loss.
template<class Distance = operation<ops::PairwiseDistance<2.0, 1e-6, false>>, Reduction R = Reduction::mean,
         double Margin = 1.0, bool Swap = false>
using TripletMarginWithDistanceLoss =
    detail::LossOf<"TripletMarginWithDistanceLoss",
                   operation<ops::TripletMarginLoss<R, Distance, Swap, Margin>>>;
/// torch.nn.PoissonNLLLoss of x and target, see nn::poisson_nll_loss.
template<Reduction R = Reduction::mean, bool LogInput = true, bool Full = false, double Eps = 1e-8>
using PoissonNLLLoss =
    detail::LossOf<"PoissonNLLLoss", operation<ops::PoissonNLLLoss<R, LogInput, Full, Eps>>>;
/// torch.nn.GaussianNLLLoss of x, target and var, see nn::gaussian_nll_loss.
template<Reduction R = Reduction::mean, bool Full = false, double Eps = 1e-6>
using GaussianNLLLoss = detail::LossOf<"GaussianNLLLoss", operation<ops::GaussianNLLLoss<R, Full, Eps>>>;

/// torch.nn.MultiMarginLoss of scores [N, C] and classes [N]; the weight of the classes is a third operand.
/// See nn::multi_margin_loss.
template<Reduction R = Reduction::mean, int P = 1, double Margin = 1.0>
using MultiMarginLoss = detail::LossOf<"MultiMarginLoss", operation<ops::MultiMarginLoss<R, P, Margin>>>;
/// torch.nn.MultiLabelMarginLoss of scores [N, C] and classes [N, C], see nn::multilabel_margin_loss.
template<Reduction R = Reduction::mean>
using MultiLabelMarginLoss = detail::LossOf<"MultiLabelMarginLoss", operation<ops::MultiLabelMarginLoss<R>>>;
/// torch.nn.MultiLabelSoftMarginLoss of scores and target [N, C]; a third operand is the weight. See
/// nn::multilabel_soft_margin_loss.
template<Reduction R = Reduction::mean>
using MultiLabelSoftMarginLoss =
    detail::LossOf<"MultiLabelSoftMarginLoss", operation<ops::MultiLabelSoftMarginLoss<R>>>;

} // namespace stator::nn
