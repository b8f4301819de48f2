// SPDX-License-Identifier: BSL-1.0
// Values and gradients of operations on several element types. The numbers are those of PyTorch 1.13; the
// types alone are in static/promotion.cpp.
#include "catch.hpp"
#include "stator/stator.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using stator::eq;
using stator::gt;
using stator::le;
using stator::ne;
using stator::Tensor;
using stator::to;
using stator::Variable;
using stator::where;
namespace nn = stator::nn;

namespace {
template<class E>
std::vector<double> values(const E& expression) {
  const auto y = expression.value();
  return {y.begin(), y.end()};
}
using Values = std::vector<double>;

constexpr double infinity = std::numeric_limits<double>::infinity();
} // namespace

TEST_CASE("integer tensors do not truncate numbers") {
  const Tensor<std::int64_t, 4> i{1, 2, 3, 4};
  CHECK(values(i * 0.5) == Values{0.5, 1, 1.5, 2});
  CHECK(values(i / 2) == Values{0.5, 1, 1.5, 2});
  CHECK(values(1 / i)[2] == Approx(1.0 / 3));
  CHECK(values(i + 0.5) == Values{1.5, 2.5, 3.5, 4.5});
  CHECK(values(3.75 - i) == Values{2.75, 1.75, 0.75, -0.25});
  CHECK(values(exp(i))[3] == Approx(54.59815));
  CHECK(values(i * 2) == Values{2, 4, 6, 8});
  CHECK(values(1 - i) == Values{0, -1, -2, -3});
  CHECK(values(i + i * i) == Values{2, 6, 12, 20});
  CHECK(values(stator::maximum(i, 2.5)) == Values{2.5, 2.5, 3, 4});
  CHECK(values(stator::clamp(i, 1.5, 3)) == Values{1.5, 2, 3, 3});
  CHECK(values(i | nn::relu) == Values{1, 2, 3, 4});
  CHECK(values(abs(-i)) == Values{1, 2, 3, 4});
  CHECK(values(stator::sign(i - 2)) == Values{-1, 0, 1, 1});
}

TEST_CASE("comparisons give bool tensors, computed in the common type") {
  const Tensor<std::int64_t, 4> i{1, 2, 3, 4};
  const Tensor<double, 4> d{1, 2.5, 3, 0};
  STATIC_REQUIRE(std::is_same_v<decltype(gt(i, 1.5).value()), Tensor<bool, 4>>);
  CHECK(values(gt(i, 1.5)) == Values{0, 1, 1, 1});
  CHECK(values(eq(i, 2.5)) == Values{0, 0, 0, 0});
  CHECK(values(eq(i, d)) == Values{1, 0, 1, 0});
  CHECK(values(ne(i, d)) == Values{0, 1, 0, 1});
  CHECK(values(le(d, i)) == Values{1, 0, 1, 1});
  const Tensor<float, 1> tenth{0.1f};
  const Tensor<double, 1> finer{0.1};
  CHECK(eq(tenth, 0.1).value()(0)); // the number takes the tensor's type
  CHECK_FALSE(eq(tenth, finer).value()(0));
}

TEST_CASE("where takes the type of its choices, not that of its condition") {
  const Tensor<std::int64_t, 4> i{1, 2, 3, 4};
  const Tensor<bool, 4> b{true, false, true, false};
  CHECK(values(where(gt(i, 2), 0.5, 0)) == Values{0, 0, 0.5, 0.5});
  CHECK(values(where(b, i, 0.5)) == Values{1, 0.5, 3, 0.5});
  CHECK(values(where(b, i, -i)) == Values{1, -2, 3, -4});
}

TEST_CASE("the accuracy of a classifier is the mean of a comparison") {
  const Tensor<float, 4, 2> logits{1, 2, 5, 3, 0, 1, 7, 8};
  const Tensor<std::int64_t, 4> labels{1, 0, 0, 1};
  const auto right = eq(stator::argmax<1>(logits), labels);
  CHECK(mean(to<float>(right)).item() == 0.75f);
  CHECK(sum(right).item() == 3);
  CHECK(values(stator::cumsum<0>(right)) == Values{1, 2, 2, 3});
}

TEST_CASE("bool tensors add as or, multiply as and") {
  const Tensor<bool, 4> a{true, true, false, false}, b{true, false, true, false};
  CHECK(values(a + b) == Values{1, 1, 1, 0});
  CHECK(values(a * b) == Values{1, 0, 0, 0});
  CHECK(values(a * 2.5) == Values{2.5, 2.5, 0, 0});
  CHECK(values(a + 1) == Values{2, 2, 1, 1});
  const Values quotient = values(a / b);
  CHECK(Values{quotient.begin(), quotient.begin() + 3} == Values{1, infinity, 0});
  CHECK(std::isnan(quotient[3]));
  CHECK(stator::amax(a).item());
  CHECK_FALSE(stator::amin(a).item());
}

TEST_CASE("integers wrap around, and their sums are exact") {
  const Tensor<std::uint8_t, 2> bytes{200, 100};
  CHECK(values(bytes + bytes) == Values{144, 200});
  CHECK(values(-bytes) == Values{56, 156});
  CHECK(sum(bytes).item() == 300);
  const Tensor<std::int32_t, 1> largest{std::numeric_limits<std::int32_t>::max()};
  CHECK((largest + 1).value()(0) == std::numeric_limits<std::int32_t>::min());
  const Tensor<std::int64_t, 2, 2> wide{(std::int64_t{1} << 60) + 1, 1, 2, 3};
  CHECK(sum(wide).item() == (std::int64_t{1} << 60) + 7);
  CHECK(stator::sum_dims<0>(wide).value()(0) == (std::int64_t{1} << 60) + 3);
  CHECK(stator::amax(wide).item() == (std::int64_t{1} << 60) + 1);
}

TEST_CASE("to<T> converts elements") {
  const Tensor<float, 4> x{0, 0.5f, std::numeric_limits<float>::quiet_NaN(), -1.9f};
  CHECK(values(to<bool>(x)) == Values{0, 1, 1, 1});
  CHECK(values(to<std::int64_t>(x)) == Values{0, 0, 0, -1});
  CHECK(values(x | to<bool>) == Values{0, 1, 1, 1});
  const Tensor<double, 2> wide{0.1, 1e300};
  CHECK(to<float>(wide).value()(0) == 0.1f);
  CHECK(to<std::int32_t>(wide).value()(1) == std::numeric_limits<std::int32_t>::max());
  CHECK(to<double>(wide).value()(0) == 0.1);
}

TEST_CASE("gradients come back in the type of each operand") {
  Variable<float, 2> a{1, 2};
  Variable<double, 2> b{3, 4};
  const auto y = sum(a * b);
  STATIC_REQUIRE(std::is_same_v<decltype(y.item()), double>);
  y.backward();
  CHECK(a.grad()(1) == 4);
  CHECK(b.grad()(1) == 2);
  a.zero_grad();
  sum(to<double>(a) * 2).backward();
  CHECK(a.grad()(0) == 2);
  a.zero_grad();
  Variable<double> factor{2}; // without dimensions: the result is float
  const auto z = sum(a * factor);
  STATIC_REQUIRE(std::is_same_v<decltype(z.item()), float>);
  z.backward();
  CHECK(a.grad()(1) == 2);
  CHECK(factor.grad().item() == 3);
}

TEST_CASE("integer operands of a product with a gradient are constants of it") {
  Variable<float, 4> a{1, 2, 3, 4};
  const Tensor<std::int64_t, 4> i{1, 2, 3, 4};
  const Tensor<bool, 4> b{true, false, true, false};
  sum(a * i).backward();
  CHECK(a.grad()(2) == 3);
  a.zero_grad();
  sum(where(b, a, i)).backward();
  CHECK(a.grad()(0) == 1);
  CHECK(a.grad()(1) == 0);
  a.zero_grad();
  nn::mse_loss(a, i - 1).backward(); // 2 (a - t) / n
  CHECK(a.grad()(3) == 0.5f);
}

TEST_CASE("a loss of float and double has PyTorch's type and value") {
  Variable<float, 2> x{1, 2};
  const Tensor<double, 2> t{1, 4};
  const auto loss = nn::mse_loss(x, t);
  STATIC_REQUIRE(std::is_same_v<decltype(loss.item()), double>);
  CHECK(loss.item() == 2);
  loss.backward();
  CHECK(x.grad()(1) == -2);
}

TEST_CASE("a choice by a comparison is one region without a bool tensor") {
  const Tensor<float, 4> x{1, -2, 3, -4};
  const auto y = where(gt(x, 0), x, x * 0.5);
  using P = stator::run::Program<std::remove_cvref_t<decltype(y)>, false>;
  STATIC_REQUIRE(P::units.size() == 1);
  CHECK(values(y) == Values{1, -1, 3, -2});
}

namespace {
struct Masked {
  nn::Linear<2, 2, nn::LinearOptions{.bias = false}> fc;
  constexpr auto forward(auto x, auto tokens) const {
    const auto h = x | fc;
    return where(gt(h, 0), h * tokens, h / 2) + to<float>(eq(tokens, 1));
  }
};
} // namespace

TEST_CASE("types are promoted inside of forward as well") {
  stator::Model<Masked> model;
  model->fc.weight.view().fill_(1);
  const Tensor<float, 2, 2> x{1, 1, -1, -1};
  const Tensor<std::int64_t, 2, 2> tokens{1, 2, 1, 2};
  const auto y = model(x, tokens);
  CHECK(values(y) == Values{3, 4, 0, -1});
  sum(y).backward();
  CHECK(model->fc.weight.grad()(0, 0) == 0.5f); // 1 * 1 + (-1) / 2
  CHECK(model->fc.weight.grad()(1, 0) == 1.5f);
}
