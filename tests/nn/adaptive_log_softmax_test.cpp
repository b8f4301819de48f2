// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/adaptive_log_softmax.hpp"

#include "nn/layer_law.hpp"

#include <cmath>

using namespace stator;
using test::check_called;
using test::Fixed;
using test::In;

namespace {

using Three =
    nn::AdaptiveLogSoftmaxWithLoss<8, 12, std::array{3, 7}, nn::AdaptiveLogSoftmaxOptions{.div_value = 2}>;
using Biased =
    nn::AdaptiveLogSoftmaxWithLoss<8, 12, std::array{4}, nn::AdaptiveLogSoftmaxOptions{.head_bias = true}>;
using Equal =
    nn::AdaptiveLogSoftmaxWithLoss<8, 12, std::array{4}, nn::AdaptiveLogSoftmaxOptions{.div_value = 1}>;

constexpr auto output_of = [](const auto& model, const auto&... in) { return std::get<0>(model(in...)); };

} // namespace

TEST_CASE("AdaptiveLogSoftmaxWithLoss agrees with PyTorch") {
  const In<5, 8> x{};
  const Fixed<std::int64_t, 5> target{"target"};
  check_called<Three>({"AdaptiveLogSoftmaxWithLoss.output"}, output_of, x, target);
  check_called<Biased>(
      {"AdaptiveLogSoftmaxWithLoss.loss"},
      [](const auto& model, const auto&... in) { return std::get<1>(model(in...)); }, x, target);
  check_called<Three>(
      {"AdaptiveLogSoftmaxWithLoss.log_prob"},
      [](const auto& model, const auto& in) { return model->log_prob(in); }, x);
  const std::string predict = "AdaptiveLogSoftmaxWithLoss.predict";
  manual_seed(test::fingerprint(std::span<const char>(predict)));
  Model<Three> model;
  test::load_parameters(predict, test::tensors(model.named_parameters()));
  const auto large = test::make_input(predict + ".", Fixed<float, 5, 8>{});
  const auto best = model->predict(large).value();
  test::compare<std::int64_t>(predict + ".y", best.values());
}

TEST_CASE("AdaptiveLogSoftmaxWithLoss takes one sample, and a batch that is known at run time") {
  check_called<Equal>({"AdaptiveLogSoftmaxWithLoss.sample"}, output_of, In<8>{},
                      Fixed<std::int64_t>{"target"});
  const Model<Three> model;
  Tensor<float, dynamic, 8> x(5);
  Tensor<std::int64_t, dynamic> target(5);
  x.fill_(0.5f);
  for (Index i = 0; i < 5; ++i) target.data()[i] = 2 * i + 3;
  const auto [output, loss] = model(x, target);
  const auto all = model->log_prob(x).value();
  float total = 0;
  for (Index i = 0; i < 5; ++i) {
    const float p = output.value().data()[i];
    CHECK(p == Approx(all.data()[i * 12 + 2 * i + 3]));
    total += p;
  }
  CHECK(loss.item() == Approx(-total / 5));
}

TEST_CASE("AdaptiveLogSoftmaxWithLoss refuses a target that is no class") {
  const Model<Three> model;
  const Tensor<float, 5, 8> x{};
  for (const std::int64_t wrong : {std::int64_t{-1}, std::int64_t{12}}) {
    const Tensor<std::int64_t, 5> target{0, 3, 7, 11, wrong};
    CHECK_THROWS_AS(std::get<1>(model(x, target)).item(), ValueError);
  }
}
