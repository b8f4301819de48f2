// SPDX-License-Identifier: BSL-1.0
// freeze and eval_mode in the type of a model.
#include "module/nets.hpp"

#include "stator/ops/cross_entropy.hpp"
#include "stator/optim/sgd.hpp"

#include "catch.hpp"

#include <algorithm>
#include <vector>

using namespace stator;
using namespace stator::test;

namespace {

struct Encoder {
  nn::Linear<6, 5> fc1;
  nn::Linear<5, 4> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2 | nn::relu; }
};
struct Net {
  Encoder backbone;
  nn::Linear<4, 3> head;
  constexpr auto forward(auto x) const { return x | backbone | head; }
};

/// Doubles its input in training.
struct TrainingProbe {
  Parameter<float, 1> one;
  void reset_parameters() { one(0) = 1; }
  constexpr auto forward(auto x) const {
    const bool training = x.training();
    return x * (training ? 2.0 : 1.0) * one;
  }
};
struct Probes {
  TrainingProbe a;
  struct Inner {
    TrainingProbe b, c;
    constexpr auto forward(auto x) const { return x | b | c; }
  } inner;
  TrainingProbe d;
  constexpr auto forward(auto x) const { return x | a | inner | d; }
};

template<class M>
auto loss_of(const M& model, const Tensor<float, 4, 6>& x, const Tensor<std::int64_t, 4>& y) {
  return nn::cross_entropy(model(x), y);
}

} // namespace

TEST_CASE("frozen parameters have no gradient storage and no backward code") {
  using Frozen = Model<Net, freeze<"backbone.*">>;
  STATIC_REQUIRE(Frozen::gradient_bytes == 64 + 64);
  STATIC_REQUIRE(Frozen::parameter_bytes == Model<Net>::parameter_bytes);

  Tensor<float, 4, 6> x;
  Tensor<std::int64_t, 4> y;
  std::fill(x.begin(), x.end(), 0.5f);
  std::fill(y.begin(), y.end(), 1);
  manual_seed(0);
  Model<Net> all;
  manual_seed(0);
  Frozen frozen;

  const auto loss = loss_of(all, x, y);
  const auto frozen_loss = loss_of(frozen, x, y);
  using All = run::Program<std::remove_cvref_t<decltype(loss)>, true>;
  using Some = run::Program<std::remove_cvref_t<decltype(frozen_loss)>, true>;
  // Of the products of the backward pass only that of the head's weight is left.
  STATIC_REQUIRE(All::count("Mm") == 5);
  STATIC_REQUIRE(Some::count("Mm") == 1);
  STATIC_REQUIRE(Some::computed_nodes < All::computed_nodes);

  loss.backward();
  frozen_loss.backward();
  CHECK(frozen_loss.item() == loss.item());
  CHECK(std::ranges::equal(frozen->head.weight.grad().values(), all->head.weight.grad().values()));
  CHECK_FALSE(frozen.get_parameter("backbone.fc1.weight").requires_grad());
  CHECK_THROWS_AS(frozen->backbone.fc1.weight.grad(), GraphError);

  const std::vector<float> before(frozen->backbone.fc1.weight.begin(), frozen->backbone.fc1.weight.end());
  const std::vector<float> head(frozen->head.weight.begin(), frozen->head.weight.end());
  optim::SGD optimizer(frozen, {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1});
  optimizer.step();
  CHECK(std::ranges::equal(before, frozen->backbone.fc1.weight));
  CHECK_FALSE(std::ranges::equal(head, frozen->head.weight));
}

TEST_CASE("eval_mode evaluates a submodule of a model that is trained") {
  Tensor<float, 1> x{1};
  const Model<Probes> trained;
  CHECK(trained(x).item() == 16);
  CHECK(trained.eval()(x).item() == 1);
  const Model<Probes, eval_mode<"inner">> partly;
  CHECK(partly(x).item() == 4);
  const Model<Probes, eval_mode<"inner.c", "a">> some;
  CHECK(some(x).item() == 4);
  const Model<Probes, freeze<"inner">, eval_mode<"*.b">> both;
  CHECK(both(x).item() == 8);
}

TEST_CASE("a frozen model copies, moves and clones as any other") {
  Model<Net, freeze<"backbone">> model;
  const Model<Net, freeze<"backbone">> copy = model.clone();
  CHECK(std::ranges::equal(copy->backbone.fc2.bias, model->backbone.fc2.bias));
  CHECK(copy->backbone.fc2.bias.grad_data() == nullptr);
  CHECK(copy->head.bias.grad_data() != nullptr);
}
