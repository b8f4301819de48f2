// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/ctc_loss.hpp"

#include "nn/layer_law.hpp"
#include "ops/gradient_law.hpp"

using namespace stator;
using nn::CTCLossOptions;
using nn::Reduction;
using test::check_function;
using test::Fixed;
using test::In;

namespace {

using Labels = Tensor<std::int64_t, 3, 3>;
using Lengths = Tensor<std::int64_t, 3>;
const In<6, 3, 4> logits{};
const Fixed<std::int64_t, 3> steps_of_each{"steps"}, counts_of_each{"counts"};

/// The loss of the classes that the largest logits stand for.
template<CTCLossOptions Options>
constexpr auto of_logits = [](const auto& x, const auto&... more) {
  return nn::CTCLoss<Options>{}(nn::log_softmax<-1>(x), more...);
};

} // namespace

TEST_CASE("ctc_loss agrees with PyTorch") {
  const Fixed<std::int64_t, 3, 3> padded{"target"};
  check_function("CTCLoss.default", of_logits<{}>, logits, padded, steps_of_each, counts_of_each);
  check_function("CTCLoss.blank", of_logits<{.blank = 2, .reduction = Reduction::sum}>, logits,
                 Fixed<std::int64_t, 6>{"target"}, steps_of_each, counts_of_each);
  check_function("CTCLoss.sample", of_logits<{}>, In<6, 4>{}, Fixed<std::int64_t, 3>{"target"},
                 Fixed<std::int64_t>{"steps"}, Fixed<std::int64_t>{"counts"});
}

TEST_CASE(
    "ctc_loss is infinite where there is no alignment, and not a number its gradient, or both are zero") {
  const Fixed<std::int64_t, 3, 3> padded{"target"};
  constexpr auto each = of_logits<{.reduction = Reduction::none}>;
  check_function("CTCLoss.none", each, logits, padded, steps_of_each, counts_of_each);
  check_function("CTCLoss.infinite", each, logits, padded, steps_of_each, counts_of_each);
  check_function("CTCLoss.zero", of_logits<{.zero_infinity = true}>, logits, padded, steps_of_each,
                 counts_of_each);
}

TEST_CASE("the derivatives of ctc_loss are those of central differences, of log_probs and of logits") {
  const auto x = test::variable<5, 3, 4>(-2, 2, 1);
  const auto g = test::variable<3>(0.5, 1.5, 2);
  const Labels target{1, 2, 3, 3, 1, 0, 2, 2, 0};
  const Lengths steps{5, 3, 4}, counts{3, 1, 2};
  constexpr operation<ops::CtcLosses<0, false>> losses;
  test::check_gradient([&](const auto& a) { return losses(a, target, steps, counts); }, x);
  test::check_gradient(
      [&](const auto& b, const auto& a) { return test::derivative<0>(losses, b, a, target, steps, counts); },
      g, x);
}

TEST_CASE("the probabilities of all labels of one step sum to one") {
  // A sample of two steps has no label, one of three, or one of six pairs that differ.
  Tensor<double, 2, 13, 4> x;
  test::fill(x.data(), x.numel() / 13 * 13, -1, 1, 3);
  for (Index t = 0; t < 2; ++t)
    for (Index n = 1; n < 13; ++n)
      for (Index c = 0; c < 4; ++c) x(t, n, c) = x(t, 0, c);
  Tensor<std::int32_t, 13, 2> target;
  Tensor<std::int32_t, 13> steps, counts;
  steps.fill_(2);
  int n = 1;
  for (int a = 1; a < 4; ++a) {
    target(n, 0) = a, counts(n++) = 1;
    for (int b = 1; b < 4; ++b) target(n, 0) = a, target(n, 1) = b, counts(n++) = 2;
  }
  const auto loss =
      nn::ctc_loss<{.reduction = Reduction::none}>(nn::log_softmax<-1>(x), target, steps, counts);
  CHECK(std::abs(sum(exp(neg(loss))).item() - 1) < 1e-12);
}

TEST_CASE("ctc_loss names the sample whose length or label is out of range") {
  const Tensor<float, 2, 3, 4> x{};
  const Labels target{1, 2, 3, 3, 1, 9, 2, 2, 0};
  const auto says = [&](const Lengths& steps, const Lengths& counts) {
    try {
      (void)nn::ctc_loss<>(x, target, steps, counts).item();
    } catch (const ValueError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(says({2, 3, 2}, {0, 0, 0}) == "stator: ctc_loss: input length 3 of sample 1, expected 0 to 2");
  CHECK(says({2, 2, 2}, {0, 0, 4}) == "stator: ctc_loss: target length 4 of sample 2, expected 0 to 3");
  CHECK(says({2, 2, 2}, {0, 3, 0}) == "stator: ctc_loss: target 9 of sample 1, expected a class below 4");
  CHECK(says({0, 0, 0}, {0, 0, 0}).empty());
}
