// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"
#include "stator/stator.hpp"

#include <cstdint>

using stator::dynamic;
using stator::GraphError;
using stator::ShapeError;
using stator::Tensor;
using stator::Variable;
using stator::test::contains;
using stator::test::thrown;
namespace nn = stator::nn;

namespace {
struct Net {
  nn::Linear<2, 3> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};
struct Head {
  nn::Linear<3, 1> fc;
  constexpr auto forward(auto x) const { return x | nn::relu | fc; }
};
} // namespace

TEST_CASE("nothing runs before the value is asked for") {
  Variable<float, 2> a{1, 2};
  const Tensor<float, 2> b{10, 20};
  const auto c = a * b;
  a(0) = 5;
  CHECK(c.value()(0) == 50);
  a(0) = 6; // value() runs again
  CHECK(c.value()(0) == 60);
}

TEST_CASE("item of one expression runs once") {
  Variable<float, 2> a{1, 2};
  const auto e = sum(a);
  CHECK(e.item() == 3);
  a(0) = 100;
  CHECK(e.item() == 3);
  const auto copy = e; // a copy has not run yet
  CHECK(copy.item() == 102);
}

TEST_CASE("item after backward is the loss of that backward") {
  Variable<float, 2> a{1, 2};
  const auto e = sum(a * a);
  e.backward();
  CHECK(e.item() == 5);
  CHECK(a.grad()(1) == 4);
}

TEST_CASE("a second backward on one expression throws") {
  Variable<float, 2> a{1, 2};
  const auto e = sum(a * 3);
  e.backward();
  CHECK_THAT(thrown<GraphError>([&] { e.backward(); }), contains("backward() was called twice"));
  CHECK(a.grad()(0) == 3); // and leaves the gradient as it is
  const auto copy = e;
  CHECK_NOTHROW(copy.backward());
}

TEST_CASE("gradients of several expressions add up until zero_grad") {
  Variable<float, 2, 2> a{1, 2, 3, 4};
  sum(a * 2).backward();
  mean(a * a).backward();
  CHECK(a.grad()(0, 0) == 2.5f);
  CHECK(a.grad()(1, 1) == 4);
  a.zero_grad();
  sum(matmul(a, a)).backward();
  CHECK(a.grad()(0, 0) == 7); // row sum 3 + column sum 4
  CHECK(a.grad()(1, 0) == 9);
}

TEST_CASE("the three by four product of the course has PyTorch's gradient") {
  Variable<float, 3, 4> a{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const Tensor<float, 4, 3> b{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const auto c = matmul(a, b);
  const auto e = sum(c);
  CHECK(e.item() == 1656);
  e.backward();
  for (stator::Index i = 0; i < 3; ++i)
    for (stator::Index j = 0; j < 4; ++j) CHECK(a.grad()(i, j) == static_cast<float>(6 + 9 * j));
}

TEST_CASE("one variable may stand in several places of an expression") {
  Variable<float, 3> a{1, 2, 3};
  sum(a * a * a).backward();
  CHECK(a.grad()(2) == 27);
  a.zero_grad();
  const auto twice = a + a;
  sum(twice * twice + a).backward(); // 8 a + 1
  CHECK(a.grad()(0) == 9);
  CHECK(a.grad()(2) == 25);
  // Far more elements than one vector or one thread takes, with a batch known at run time.
  Variable<float, dynamic, 40> big(1000);
  big.fill_(0.5f);
  sum(big * big + big * 3).backward();
  for (const float g : big.grad()) REQUIRE(g == 4);
}

TEST_CASE("grad_fn names the operation as PyTorch does") {
  Variable<float, 2, 2> a{1, 2, 3, 4};
  const Tensor<float, 2, 2> b{1, 2, 3, 4};
  const Tensor<std::int64_t, 2> labels{0, 1};
  CHECK(matmul(a, b).grad_fn() == "MmBackward0");
  CHECK((a + b).grad_fn() == "AddBackward0");
  CHECK((a - 1).grad_fn() == "SubBackward0");
  CHECK((2 * a).grad_fn() == "MulBackward0");
  CHECK((a / b).grad_fn() == "DivBackward0");
  CHECK((-a).grad_fn() == "NegBackward0");
  CHECK(sum(a).grad_fn() == "SumBackward0");
  CHECK(mean(a).grad_fn() == "MeanBackward0");
  CHECK((a | nn::relu).grad_fn() == "ReluBackward0");
  CHECK(nn::log_softmax<1>(a).grad_fn() == "LogSoftmaxBackward0");
  CHECK(stator::view<4>(a).grad_fn() == "ViewBackward0");
  CHECK(nn::cross_entropy(a, labels).grad_fn() == "NllLossBackward0");
  CHECK(matmul(b, b).grad_fn().empty());
  CHECK(matmul(b, b).is_leaf());
  CHECK_FALSE(matmul(a, b).is_leaf());
}

TEST_CASE("a model's expression has the grad_fn of its last operation") {
  const stator::Model<Net> model;
  const Tensor<float, 4, 2> x;
  CHECK(model(x).grad_fn() == "AddmmBackward0");
  CHECK(model(x).requires_grad());
}

TEST_CASE("inputs of one expression with different batches are a ShapeError") {
  const Tensor<float, dynamic, 2> a(3), b(4);
  CHECK_THAT(thrown<ShapeError>([&] { (a + b).value(); }), contains("different batch sizes: 3 and 4"));
  const Tensor<std::int64_t, dynamic> labels(5);
  CHECK_THAT(thrown<ShapeError>([&] { nn::cross_entropy(a, labels).item(); }),
             contains("different batch sizes: 3 and 5"));
  CHECK_THAT(thrown<ShapeError>([&] { static_cast<void>((a + b).shape()); }),
             contains("different batch sizes"));
}

TEST_CASE("a label that is not a class is a ValueError that names the sample") {
  Variable<float, 2, 3> logits{1, 2, 3, 4, 5, 6};
  const Tensor<std::int64_t, 2> labels{1, 3};
  const auto loss = nn::cross_entropy(logits, labels);
  CHECK_THAT(thrown<stator::ValueError>([&] { loss.backward(); }),
             contains("target 3 at sample 1 is out of bounds, there are 3 classes"));
  const Tensor<std::int64_t, 2> ignored{1, -100};
  const auto good = nn::cross_entropy(logits, ignored);
  good.backward();
  CHECK(good.item() == Approx(1.4076059f)); // PyTorch
  CHECK(logits.grad()(0, 1) == Approx(-0.7552715f));
  CHECK(logits.grad()(1, 1) == 0);
}

TEST_CASE("value_into writes to a tensor of the same shape only") {
  const Tensor<float, dynamic, 2> a{1, 2, 3, 4};
  Tensor<float, dynamic, 2> out(2), other(3);
  (a * 10).value_into(out);
  CHECK(out(1, 1) == 40);
  CHECK_THAT(thrown<ShapeError>([&] { (a * 10).value_into(other); }),
             contains("the expression has shape [2, 2], the tensor [3, 2]"));
  Tensor<float, 2, 2> fixed; // extents count, not types
  (a + 1).value_into(fixed.view());
  CHECK(fixed(0, 0) == 2);
}

TEST_CASE("numbers beside tensors are leaves of the tensor's type, known when the program runs") {
  const Tensor<double, 2> a{1, 2};
  for (int factor = 1; factor < 4; ++factor) CHECK((a * factor).value()(1) == 2.0 * factor);
  STATIC_REQUIRE(std::is_same_v<decltype((a * 2.0f).value()), Tensor<double, 2>>);
  CHECK((1 - a).value()(1) == -1);
  CHECK((1 / a).value()(1) == 0.5);
}

TEST_CASE("operands broadcast as in PyTorch, and their gradients are summed") {
  Variable<float, 2, 3> a{1, 2, 3, 4, 5, 6};
  Variable<float, 3> row{10, 20, 30};
  Variable<float, 2, 1> column{100, 200};
  const auto y = a * row + column;
  CHECK(y.shape() == stator::Sizes{stator::Extents(2, 3)});
  CHECK(y.value()(1, 2) == 380);
  sum(y).backward();
  CHECK(a.grad()(1, 0) == 10);
  CHECK(row.grad()(2) == 9);
  CHECK(column.grad()(0, 0) == 3);
}

TEST_CASE("a batch of no samples gives a result of no elements") {
  const Tensor<float, dynamic, 3> none(0);
  CHECK((none * 2).value().numel() == 0);
  CHECK(sum(none).item() == 0);
}

TEST_CASE("an expression can be the operand of several others") {
  Variable<float, 2> a{1, 2};
  const auto square = a * a;
  CHECK(sum(square).item() == 5);
  sum(square + square).backward();
  CHECK(a.grad()(1) == 8);
}

TEST_CASE("one model on the result of another is one expression with the gradients of both") {
  stator::Model<Net> body;
  stator::Model<Head> head;
  body->fc.weight.view().fill_(0.5f);
  body->fc.bias.view().fill_(1);
  head->fc.weight.view().fill_(2);
  head->fc.bias.view().fill_(0);
  Variable<float, 2, 2> x{1, 2, -1, -4};
  const auto y = head(body(x));
  CHECK(y.value()(0, 0) == 15);
  CHECK(y.value()(1, 0) == 0); // relu
  sum(y).backward();
  CHECK(head->fc.weight.grad()(0, 1) == 2.5f);
  CHECK(body->fc.weight.grad()(2, 1) == 4);
  CHECK(x.grad()(0, 0) == 3);
  CHECK(x.grad()(1, 0) == 0);
}

TEST_CASE("an evaluated model has gradients, as in PyTorch") {
  stator::Model<Net> model;
  const Tensor<float, 1, 2> x{3, 4};
  sum(model.eval()(x)).backward();
  CHECK(model->fc.weight.grad()(0, 1) == 4);
}

TEST_CASE("a network without storage is an UnboundError that names the parameter") {
  const Net net;
  const Tensor<float, 1, 2> x{3, 4};
  CHECK_THAT(thrown<stator::UnboundError>([&] { (x | net).value(); }),
             contains("Net: fc.weight has no storage: give the network to a stator::Model"));
}
