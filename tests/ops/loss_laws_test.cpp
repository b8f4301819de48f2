// SPDX-License-Identifier: BSL-1.0
// One line a loss: its derivative is right.
#include "ops/gradient_law.hpp"

using namespace stator;
using nn::CrossEntropyOptions;
using nn::Reduction;
using test::check_gradient;
using test::variable;

TEST_CASE("the derivatives of losses between two tensors are those of central differences") {
  const auto x = variable<3, 5>(-2, 2, 1), t = variable<3, 5>(-2, 2, 2);
  check_gradient([](const auto& a, const auto& b) { return nn::mse_loss(a, b); }, x, t);
  check_gradient([](const auto& a, const auto& b) { return nn::l1_loss<Reduction::sum>(a, b); }, x, t);
  check_gradient([](const auto& a, const auto& b) { return nn::smooth_l1_loss<Reduction::none, 0.5>(a, b); },
                 x, t);
  check_gradient([](const auto& a, const auto& b) { return nn::huber_loss<Reduction::mean, 0.7>(a, b); }, x,
                 t);
}

TEST_CASE("the derivatives of losses on probabilities are those of central differences") {
  const auto p = variable<3, 5>(0.1, 0.9, 1), x = variable<3, 5>(-2, 2, 2);
  const auto fixed = variable<3, 5>(0.1, 0.9, 3);
  const Tensor<double, 3, 5>& t = fixed;
  const Tensor<double, 5> weight{0.5, 1, 2, 3, 0.1};
  check_gradient([](const auto& a, const auto& b) { return nn::binary_cross_entropy(a, b); }, p, fixed);
  check_gradient([&](const auto& a) { return nn::binary_cross_entropy_with_logits(a, t); }, x);
  check_gradient(
      [&](const auto& a) { return nn::binary_cross_entropy_with_logits<Reduction::sum>(a, t, weight); }, x);
  check_gradient([&](const auto& a) { return nn::binary_cross_entropy(a, t, weight); }, p);
  check_gradient([&](const auto& a) { return nn::binary_cross_entropy_with_logits(a, t, 1, weight); }, x);
  check_gradient([&](const auto& a) { return nn::kl_div<Reduction::sum>(a, t); }, x);
  check_gradient([&](const auto& a) { return nn::kl_div<Reduction::none, true>(a, t); }, x);
}

TEST_CASE("the derivatives of classification losses are those of central differences") {
  const auto x = variable<4, 3>(-2, 2, 1);
  const auto image = variable<2, 3, 2, 2>(-2, 2, 1);
  const Tensor<std::int64_t, 4> t{0, 2, -100, 1};
  const Tensor<std::int64_t, 2, 2, 2> pixels{0, 2, 1, 1, 1, -100, 0, 2};
  const Tensor<std::int64_t, 4> known{0, 2, 2, 1};
  const Tensor<double, 3> weight{0.5, 1, 2};
  const auto p = variable<4, 3>(0.1, 0.9, 3);
  check_gradient([&](const auto& a) { return nn::nll_loss(a, t); }, x);
  check_gradient([&](const auto& a) { return nn::cross_entropy(a, t); }, x);
  check_gradient(
      [&](const auto& a) {
        return nn::cross_entropy<CrossEntropyOptions{.label_smoothing = 0.2}>(a, t, weight);
      },
      x);
  check_gradient(
      [&](const auto& a) {
        return nn::cross_entropy<CrossEntropyOptions{.reduction = Reduction::none}>(a, pixels, weight);
      },
      image);
  check_gradient(
      [&](const auto& a) {
        return nn::cross_entropy<CrossEntropyOptions{.reduction = Reduction::sum, .ignore_index = 2}>(a,
                                                                                                      known);
      },
      x);
  check_gradient(
      [&](const auto& a) {
        return nn::cross_entropy<CrossEntropyOptions{.label_smoothing = 0.1}>(
            a, static_cast<const Tensor<double, 4, 3>&>(p));
      },
      x);
}
