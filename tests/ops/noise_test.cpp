// SPDX-License-Identifier: BSL-1.0
// What is drawn inside of a program, against PyTorch after the same seed.
#include "catch.hpp"
#include "compare.hpp"
#include "reference/reference.hpp"
#include "stator/expr/variable.hpp"
#include "stator/ops/noise.hpp"
#include "stator/ops/reduce.hpp"
#include "stator/run/evaluation.hpp"

using namespace stator;

namespace {
void compare(const std::string& name, std::span<const float> found) {
  INFO(name);
  test::check_close(found, test::reference("distributions")[name].as<float>(), 1e-5);
}
/// Values and, after the same seed again, the gradient of their sum weighted by 0 to 11.
template<nn::GumbelSoftmaxOptions Options>
void check_gumbel(const std::string& name) {
  Variable<float, 4, 3> logits;
  Tensor<float, 4, 3> weight;
  for (int i = 0; i < 12; ++i) {
    logits.values()[static_cast<std::size_t>(i)] = -2 + 5 * static_cast<float>(i) / 11;
    weight.values()[static_cast<std::size_t>(i)] = static_cast<float>(i);
  }
  manual_seed(123);
  const auto y = nn::gumbel_softmax<Options>(logits).value();
  compare("gumbel." + name + ".y", y.values());
  manual_seed(123);
  sum(mul(nn::gumbel_softmax<Options>(logits), weight)).backward();
  compare("gumbel." + name + ".dx", {logits.grad_data(), 12});
}
} // namespace

TEST_CASE("gumbel_softmax draws PyTorch's samples, soft and one-hot, and gradients flow through both") {
  check_gumbel<{.tau = 0.7}>("soft");
  check_gumbel<{.hard = true}>("hard");
  check_gumbel<{.tau = 2.0, .hard = true, .dim = 0}>("rows");
}

TEST_CASE("rand_like, randn_like and bernoulli draw in a program what PyTorch draws") {
  Tensor<float, 5, 4> half;
  half.fill_(0.5F);
  manual_seed(123);
  const auto uniform = rand_like(half).value();
  const auto normal = randn_like(half).value();
  const auto coins = bernoulli(half * 1.5F).value();
  std::vector<float> all(uniform.values().begin(), uniform.values().end());
  all.insert(all.end(), normal.values().begin(), normal.values().end());
  all.insert(all.end(), coins.values().begin(), coins.values().end());
  compare("noise.like", all);
}

TEMPLATE_TEST_CASE("multinomial draws PyTorch's numbers of each row", "", float, double) {
  using T = TestType;
  const Tensor<T, 8> weights{0.5, 0, 3, 1, 0.25, 2, 0, 1};
  Tensor<T, dynamic, 8> rows(3);
  for (std::size_t i = 0; i < 8; ++i) {
    const T w = weights.values()[i];
    rows.values()[i] = w, rows.values()[15 - i] = w, rows.values()[16 + i] = w * w;
  }
  const auto check = [](const std::string& name, const auto& numbers) {
    INFO(name);
    manual_seed(123);
    const auto found = numbers.value();
    const auto expected =
        test::reference("distributions")["multinomial." + name + "." + test::dtype_name<T>()];
    CHECK(std::ranges::equal(found.values(), expected.template as<std::int64_t>()));
  };
  check("once", multinomial<1>(weights));
  check("some", multinomial<5>(weights * 2));
  check("rows.once", multinomial<1>(rows));
  check("rows.some", multinomial<5>(rows));
  check("rows.replaced", multinomial<40, true>(rows));
  rows.values()[9] = -1;
  CHECK_THROWS_AS(multinomial<2>(rows).value(), ValueError);
}

TEST_CASE("each random operation of a program draws its own numbers, and each run new ones") {
  Tensor<float, 64> x;
  const auto twice = stator::sub(rand_like(x), rand_like(x));
  const auto first = twice.value(), second = twice.value();
  CHECK(std::ranges::count(first.values(), 0.0F) < 4);
  CHECK(!std::ranges::equal(first.values(), second.values()));
}

TEST_CASE("probabilities outside of [0, 1] are refused when the program runs") {
  Tensor<float, 2> x{0.5F, 0.75F};
  CHECK(test::thrown<ValueError>([&] { (void)bernoulli(x * 2.0F).value(); }).find("in [0, 1]") !=
        std::string::npos);
}
