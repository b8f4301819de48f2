// SPDX-License-Identifier: BSL-1.0
// Second derivatives of the losses of pairs, margins and likelihoods against PyTorch's double backward: the
// first ones of several functions, one behind the other, are differentiated again.
#include "stator/nn/pair_loss.hpp"

#include "nn/layer_law.hpp"
#include "ops/gradient_law.hpp"

using namespace stator;
using nn::Reduction;
using test::check_function;
using test::In;

namespace {

constexpr auto none = Reduction::none;
const Tensor<std::int64_t, 5, 4> several{1, 3, -1, 0, 0, -1, 1, 2, -1, 0, 1, 2, 3, 2, 1, 0, 2, 0, -1, -1};

/// The gradients of the sum of the squares of y, one behind the other.
constexpr auto slopes = [](const auto& y, const auto&... x) {
  if constexpr (sizeof...(x) == 1)
    return flatten<>(grad(sum(square(y)), x...));
  else
    return std::apply([](const auto&... g) { return cat<0>(flatten<>(g)...); }, grad(sum(square(y)), x...));
};

} // namespace

TEST_CASE("second derivatives of distances are PyTorch's") {
  const Tensor<float, 4> signs{1, -1, 1, -1};
  check_function(
      "double_backward.distances",
      [&](const auto& a, const auto& b) {
        return cat<0>(slopes(nn::pairwise_distance<>(a, b), a, b),
                      slopes(nn::pairwise_distance<3.0, 1e-3>(a, b), a, b),
                      slopes(nn::cosine_similarity<>(a, b), a, b),
                      slopes(nn::cosine_embedding_loss<none, 0.1>(a, b, signs), a, b));
      },
      In<4, 3>{}, In<4, 3>{"x2"});
}

TEST_CASE("second derivatives of triplet losses are PyTorch's") {
  const auto angle = [](const auto& p, const auto& q) { return sub(1, nn::cosine_similarity<>(p, q)); };
  using Angle = std::remove_const_t<decltype(angle)>;
  check_function(
      "double_backward.triplets",
      [](const auto& a, const auto& b, const auto& c) {
        return cat<0>(
            slopes(nn::triplet_margin_loss<none>(a, b, c), a, b, c),
            slopes(nn::triplet_margin_loss<Reduction::sum, 2.0, 3.0, 1e-6, true>(a, b, c), a, b, c),
            slopes(nn::triplet_margin_with_distance_loss<Angle, Reduction::mean, 0.5>(a, b, c), a, b, c));
      },
      In<4, 3>{}, In<4, 3>{"x2"}, In<4, 3>{"x3"});
}

TEST_CASE("second derivatives of likelihoods are PyTorch's") {
  Tensor<double, 3, 4> target;
  for (Index i = 0; i < 12; ++i) target.data()[i] = 0.1 + 0.8 * static_cast<double>(i) / 11;
  const Tensor<float, 3, 4> t = to<float>(target).value();
  Tensor<float, 3, 4> ones;
  ones.fill_(1);
  check_function(
      "double_backward.likelihoods",
      [&](const auto& a, const auto& v) {
        return cat<0>(slopes(mul(nn::poisson_nll_loss<none, true, true>(a, t), v), a, v),
                      slopes(mul(nn::poisson_nll_loss<none, false>(exp(a), t), v), a, v),
                      slopes(nn::gaussian_nll_loss<none, true>(a, t, exp(v)), a, v),
                      slopes(mul(nn::soft_margin_loss<none>(a, ones), v), a, v),
                      slopes(nn::multilabel_soft_margin_loss<none>(mul(a, v), t), a, v));
      },
      In<3, 4>{}, In<3, 4>{"v"});
}

TEST_CASE("second derivatives of losses with margins are PyTorch's") {
  Tensor<float, 5, 4> ones, signs;
  ones.fill_(1);
  for (Index i = 0; i < 20; ++i) signs.data()[i] = several.data()[i] > 1 ? -1 : 1;
  check_function(
      "double_backward.margins",
      [&](const auto& a, const auto& b) {
        return cat<0>(slopes(nn::margin_ranking_loss<none, 0.3>(a, b, ones), a, b),
                      slopes(nn::hinge_embedding_loss<none, 0.8>(mul(a, b), signs), a, b));
      },
      In<5, 4>{}, In<5, 4>{"x2"});
}

TEST_CASE(
    "second derivatives of losses of classes, which PyTorch 1.13 has none of, are those of differences") {
  const Tensor<std::int64_t, 5> classes{0, 3, 1, 2, 3};
  test::check_gradient(
      [&](const auto& a) {
        return add(slopes(nn::multi_margin_loss<none, 2, 0.7>(a, classes), a),
                   slopes(nn::multilabel_margin_loss<none>(a, several), a));
      },
      test::variable<5, 4>(-1, 1, 5));
}
