// SPDX-License-Identifier: BSL-1.0
// backward() several times, over several expressions, and not at all.
#include "catch.hpp"
#include "compare.hpp"

#include "stator/model/model.hpp"
#include "stator/nn/nn.hpp"
#include "stator/ops/ops.hpp"
#include "stator/run/evaluation.hpp"

#include <cmath>
#include <numeric>
#include <vector>

namespace nn = stator::nn;
using stator::Tensor;
using stator::test::contains;
using stator::test::thrown;

namespace {

struct Net {
  nn::Linear<4, 8> fc1;
  nn::BatchNorm1d<8> bn;
  nn::Dropout<0.5> dropout;
  nn::Linear<8, 3> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | bn | nn::relu | dropout | fc2; }
};
struct Plain {
  nn::Linear<4, 8> fc1;
  nn::Linear<8, 3> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

using Batch = Tensor<float, 6, 4>;
Batch ramp() {
  Batch x;
  std::iota(x.begin(), x.end(), -10.f);
  return x;
}
const Tensor<std::int64_t, 6> labels{0, 1, 2, 2, 1, 0};

std::vector<float> gradients(const auto& model) {
  const auto g = model.gradient_arena();
  return {g.begin(), g.end()};
}

} // namespace

TEST_CASE(
    "retain_graph keeps the forward: the same dropout, the same gradient, and running statistics once") {
  stator::Model<Net> model;
  const Batch x = ramp();
  const auto loss = nn::cross_entropy(model(x), labels);
  loss.backward({.retain_graph = true});
  std::vector<float> once = gradients(model);
  loss.backward({.retain_graph = true});
  loss.backward();
  CHECK(stator::test::largest(once) > 0);
  for (float& g : once) g *= 3;
  stator::test::check_close(gradients(model), once, 1e-6);
  CHECK(model->bn.num_batches_tracked.data()[0] == 1);
  CHECK_THAT(thrown<stator::GraphError>([&] { loss.backward(); }), contains("called twice"));
}

TEST_CASE("the gradients of micro-batches add up to that of the batch") {
  stator::Model<Plain> model;
  const Batch x = ramp();
  nn::cross_entropy(model(x), labels).backward();
  const std::vector<float> whole = gradients(model);
  model.zero_grad();
  for (int part = 0; part < 3; ++part) {
    Tensor<float, 2, 4> rows;
    Tensor<std::int64_t, 2> few;
    std::copy_n(x.data() + part * 8, 8, rows.data());
    std::copy_n(labels.data() + part * 2, 2, few.data());
    (nn::cross_entropy(model(rows), few) / 3).backward();
  }
  stator::test::check_close(gradients(model), whole, 1e-5);
}

TEST_CASE("a program that runs as one function has the loss and the gradients of one that runs in steps") {
  const auto check = []<stator::Index B>() {
    CAPTURE(B);
    stator::Model<Plain> model;
    Tensor<float, B, 4> x;
    Tensor<float, B, 3> y;
    std::iota(x.begin(), x.end(), -3.f);
    std::iota(y.begin(), y.end(), 1.f);
    const auto steps = nn::mse_loss(model(x), y), one = nn::mse_loss(model(x), y);
    steps.backward({.retain_graph = true}); // in a workspace that is kept
    const std::vector<float> expected = gradients(model);
    model.zero_grad();
    one.backward();
    CHECK(stator::test::largest(expected) > 0);
    stator::test::check_close(gradients(model), expected, 1e-5);
    CHECK(one.item() == Approx(steps.item()));
    CHECK(model->fc1.weight.has_grad());
    const Tensor<float, B, 3> out = model.eval()(x).value();
    double loss = 0;
    for (std::size_t i = 0; i < out.values().size(); ++i)
      loss += std::pow(static_cast<double>(out.values()[i]) - static_cast<double>(y.values()[i]), 2);
    CHECK(static_cast<double>(one.item()) == Approx(loss / static_cast<double>(out.values().size())));

    model.zero_grad();
    model.requires_grad_("fc1.bias", false);
    nn::mse_loss(model(x), y).backward();
    CHECK_FALSE(model->fc1.bias.has_grad());
    stator::test::check_close(model->fc2.weight.grad().values(),
                              std::vector<double>(expected.begin() + 48, expected.begin() + 72), 1e-5);
  };
  check.operator()<1>();
  check.operator()<8>();
  check.operator()<32>();
}

TEST_CASE("a label that is not a class leaves the gradients as they were, and says so before any is there") {
  stator::Model<Plain> model;
  const Tensor<std::int64_t, 6> wrong{0, 1, 2, 3, 1, 0};
  const Batch x = ramp();
  const auto loss = nn::cross_entropy(model(x), wrong);
  CHECK_THAT(thrown<stator::ValueError>([&] { loss.backward(); }), contains("3"));
  CHECK_FALSE(model->fc1.weight.has_grad());
  nn::cross_entropy(model(x), labels).backward();
  CHECK(model->fc1.weight.has_grad());
}

TEST_CASE("no_grad runs as in training, without a backward program") {
  stator::Model<Net> model;
  const Batch x = ramp();
  const auto quiet = no_grad(model(x));
  CHECK_FALSE(quiet.requires_grad());
  CHECK(quiet.grad_fn().empty());
  quiet.value();
  CHECK(model->bn.num_batches_tracked.data()[0] == 1);
  // Part of a larger expression: gradients flow around it.
  sum(no_grad(model(x)) * model(x)).backward();
  bool some = false;
  for (const float g : gradients(model)) some = some || g != 0;
  CHECK(some);
}

TEST_CASE("a frozen part that is trained by itself is an error, evaluating it is not") {
  stator::Model<Plain, stator::freeze<"fc1">> model;
  const Batch x = ramp();
  const auto part = sum(nn::call(model->fc1, x));
  CHECK_THAT(thrown<stator::GraphError>([&] { part.backward(); }), contains("no gradient storage"));
  CHECK(std::isfinite(part.item()));
  CHECK(std::isfinite(sum(nn::call(model->fc1, x)).item()));
}
