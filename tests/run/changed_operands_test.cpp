// SPDX-License-Identifier: BSL-1.0
// Operands that are written to between item() and backward(): one rule for all. They are read as they are at
// backward(), and what must be in a range is checked again before a gradient has changed.
#include "catch.hpp"

#include "stator/stator.hpp"

using namespace stator;
using stator::test::thrown;

namespace changed_operands_test {
struct Words {
  nn::Embedding<10, 4> table;
  nn::Linear<4, 3> fc;
  constexpr auto forward(auto x) const { return x | table | fc; }
};
struct Affine {
  nn::Linear<3, 2, {.bias = false}> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};
} // namespace changed_operands_test
using changed_operands_test::Affine;
using changed_operands_test::Words;

namespace {
bool untouched(const auto& model) {
  bool none = std::ranges::all_of(model.gradient_arena(), [](float g) { return g == 0; });
  for (std::size_t i = 0; i < model.parameter_table.size(); ++i) none = none && !model.has_grad(i);
  return none;
}
} // namespace

TEMPLATE_TEST_CASE("an index or label that is written between item() and backward() is checked again", "",
                   (std::integral_constant<Index, 2>), (std::integral_constant<Index, dynamic>)) {
  Model<Words> model;
  Tensor<std::int64_t, TestType::value> words{3, 7}, labels{0, 2};
  const auto loss = nn::cross_entropy(model(words), labels);
  const float value = loss.item();
  words(1) = 100000;
  CHECK(thrown<ValueError>([&] { loss.backward(); }) ==
        "stator: embedding: index 100000 at position 1 is out of range, the table has 10 rows");
  CHECK(untouched(model));
  words(1) = -1;
  CHECK_THROWS_AS(loss.backward(), ValueError);
  words(1) = 7;
  labels(0) = 3;
  CHECK(thrown<ValueError>([&] { loss.backward(); }) ==
        "stator: nll_loss: target 3 at sample 0 is out of bounds, there are 3 classes");
  CHECK(untouched(model));
  // In order again, it goes on where it was.
  labels(0) = 0;
  loss.backward({.retain_graph = true});
  CHECK(loss.item() == value);
  CHECK(model->table.weight.grad()(7, 0) != 0);
  // A second one as well.
  model.zero_grad();
  words(0) = 10;
  CHECK_THROWS_AS(loss.backward(), ValueError);
  CHECK(untouched(model));
  words(0) = 5; // another row of the table: the gradient goes there
  loss.backward();
  CHECK(model->table.weight.grad()(5, 0) != 0);
  CHECK(model->table.weight.grad()(3, 0) == 0);
}

TEST_CASE("numbers that are written between item() and backward() are read as they are then") {
  Model<Affine> model;
  Tensor<float, 1, 3> x{1, 2, 3};
  const auto loss = sum(model(x));
  const float value = loss.item();
  std::ranges::copy(std::array{5.f, 6.f, 7.f}, x.begin());
  loss.backward();
  CHECK(model->fc.weight.grad()(1, 2) == 7);
  CHECK(loss.item() == value);
}

TEST_CASE("assigning a tensor of the same size keeps its memory, and the expressions of it") {
  Model<Affine> model;
  Tensor<float, dynamic, 3> x(2);
  x.fill_(1);
  const auto loss = sum(model(x));
  (void)loss.item();
  const float* const memory = x.data();
  const Tensor<float, dynamic, 3> next{5, 6, 7, 8, 9, 10};
  x = next;
  CHECK(x.data() == memory);
  loss.backward();
  CHECK(model->fc.weight.grad()(0, 0) == 13);
  CHECK(model->fc.weight.grad()(1, 2) == 17);
  const Tensor<float, dynamic, 3> longer(4);
  x = longer;
  CHECK(x.size(0) == 4);
  const Tensor<float, dynamic, 3> elsewhere = std::move(x);
  x = next; // what has been moved from gets memory again
  CHECK(x(1, 2) == 10);
}
