// SPDX-License-Identifier: BSL-1.0
// A batch of no samples: PyTorch 1.13's value where it has one, an error where it raises.
#include "catch.hpp"
#include "stator/stator.hpp"

#include <cmath>
#include <cstdint>
#include <sstream>

using stator::dynamic;
using stator::Tensor;
using stator::Variable;
using stator::test::contains;
using stator::test::thrown;
namespace nn = stator::nn;

namespace {
using Images = Tensor<float, dynamic, 3, 4, 4>;

/// Every layer that takes [N, 3, 4, 4] or what comes of it.
struct Layers {
  nn::Conv2d<3, 2, 3> conv;
  nn::BatchNorm2d<2> bn;
  nn::GroupNorm<1, 2> gn;
  nn::LayerNorm<8> ln;
  nn::Linear<8, 3> fc;
  constexpr auto forward(auto x) const {
    const auto h = x | conv | bn | gn | nn::relu;
    return nn::dropout<0.5>(stator::flatten<1>(h)) | ln | fc;
  }
};
struct Tokens {
  nn::Embedding<5, 4> embedding;
  nn::LSTM<4, 4, nn::RNNOptions{.batch_first = true}> lstm;
  nn::Linear<4, 5> fc;
  constexpr auto forward(auto x) const { return std::get<0>(stator::unbind<1>(x | embedding | lstm)) | fc; }
};

/// NaN, written without a sign.
template<class E>
bool is_nan(const E& expression) {
  std::ostringstream text;
  text << expression.item();
  return text.str() == "nan";
}
} // namespace

TEST_CASE("sums over an empty batch are 0, means and variances NaN") {
  const Variable<float, dynamic, 3> x(0);
  CHECK(sum(x).item() == 0);
  CHECK(stator::sum_dims<0>(x).value()(2) == 0);
  CHECK(is_nan(mean(x)));
  CHECK(std::isnan(stator::mean_dims<0>(x).value()(2)));
  CHECK(stator::mean_dims<1>(x).value().numel() == 0);
  CHECK(is_nan(stator::var(x)));
  CHECK(is_nan(stator::biased_var(x)));
  CHECK(is_nan(stator::stddev(x)));
  CHECK(nn::softmax<1>(x).value().numel() == 0);
  CHECK(stator::cumsum<0>(x).value().numel() == 0);
  CHECK(stator::argmax<1>(x).value().numel() == 0);
  CHECK(stator::amax_dims<1>(x).value().numel() == 0);
}

TEST_CASE("softmax over a dimension of no elements, or beside one, has none") {
  Variable<float, 2, 0> rows;
  CHECK(nn::softmax<1>(rows).value().numel() == 0);
  sum(nn::log_softmax<1>(rows)).backward();
  const Tensor<float, 2, 0, 3> planes;
  const Tensor<float, 2, 3, 0> beside;
  CHECK(nn::softmax<1>(planes).value().numel() == 0);
  CHECK(nn::log_softmax<1>(beside).value().numel() == 0);
  const Tensor<float, dynamic, 0> batch(4);
  CHECK(nn::softmax<1>(batch).value().numel() == 0);
}

TEST_CASE("an empty batch has no largest element") {
  const Tensor<float, dynamic, 3> x(0);
  CHECK_THAT(thrown<stator::ShapeError>([&] { stator::amax(x).item(); }), contains("amax: no elements"));
  CHECK_THROWS_AS(stator::amin_dims<0>(x).value(), stator::ShapeError);
  CHECK_THROWS_AS(argmax(x).item(), stator::ShapeError);
}

TEST_CASE("the mean loss of an empty batch is NaN, the sum 0") {
  const Variable<float, dynamic, 3> x(0);
  const Tensor<float, dynamic, 3> t(0);
  const Tensor<std::int64_t, dynamic> labels(0);
  constexpr nn::CrossEntropyOptions total{.reduction = nn::Reduction::sum}, smooth{.label_smoothing = 0.1};
  CHECK(is_nan(nn::cross_entropy(x, labels)));
  CHECK(is_nan(nn::cross_entropy<smooth>(x, labels)));
  CHECK(is_nan(nn::cross_entropy(x, t)));
  CHECK(nn::cross_entropy<total>(x, labels).item() == 0);
  CHECK(is_nan(nn::mse_loss(x, t)));
  CHECK(nn::mse_loss<nn::Reduction::sum>(x, t).item() == 0);
  CHECK(is_nan(nn::l1_loss(x, t)));
  CHECK(is_nan(nn::binary_cross_entropy_with_logits(x, t)));
  CHECK(is_nan(nn::kl_div(x, t)));
}

TEST_CASE("layers give an empty result, and their parameters gradients of 0") {
  stator::Model<Layers> model;
  const Images x(0);
  const Tensor<std::int64_t, dynamic> labels(0);
  CHECK(model.eval()(x).value().numel() == 0);
  const auto loss = nn::cross_entropy(model(x), labels);
  CHECK(is_nan(loss));
  loss.backward();
  for (const auto& parameter : model.parameters())
    for (const float g : parameter.grad<float>()) REQUIRE(g == 0);
  CHECK(model->bn.running_mean(0) == 0); // the statistics of nothing change nothing
  CHECK(model->bn.running_var(0) == 1);
  CHECK(model->bn.num_batches_tracked.item() == 1);
}

TEST_CASE("recurrent layers and embeddings take an empty batch") {
  stator::Model<Tokens> model;
  const Tensor<std::int64_t, dynamic, 3> x(0);
  const auto loss = sum(model(x));
  CHECK(loss.item() == 0);
  loss.backward();
  for (const auto& parameter : model.parameters())
    for (const float g : parameter.grad<float>()) REQUIRE(g == 0);
}
