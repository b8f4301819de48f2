// SPDX-License-Identifier: BSL-1.0
// Who owns the inputs of an expression: it refers to tensors that have a name, and owns what was a temporary.
#include "allocations.hpp"
#include "catch.hpp"
#include "stator/stator.hpp"

#include <cstdint>
#include <vector>

using stator::dynamic;
using stator::Tensor;
using stator::Variable;
namespace nn = stator::nn;

namespace {
struct Net {
  nn::Linear<4, 2> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};
struct Sum {
  nn::Linear<2, 1> fc;
  constexpr auto forward(auto x, auto y) const { return stator::add(x, y) | fc; }
};

stator::Model<Net> ones() {
  stator::Model<Net> model;
  model->fc.weight.view().fill_(1);
  model->fc.bias.view().fill_(0);
  return model;
}
Tensor<float, 2, 4> numbers() { return {1, 2, 3, 4, 5, 6, 7, 8}; }

/// Writes over what was freed just now, in the sizes that the tests use.
void overwrite_freed() {
  std::vector<Tensor<float, 2, 4>> a(32);
  std::vector<Tensor<float, 2>> b(32);
  for (auto& t : a) t.fill_(-1e30f);
  for (auto& t : b) t.fill_(-1e30f);
}
template<class E>
float first(const E& expression) {
  overwrite_freed();
  return expression.value().data()[0];
}

auto of_local(const stator::Model<Net>& model) {
  auto x = numbers();
  return model(std::move(x));
}
} // namespace

TEST_CASE("a temporary input belongs to the expression") {
  const auto model = ones();
  const auto y = model(Tensor<float, 2, 4>{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(first(y) == 10);
  CHECK(y.value()(1, 1) == 26);
  CHECK(first(model(numbers())) == 10);
  CHECK(first(of_local(model)) == 10);
  CHECK(first(model.eval()(numbers())) == 10);
  CHECK(first(numbers() | *model) == 10);
  CHECK(first(nn::call(*model, numbers())) == 10);
  CHECK(first(model.with(stator::forward_hook<"fc">([](const auto&, const auto&, const auto&) {}))(
            numbers())) == 10);
}

TEST_CASE("operations and losses own their temporaries") {
  const Tensor<float, 2> named{1, 2};
  CHECK(first(exp(Tensor<float, 2>{0, 1})) == 1);
  CHECK(first(Tensor<float, 2>{3, 4} + named) == 4);
  CHECK(first(named * Tensor<float, 2>{3, 4}) == 3);
  CHECK(first(1 - Tensor<float, 2>{3, 4}) == -2);
  CHECK(first(-Tensor<float, 2>{3, 4}) == -3);
  CHECK(first(sum(Tensor<float, 2>{3, 4})) == 7);
  CHECK(first(mean(Tensor<float, 2>{3, 5})) == 4);
  CHECK(first(stator::sum_dims<1>(numbers())) == 10);
  CHECK(first(matmul(Tensor<float, 1, 2>{3, 4}, Tensor<float, 2, 1>{1, 2})) == 11);
  CHECK(first(stator::maximum(Tensor<float, 2>{3, 4}, 5)) == 5);
  CHECK(first(pow(Tensor<float, 2>{3, 4}, 2)) == 9);
  CHECK(first(stator::select<0, 1>(numbers())) == 5);
  CHECK(first(std::get<1>(stator::split<1, 3, 1>(numbers()))) == 4);
  CHECK(first(stator::no_grad(Tensor<float, 2>{3, 4})) == 3);
  CHECK(first(Tensor<float, 2>{-3, 4} | nn::relu) == 0);
  CHECK(first(nn::mse_loss(Tensor<float, 2>{3, 4}, Tensor<float, 2>{1, 2})) == 4);
  CHECK(first(nn::MSELoss<>{}(named, Tensor<float, 2>{2, 3})) == 1);
  CHECK(first(nn::cross_entropy(Tensor<float, 2, 4>(), Tensor<std::int64_t, 2>{1, 3})) == Approx(1.3862944f));
  CHECK(first(nn::Flatten<0>{}(numbers())) == 1);
}

TEST_CASE("an expression of expressions owns what they own") {
  const auto model = ones();
  auto logits = model(numbers());
  const auto twice = logits + logits; // copies share the tensor
  const auto moved = std::move(logits) * 2;
  CHECK(first(twice) == 20);
  CHECK(first(moved) == 20);
}

TEST_CASE("a copy of an expression outlives it") {
  const auto copy_of = [] {
    const auto y = exp(Tensor<float, 2>{0, 1});
    auto copy = y;
    CHECK(y.value()(0) == 1);
    return copy;
  };
  const auto copy = copy_of();
  CHECK(first(copy) == 1);
  auto assigned = exp(Tensor<float, 2>{5, 6});
  assigned = copy;
  CHECK(first(assigned) == 1);
}

TEST_CASE("an expression that was moved into another one is a GraphError") {
  auto y = exp(Tensor<float, 2>{0, 1});
  const auto z = std::move(y) + 1;
  CHECK_THAT(stator::test::thrown<stator::GraphError>([&] { y.value(); }),
             stator::test::contains("had been moved into another one"));
  CHECK(first(z) == 2);
}

TEST_CASE("a named tensor is referred to, not copied") {
  Tensor<float, dynamic, 4> x(1);
  const auto model = ones();
  x(0, 0) = 1;
  const std::size_t before = stator::test::allocations();
  const auto y = sum(model(x) * 2);
  CHECK(stator::test::allocations() == before);
  x(0, 0) = 5;
  CHECK(y.item() == 20);
}

TEST_CASE("a moved tensor is not copied either") {
  Tensor<float, dynamic, 4> x(3);
  const float* const elements = x.data();
  const auto model = ones();
  const auto y = model(std::move(x));
  CHECK(stator::detail::pack_item<0>(y.operands).data == elements);
  CHECK(y.shape()[0] == 3);
}

TEST_CASE("a temporary Variable requires a gradient, which nobody else sees") {
  const Variable<float, 2> named{1, 2};
  const auto y = sum(Variable<float, 2>{3, 4} * named);
  STATIC_REQUIRE(decltype(y)::requires_grad());
  overwrite_freed();
  y.backward();
  CHECK(named.grad()(1) == 4);
}

TEST_CASE("several temporaries of one call each belong to it") {
  stator::Model<Sum> model;
  model->fc.weight.view().fill_(1);
  model->fc.bias.view().fill_(0);
  const Tensor<float, 1, 2> named{1, 2};
  CHECK(first(model(Tensor<float, 1, 2>{3, 4}, Tensor<float, 1, 2>{5, 6})) == 18);
  CHECK(first(model(named, Tensor<float, 1, 2>{5, 6})) == 14);
}
