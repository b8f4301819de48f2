// SPDX-License-Identifier: BSL-1.0
// The three reductions meet different options, so that each option is compared with PyTorch once.
#include "stator/nn/pair_loss.hpp"

#include "nn/layer_law.hpp"

#include <limits>

using namespace stator;
using nn::Reduction;
using test::check_function;
using test::Fixed;
using test::In;

namespace {

constexpr auto none = Reduction::none;
constexpr auto total = Reduction::sum;
const In<5> x{}, x2{"x2"};
const Fixed<float, 5> signs{"target"};
const In<4, 3> anchor{}, same{"x2"}, other{"x3"};
const In<3, 4> matrix{};
const Fixed<float, 3, 4> expected{"target"};
const In<5, 4> scores{};
const Fixed<std::int64_t, 5> classes{"target"};

/// 1 - the cosine of the angle.
struct Angle {
  constexpr auto operator()(const auto& a, const auto& b) const {
    return sub(1, nn::cosine_similarity<>(a, b));
  }
};

} // namespace

TEST_CASE("losses of pairs agree with PyTorch") {
  check_function("HingeEmbeddingLoss.none", nn::HingeEmbeddingLoss<none, 0.8>{}, x, signs);
  check_function("HingeEmbeddingLoss.default.mean", nn::HingeEmbeddingLoss<>{}, x, signs);
  check_function("HingeEmbeddingLoss.sum", nn::HingeEmbeddingLoss<total, 0.8>{}, x, signs);
  check_function("SoftMarginLoss.sum", nn::SoftMarginLoss<total>{}, x, signs);
  check_function("MarginRankingLoss.sum", nn::MarginRankingLoss<total, 0.3>{}, x, x2, signs);
  check_function("SoftMarginLoss.none", nn::SoftMarginLoss<none>{}, x, signs);
  check_function("SoftMarginLoss.mean", nn::SoftMarginLoss<>{}, x, signs);
  check_function("MarginRankingLoss.none", nn::MarginRankingLoss<none, 0.3>{}, x, x2, signs);
  check_function("MarginRankingLoss.default.mean", nn::MarginRankingLoss<>{}, x, x2, signs);
  const In<5, 3> a{}, b{"x2"};
  check_function("CosineEmbeddingLoss.none", nn::CosineEmbeddingLoss<none, 0.1>{}, a, b, signs);
  check_function("CosineEmbeddingLoss.sum", nn::CosineEmbeddingLoss<total, 0.1>{}, a, b, signs);
  check_function("CosineEmbeddingLoss.default.mean", nn::CosineEmbeddingLoss<>{}, a, b, classes);
}

TEST_CASE("triplet losses and distances agree with PyTorch") {
  check_function("TripletMarginLoss.mean", nn::TripletMarginLoss<>{}, anchor, same, other);
  check_function("TripletMarginLoss.swap.none", nn::TripletMarginLoss<none, 0.4, 1.0, 1e-6, true>{}, anchor,
                 same, other);
  check_function("TripletMarginLoss.cube.sum", nn::TripletMarginLoss<total, 2.0, 3.0, 1e-3>{}, anchor, same,
                 other);
  check_function("TripletMarginWithDistanceLoss.none",
                 nn::TripletMarginWithDistanceLoss<Angle, none, 0.5, true>{}, anchor, same, other);
  check_function("TripletMarginWithDistanceLoss.sum",
                 nn::TripletMarginWithDistanceLoss<Angle, total, 0.5, true>{}, anchor, same, other);
  check_function("TripletMarginWithDistanceLoss.mean",
                 nn::TripletMarginWithDistanceLoss<Angle, Reduction::mean, 0.5, true>{}, anchor, same, other);
  check_function("PairwiseDistance.default", nn::PairwiseDistance<>{}, anchor, same);
  check_function("PairwiseDistance.one", nn::PairwiseDistance<1.0, 1e-6, true>{}, anchor, same);
  check_function("PairwiseDistance.cube", nn::PairwiseDistance<3.0, 1e-3>{}, anchor, same);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  check_function("PairwiseDistance.largest", nn::PairwiseDistance<infinity>{}, anchor, same);
  check_function("CosineSimilarity.default", nn::CosineSimilarity<>{}, matrix, In<3, 4>{"x2"});
  check_function("CosineSimilarity.dim0", nn::CosineSimilarity<0, 0.1>{}, anchor, same);
  check_function("CosineSimilarity.last", nn::CosineSimilarity<-1>{}, In<2, 4, 3>{}, same);
}

TEST_CASE("likelihoods agree with PyTorch") {
  check_function("PoissonNLLLoss.mean", nn::PoissonNLLLoss<>{}, matrix, expected);
  check_function("PoissonNLLLoss.full.none", nn::PoissonNLLLoss<none, true, true>{}, matrix, expected);
  check_function("PoissonNLLLoss.rate.sum", nn::PoissonNLLLoss<total, false, false, 1e-3>{}, scores,
                 Fixed<float, 5, 4>{"target"});
  check_function("GaussianNLLLoss.none", nn::GaussianNLLLoss<none>{}, matrix, expected, In<3, 4>{"var"});
  check_function("GaussianNLLLoss.full.sum", nn::GaussianNLLLoss<total, true, 0.1>{}, matrix, expected,
                 In<3>{"var"});
  check_function("GaussianNLLLoss.rows.mean", nn::GaussianNLLLoss<>{}, matrix, expected, In<3, 1>{"var"});
}

TEST_CASE("losses of classes with margins agree with PyTorch") {
  const Tensor<float, 4> weight{0.5, 2, 1, 0.25};
  const auto weighed = [&](const auto& loss) {
    return [&](const auto& a, const auto& t) { return loss(a, t, weight); };
  };
  check_function("MultiMarginLoss.square.none", nn::MultiMarginLoss<none, 2, 0.7>{}, scores, classes);
  check_function("MultiMarginLoss.weight.sum", weighed(nn::MultiMarginLoss<total>{}), scores, classes);
  check_function("MultiMarginLoss.sample", nn::MultiMarginLoss<>{}, In<4>{}, Fixed<std::int64_t>{"target"});
  const Fixed<std::int64_t, 5, 4> several{"target"};
  check_function("MultiLabelMarginLoss.mean", nn::MultiLabelMarginLoss<>{}, scores, several);
  check_function("MultiLabelMarginLoss.none", nn::MultiLabelMarginLoss<none>{}, scores, several);
  check_function("MultiLabelMarginLoss.sample", nn::MultiLabelMarginLoss<>{}, In<4>{},
                 Fixed<std::int64_t, 4>{"target"});
  const Fixed<float, 5, 4> each{"target"};
  check_function("MultiLabelSoftMarginLoss.none", nn::MultiLabelSoftMarginLoss<none>{}, scores, each);
  check_function("MultiLabelSoftMarginLoss.mean", nn::MultiLabelSoftMarginLoss<>{}, scores, each);
  check_function("MultiLabelSoftMarginLoss.weight.sum", weighed(nn::MultiLabelSoftMarginLoss<total>{}),
                 scores, each);
}

TEST_CASE("losses of pairs print as in PyTorch") {
  CHECK(repr(nn::TripletMarginLoss<>{}) == "TripletMarginLoss()");
  CHECK(repr(nn::MultiLabelSoftMarginLoss<>{}) == "MultiLabelSoftMarginLoss()");
}

TEST_CASE("distances of 0 have the gradient 0, as in PyTorch, whatever the norm") {
  const auto check = [](auto distance) {
    Variable<double, 2, 3> a{1, 2, 3, 1, 2, 4}, b{1, 2, 3, 1, 2, 3};
    const auto d = distance(a, b);
    CHECK(d.value()(0) == 0);
    CHECK(d.value()(1) == 1);
    sum(d).backward();
    CHECK(std::ranges::equal(a.grad().values(), std::vector<double>{0, 0, 0, 0, 0, 1}));
    CHECK(std::ranges::equal(b.grad().values(), std::vector<double>{0, 0, 0, 0, 0, -1}));
  };
  check(nn::pairwise_distance<1.0, 0.0>);
  check(nn::pairwise_distance<2.0, 0.0>);
  check(nn::pairwise_distance<3.0, 0.0>);
  check(nn::pairwise_distance<0.5, 0.0>);
  check(nn::pairwise_distance<std::numeric_limits<double>::infinity(), 0.0>);
}
