// SPDX-License-Identifier: BSL-1.0
// auto [y, z] = model(x): a forward that returns several values gives as many expressions, which share one
// call.
#include "catch.hpp"
#include "stator/stator.hpp"

#include <array>
#include <cstdint>
#include <tuple>

using stator::Tensor;
using stator::test::contains;
using stator::test::thrown;
namespace nn = stator::nn;

namespace {
/// The heads of a variational autoencoder.
struct Encoder {
  nn::Linear<2, 2, nn::LinearOptions{.bias = false}> mu, log_var;
  nn::BatchNorm1d<2> bn;
  constexpr auto forward(auto x) const {
    const auto h = x | bn;
    return std::tuple(h | mu, h | log_var);
  }
};
struct Halves {
  nn::Linear<2, 4> fc;
  constexpr auto forward(auto x) const {
    const auto [a, b] = stator::chunk<2, 1>(nn::dropout<0.5>(x | fc));
    return std::array{a, b};
  }
};

stator::Model<Encoder> encoder() {
  stator::Model<Encoder> model;
  model->mu.weight.view().fill_(1);
  model->log_var.weight.view().fill_(2);
  return model;
}
Tensor<float, 2, 2> numbers() { return {1, 2, 3, 6}; }
} // namespace

TEST_CASE("each of several results is an expression") {
  const auto model = encoder();
  const auto x = numbers();
  const auto [mu, log_var] = model.eval()(x);
  CHECK(mu.value()(0, 0) == Approx(3).epsilon(1e-4));
  CHECK(log_var.value()(1, 1) == Approx(18).epsilon(1e-4));
  CHECK(mu.requires_grad());
  sum(log_var).backward();
  CHECK(model->log_var.weight.grad()(0, 0) == Approx(4).epsilon(1e-4));
  CHECK_FALSE(model->mu.weight.has_grad());
}

TEST_CASE("a loss of several results runs the network once") {
  const auto model = encoder();
  const auto x = numbers();
  const auto [mu, log_var] = model(x);
  const auto loss = sum(mu * mu) + sum(exp(log_var)) + sum(mu);
  loss.backward();
  CHECK(model->bn.num_batches_tracked.item() == 1);
  using P =
      stator::run::Program<typename stator::expr::borrowed<std::remove_cvref_t<decltype(loss)>>::type, false>;
  STATIC_REQUIRE(P::count("Mm") + P::count("Addmm") == 2);
  stator::Model<Halves> halves;
  halves->fc.weight.view().fill_(0);
  halves->fc.bias.view().fill_(1);
  const auto [a, b] = halves(x);
  const auto [c, d] = halves(x);
  CHECK(sum(a * 0 + a - a).item() == 0); // one dropout mask
  CHECK(sum(a + b - (a + b)).item() == 0);
  CHECK_THAT(thrown<stator::GraphError>([&] { sum(a + d).item(); }),
             contains("results of two calls of Halves"));
  static_cast<void>(c);
}

TEST_CASE("several results own the temporary that they come from") {
  const auto model = encoder();
  const auto results = [&] { return model.eval()(numbers()); }();
  Tensor<float, 2, 2> other;
  other.fill_(1e30f);
  CHECK(std::get<0>(results).value()(1, 0) == Approx(9).epsilon(1e-4));
  CHECK((std::get<0>(results) + std::get<1>(results)).value()(1, 0) == Approx(27).epsilon(1e-4));
}

TEST_CASE("a network with hooks may return several results") {
  const auto model = encoder();
  const auto x = numbers();
  int calls = 0;
  const auto [mu, log_var] =
      model.with(stator::forward_hook<"bn">([&](const auto&, const auto&, const auto&) { ++calls; }))(x);
  sum(mu + log_var).backward();
  CHECK(calls == 1);
}
