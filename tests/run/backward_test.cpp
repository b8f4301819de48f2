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
