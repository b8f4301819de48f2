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

/// Weights so large that zero_grad() leaves their gradients to the next backward(); `other` is not always
/// used.
struct Large {
  nn::Linear<3, 2048> fc1;
  nn::Linear<2048, 2> fc2;
  nn::Linear<2048, 2> other;
  constexpr auto forward(auto x) const { return x | fc1 | nn::tanh | fc2; }
};

} // namespace gradient_test

namespace {

using gradient_test::Detached;
using gradient_test::Large;
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

namespace {
/// The gradients of a model whose gradients are looked at: zero_grad() clears them at once.
std::vector<float> fresh(const Model<Large>& model, const auto&... losses) {
  Model<Large> copy = model;
  CHECK(!copy.gradient_arena().empty());
  copy.zero_grad();
  (losses(copy).backward(), ...);
  return gradients_of(copy);
}
const auto first = [](const auto& model) { return nn::cross_entropy(model(batch), labels); };
const auto second = [](const auto& model) { return mean(square(model->other(tanh(model->fc1(batch))))); };
const auto twice = [](const auto& model) {
  return nn::cross_entropy(model(batch), labels) + nn::cross_entropy(model(batch * 2.0F), labels);
};
} // namespace

TEST_CASE("the first backward after zero_grad leaves what a model without gradients would have") {
  manual_seed(5);
  Model<Large> model;
  const std::vector<float> once = fresh(model, first), both = fresh(model, first, second);
  const auto run = [&](const auto&... losses) {
    model.zero_grad();
    (losses(model).backward(), ...);
    Model<Large> copy = model; // looks at the gradients; the model goes on without having been looked at
    return gradients_of(copy);
  };
  CHECK(run(first) == once);
  CHECK(run(first) == once);
  CHECK(run(first, second) == both);
  CHECK(run(first) == once); // `other` has none again
  CHECK(!model->other.weight.has_grad());
  CHECK(run(second, first) == fresh(model, second, first));
  const auto scaled = [](const auto& m) { return nn::cross_entropy(m(batch * 2.0F), labels); };
  const std::vector<float> together = run(twice);
  test::check_close(together, test::doubles(fresh(model, twice)), 1e-6);
  test::check_close(together, test::doubles(run(first, scaled)), 1e-6);
  std::vector<float> doubled = once;
  for (float& g : doubled) g *= 2;
  test::check_close(run(first, first), test::doubles(doubled), 1e-6);
}

TEST_CASE("whoever looks at a gradient after zero_grad finds zeros, before and after") {
  manual_seed(5);
  Model<Large> model;
  const auto train = [&] {
    first(model).backward();
    second(model).backward();
  };
  train();
  model.zero_grad();
  CHECK(model->fc2.weight.grad().values()[7] == 0);
  const auto seen = model->fc2.weight.grad();
  CHECK(model.get_parameter("other.weight").grad<float>()[9] == 0);
  train();
  CHECK(seen.values()[7] != 0);
  model.zero_grad();
  CHECK(seen.values()[7] == 0);
  train();
  model.zero_grad();
  CHECK(norm_of(gradients_of(Model<Large>(model))) == 0);
  const auto all = model.gradient_arena();
  CHECK(norm_of({all.begin(), all.end()}) == 0);
  train();
  model.zero_grad();
  CHECK(norm_of({all.begin(), all.end()}) == 0);
}

TEST_CASE("clipping, optimisers and requires_grad_ see nothing of gradients that zero_grad has left") {
  manual_seed(5);
  Model<Large> model;
  auto optimizer = optim::SGD(model, {.lr = 0.5, .weight_decay = 0.1});
  second(model).backward();
  model.zero_grad();
  const Model<Large> before = model;
  first(model).backward();
  const std::vector<float> alone = fresh(before, first);
  CHECK(optim::clip_grad_norm_(model, 1e9) == Approx(norm_of(alone)));
  optimizer.step();
  CHECK(std::ranges::equal(model->other.weight.values(), before->other.weight.values()));
  CHECK(!std::ranges::equal(model->fc1.weight.values(), before->fc1.weight.values()));
  model.zero_grad({.set_to_none = false});
  CHECK(model->fc1.weight.has_grad());
  CHECK(!model->other.weight.has_grad());
  Model<Large> frozen = before;
  first(frozen).backward();
  frozen.zero_grad();
  frozen.requires_grad_("fc2", false);
  first(frozen).backward();
  CHECK(!frozen->fc2.weight.has_grad());
  CHECK(frozen->fc2.weight.grad().values()[0] == 0);
  CHECK(frozen->fc1.weight.has_grad());
  frozen->fc2.weight.set_has_grad();
  frozen.zero_grad();
  frozen->fc2.weight.set_has_grad();
  CHECK(frozen->fc2.weight.has_grad());
  CHECK(frozen->fc2.weight.grad().values()[0] == 0);
}
