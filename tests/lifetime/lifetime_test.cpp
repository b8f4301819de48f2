// SPDX-License-Identifier: BSL-1.0
// STATOR_CHECK_LIFETIMES: an expression that outlives a tensor or model that it refers to. Every file of this
// folder defines it, as every source of a program must.
#define STATOR_CHECK_LIFETIMES 1
#include "catch.hpp"
#include "stator/stator.hpp"

#include <memory>
#include <optional>

using stator::dynamic;
using stator::LifetimeError;
using stator::Tensor;
using stator::Variable;
using stator::test::contains;
using stator::test::thrown;
namespace nn = stator::nn;

namespace {
struct Net {
  nn::Linear<4, 2> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

auto of_local(const stator::Model<Net>& model) {
  const Tensor<float, 2, 4> x{1, 2, 3, 4, 5, 6, 7, 8};
  return model(x);
}
auto of_local_view() {
  const Tensor<float, 2> x{1, 2};
  const auto view = x.view();
  return view * 2;
}
} // namespace

TEST_CASE("an expression of a function's local tensor is a LifetimeError") {
  const stator::Model<Net> model;
  const auto y = of_local(model);
  CHECK_THAT(thrown<LifetimeError>([&] { y.value(); }),
             contains("a tensor that this expression refers to is gone") && contains("std::move(x)"));
  CHECK_THROWS_AS(sum(y).backward(), LifetimeError);
  CHECK_THROWS_AS(of_local_view().value(), LifetimeError);
}

TEST_CASE("memory that was given to another tensor since is not taken for the old one") {
  auto x = std::make_unique<Tensor<float, 2>>(std::initializer_list<float>{1, 2});
  const auto y = *x * 2;
  CHECK(y.value()(0) == 2);
  x.reset();
  std::vector<Tensor<float, 2>> others(64); // one of them may lie where x lay
  CHECK_THROWS_AS(y.value(), LifetimeError);
}

TEST_CASE("a tensor that was assigned other memory is a LifetimeError") {
  Tensor<float, dynamic, 2> x(3);
  const auto y = x * 2;
  x = Tensor<float, dynamic, 2>(4);
  CHECK_THROWS_AS(y.value(), LifetimeError);
  Variable<float, 2> a{1, 2};
  const auto loss = sum(a * a);
  CHECK(loss.item() == 5);
  a = Variable<float, 2>{3, 4};
  CHECK_THROWS_AS(loss.backward(), LifetimeError);
}

TEST_CASE("a moved tensor takes its expressions along") {
  Tensor<float, 2> x{1, 2};
  const auto y = x * 2;
  const Tensor<float, 2> other = std::move(x);
  CHECK(y.value()(1) == 4);
}

TEST_CASE("a model that is gone, or moved away and gone, is a LifetimeError") {
  const Tensor<float, 2, 4> x{1, 2, 3, 4, 5, 6, 7, 8};
  std::optional<stator::Model<Net>> model(std::in_place);
  const auto y = (*model)(x);
  const auto evaluated = model->eval();
  const auto z = evaluated(x);
  CHECK(y.value().numel() == 4);
  const stator::Model<Net> taken = std::move(*model);
  model.reset();
  CHECK_THAT(thrown<LifetimeError>([&] { y.value(); }),
             contains("a model that this expression refers to is gone"));
  CHECK_THROWS_AS(z.value(), LifetimeError);
  CHECK_THROWS_AS(evaluated(x), LifetimeError);
  model.emplace(); // at the same address
  CHECK_THROWS_AS(y.value(), LifetimeError);
  CHECK(taken(x).value().numel() == 4);
}

TEST_CASE("a model that was moved away is an UnboundError, and works again when it is given back") {
  const Tensor<float, 2, 4> x{1, 2, 3, 4, 5, 6, 7, 8};
  stator::Model<Net> model;
  const auto y = model(x);
  const auto before = y.value();
  stator::Model<Net> other = std::move(model);
  CHECK_THROWS_AS(y.value(), stator::UnboundError);
  model = std::move(other);
  CHECK(y.value()(1, 1) == before(1, 1));
}

TEST_CASE("temporaries and foreign memory are not mistakes") {
  const stator::Model<Net> model;
  const auto y = model(Tensor<float, 2, 4>{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(y.value().numel() == 4);
  const auto copy = [&] { return model(Tensor<float, 2, 4>()); }();
  CHECK(copy.value().numel() == 4);
  float memory[2] = {1, 2};
  const stator::TensorView<float, 2> view(memory);
  CHECK((view * 2).value()(1) == 4);
}
