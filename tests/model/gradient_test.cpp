// SPDX-License-Identifier: BSL-1.0
// Gradients of a model between backward() and step(): accumulated, clipped, detached, not computed at all.
#include "module/nets.hpp"

#include "catch.hpp"
#include "compare.hpp"

#include "stator/ops/ops.hpp"
#include "stator/optim/optim.hpp"

#include <cmath>

using namespace stator;

namespace gradient_test {

struct Net {
  nn::Linear<3, 4> fc1;
  nn::Linear<4, 2> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::tanh | fc2; }
};
/// The same, without a gradient for what comes before fc2.
struct Detached {
  nn::Linear<3, 4> fc1;
  nn::Linear<4, 2> fc2;
  constexpr auto forward(auto x) const { return detach(x | fc1 | nn::tanh) | fc2; }
};

} // namespace gradient_test

namespace {

using gradient_test::Detached;
using gradient_test::Net;

const Tensor<float, 4, 3> batch{1, 2, 3, -1, 0, 1, 0.5, 0.25, -2, 1, 1, -1};
const Tensor<std::int64_t, 4> labels{0, 1, 1, 0};

std::vector<float> gradients_of(const auto& model) {
  const auto g = model.gradient_arena();
  return {g.begin(), g.end()};
}
double norm_of(const std::vector<float>& v) {
  double squares = 0;
  for (const float g : v) squares += static_cast<double>(g) * static_cast<double>(g);
  return std::sqrt(squares);
}

} // namespace

TEST_CASE("several backwards add up to the gradient of the whole batch") {
  manual_seed(2);
  Model<Net> model;
  nn::cross_entropy(model(batch), labels).backward();
  const std::vector<float> whole = gradients_of(model);
  model.zero_grad();
  CHECK(norm_of(gradients_of(model)) == 0);
  for (Index i = 0; i < 4; i += 2) {
    const TensorView<const float, 2, 3> x(batch.data() + 3 * i);
    const TensorView<const std::int64_t, 2> y(labels.data() + i);
    (nn::cross_entropy(model(x), y) / 2).backward();
  }
  const std::vector<float> parts = gradients_of(model);
  test::check_close(parts, whole, 1e-6);

  // clip_grad_norm_, clip_grad_value_ on all of them at once.
  const double norm = norm_of(parts);
  CHECK(optim::clip_grad_norm_(model, norm / 4) == Approx(norm));
  CHECK(norm_of(gradients_of(model)) == Approx(norm / 4));
  CHECK(model->fc1.weight.grad()(1, 2) == Approx(model.get_parameter("fc1.weight").grad<float>()[5]));
  optim::clip_grad_value_(model, 1e-3);
  for (const float g : gradients_of(model)) CHECK(std::abs(g) <= 1e-3f);
}

TEST_CASE("nothing flows through detach") {
  manual_seed(2);
  Model<Net> model;
  Model<Detached> detached;
  CHECK(detached.load_state_dict(model.state_dict()).empty());
  const auto loss = nn::cross_entropy(model(batch), labels);
  const auto detached_loss = nn::cross_entropy(detached(batch), labels);
  using Cut = run::Program<std::remove_cvref_t<decltype(detached_loss)>, true>;
  STATIC_REQUIRE(Cut::count("Mm") == 1); // the gradient of fc2.weight alone
  loss.backward();
  detached_loss.backward();
  CHECK(loss.item() == detached_loss.item());
  CHECK(std::ranges::equal(model->fc2.weight.grad().values(), detached->fc2.weight.grad().values()));
  for (const float g : detached->fc1.weight.grad().values()) CHECK(g == 0);
  for (const float g : detached->fc1.bias.grad().values()) CHECK(g == 0);
  // Outside of a network too.
  Variable<float, 2> a{2, 3};
  sum(a * detach(a)).backward();
  CHECK(a.grad()(1) == 3);
}

TEST_CASE("without backward() no gradient is computed: torch.no_grad") {
  Model<Net> model;
  const auto logits = model(batch);
  using Inference = run::Program<std::remove_cvref_t<decltype(logits)>, false>;
  STATIC_REQUIRE(Inference::count("AccumulateGrad") == 0);
  STATIC_REQUIRE(Inference::computed_nodes == 3); // two products with their biases, tanh
  (void)logits.value();
  CHECK(norm_of(gradients_of(model)) == 0);
}

TEST_CASE("parameters that a pattern selects have options of their own") {
  manual_seed(2);
  Model<Net> model;
  const float weight = model->fc2.weight(0, 0), bias = model->fc2.bias(1);
  for (float& g : model.gradient_arena()) g = 1;
  optim::SGD optimizer{model, {.lr = 0.5}};
  optimizer.add_param_group("*.bias", {.lr = 0.25});
  optimizer.step();
  CHECK(model->fc2.weight(0, 0) == weight - 0.5f);
  CHECK(model->fc2.bias(1) == bias - 0.25f);
}
