// SPDX-License-Identifier: BSL-1.0
// auto [y, z] = model(x): a forward that returns several values gives as many expressions, which share one
// call.
#include "catch.hpp"
#include "module/several_results.hpp"
#include "stator/stator.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <tuple>

using stator::Tensor;
using stator::test::contains;
using stator::test::Speaker;
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

namespace {
/// Two of one type.
template<class X>
struct Both {
  X left, right;
};

struct Twins {
  nn::Linear<2, 2> fc;
  constexpr auto forward(auto x) const { return Both{x | fc, x * 2}; }
};

Tensor<float, 2, 1, 3> steps() { return {1, 2, 3, 0.5f, -1, 0}; }
} // namespace

TEST_CASE("a struct and a tuple inside of it keep their names and places") {
  const stator::Model<Speaker> model;
  const auto x = steps();
  const auto result = model.eval()(x);
  STATIC_REQUIRE(std::is_same_v<decltype(result.output.value()), Tensor<float, 2, 1, 2>>);
  const auto [h, c] = result.state;
  // The last hidden state is that of the last step.
  const Tensor<float, 1, 1, 4> last = h.value();
  const auto said = nn::call(model->head, last).value();
  CHECK(std::ranges::equal(said.values(), result.output.value().values().last(2)));
  sum(h * c).backward();
  CHECK_FALSE(model->head.weight.has_grad());
  CHECK(std::get<0>(model->encoder.lstm.elements).has_grad());
}

TEST_CASE("a struct whose template cannot hold expressions of several types becomes a tuple of them") {
  const stator::Model<Twins> model;
  const auto x = numbers();
  const auto [left, right] = model(x);
  CHECK(right.value()(1, 1) == 12);
  CHECK(left.value()(0, 0) == nn::call(model->fc, x).value()(0, 0));
}

TEST_CASE("forward hooks see what forward returns, and its values by name") {
  const stator::Model<Speaker> model;
  const auto x = steps();
  const auto plain = model(x);
  const auto output = plain.output.value();
  const auto c = std::get<1>(plain.state).value();
  std::string seen;
  const auto watched =
      model.with(stator::forward_hook<"">([&](const auto&, const auto&, const auto& out) {
                   seen += "all";
                   CHECK(std::ranges::equal(out.output.values(), output.values()));
                   CHECK(std::ranges::equal(std::get<1>(out.state).values(), c.values()));
                 }),
                 stator::forward_hook<"encoder">([&](const auto&, const auto&, const auto& out) {
                   seen += " encoder";
                   CHECK(std::ranges::equal(std::get<1>(std::get<1>(out)).values(), c.values()));
                 }),
                 stator::forward_hook<"encoder.1.1">([&](const auto& cell) {
                   seen += " cell";
                   CHECK(std::ranges::equal(cell.values(), c.values()));
                 }),
                 stator::forward_hook<"output">([&](const auto& out) {
                   seen += " output";
                   CHECK(out.shape() == output.shape());
                 }));
  sum(watched(x).output).item();
  CHECK(seen == " encoder cellall output");
}

TEST_CASE("hooks replace what forward returns, all of it or a value by name, and its gradients") {
  const stator::Model<Speaker> model;
  const auto x = steps();
  const auto plain = model(x);
  const float output = plain.output.value()(0, 0, 0), h = std::get<0>(plain.state).value()(0, 0, 0);
  const auto doubled = stator::forward_hook<"">(stator::traced([](const auto&, auto, auto out) {
    return std::tuple(out.output * 2.0f, stator::no_gradient, std::get<1>(out.state));
  }));
  const auto negated = stator::forward_hook<"state.0">(stator::traced([](auto value) { return -value; }));
  Tensor<float, 2, 1, 2> gradient;
  const auto result = model.with(doubled, negated, stator::retain_grad<"output">(gradient))(x);
  CHECK(result.output.value()(0, 0, 0) == 2 * output);
  CHECK(std::get<0>(result.state).value()(0, 0, 0) == -h);
  sum(result.output * 3.0f).backward();
  CHECK(gradient(1, 0, 1) == 3);
}

TEST_CASE("grad is asked about one of several results by its name") {
  const stator::Model<Speaker> model;
  const auto x = steps();
  const auto loss = sum(model(x).output * 3.0f);
  CHECK(stator::grad<"output">(loss).value()(1, 0, 0) == 3);
  const auto hidden = stator::grad<"encoder.0">(loss).value();
  const auto& weight = model->head.weight;
  CHECK(hidden(1, 0, 2) == Approx(3 * (weight(0, 2) + weight(1, 2))));
}

TEST_CASE("values computes all results in one run, in their places") {
  const stator::Model<Speaker> model;
  const auto x = steps();
  const auto expressions = model.eval()(x);
  const auto all = stator::values(expressions);
  STATIC_REQUIRE(std::is_same_v<decltype(all.output), Tensor<float, 2, 1, 2>>);
  CHECK(std::ranges::equal(all.output.values(), expressions.output.value().values()));
  CHECK(std::ranges::equal(std::get<1>(all.state).values(), std::get<1>(expressions.state).value().values()));

  // What is computed for several of them runs once, whether a kernel or a loop gives it, and integers are
  // results too.
  stator::Model<Halves> halves;
  const auto n = numbers();
  const auto [a, b] = stator::values(halves(n));
  for (int i = 0; i < 4; ++i) CHECK((a.data()[i] == 0) + (b.data()[i] == 0) < 3);
  const Tensor<float, stator::dynamic, 2> batch{1, 5, 4, 2, 0, 7};
  const auto [order, doubled, total] =
      stator::values(stator::argsort<1>(batch), batch * 2.0f, stator::sum_dims<1>(batch * 2.0f));
  CHECK(order(1, 0) == 1);
  CHECK(doubled(2, 1) == 14);
  CHECK(total(0) == 12);
  // A loss and its gradient, in any order.
  const auto variational = encoder();
  const auto [mu, log_var] = variational.eval()(n);
  const auto loss = sum(mu * log_var);
  const auto gradient = stator::grad<"mu.weight">(loss);
  const auto [l, g, m] = stator::values(loss, gradient, mu);
  CHECK(l.item() == loss.item());
  CHECK(std::ranges::equal(g.values(), gradient.value().values()));
  CHECK(std::ranges::equal(m.values(), mu.value().values()));
  const auto [same, again] = stator::values(batch * 2.0f, batch * 2.0f);
  CHECK(same(2, 1) == again(2, 1));
}
