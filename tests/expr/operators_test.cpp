// SPDX-License-Identifier: BSL-1.0
// Operators and functions as they are written in PyTorch: comparisons, in-place arithmetic, pow, argmax,
// chunk, unbind and pipes. The numbers are those of PyTorch 1.13.
#include "catch.hpp"
#include "stator/stator.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

using stator::dynamic;
using stator::Tensor;
using stator::Variable;
using stator::where;
using stator::test::contains;
using stator::test::thrown;
namespace nn = stator::nn;

namespace {
using Values = std::vector<double>;
template<class E>
Values values(const E& expression) {
  const auto y = expression.value();
  return {y.begin(), y.end()};
}
template<class T>
Values elements(const T& x) {
  return {x.begin(), x.end()};
}
} // namespace

TEST_CASE("comparison operators give bool tensors") {
  const Tensor<float, 3> a{1, 2, 3};
  const Tensor<std::int64_t, 3> b{3, 2, 1};
  STATIC_REQUIRE(std::is_same_v<decltype((a > b).value()), Tensor<bool, 3>>);
  CHECK(values(a > b) == Values{0, 0, 1});
  CHECK(values(a < 2) == Values{1, 0, 0});
  CHECK(values(2 <= a) == Values{0, 1, 1});
  CHECK(values(a >= b) == Values{0, 1, 1});
  CHECK(values(a == b) == Values{0, 1, 0});
  CHECK(values(a != b) == Values{1, 0, 1});
  CHECK(values(where(a + 1 > 3, a, 0)) == Values{0, 0, 3});
}

TEST_CASE("&, |, ^ and ~ join bools and the bits of integers") {
  const Tensor<float, 4> x{-1, 0.5, 1, 2};
  CHECK(values((x > 0) & (x < 2)) == Values{0, 1, 1, 0});
  CHECK(values((x < 0) | (x > 1)) == Values{1, 0, 0, 1});
  CHECK(values((x > 0) ^ (x > 1)) == Values{0, 1, 1, 0});
  CHECK(values(~(x > 0)) == Values{1, 0, 0, 0});
  const Tensor<std::int64_t, 3> n{5, 6, -1};
  CHECK(values(n & 3) == Values{1, 2, 3});
  CHECK(values(8 | n) == Values{13, 14, -1});
  CHECK(values(n ^ n) == Values{0, 0, 0});
  CHECK(values(~n) == Values{-6, -7, 0});
}

TEST_CASE("<< and >> shift integers, and all of them change a tensor in place") {
  Tensor<std::int64_t, 3> n{5, 6, -9};
  const Tensor<std::int64_t, 3> by{1, 64, 2};
  CHECK(values(n << by) == Values{10, 0, -36}); // all is shifted out by 64
  CHECK(values(n >> 1) == Values{2, 3, -5});    // with the sign
  CHECK(values(1 << by) == Values{2, 0, 4});
  CHECK(values(Tensor<std::uint8_t, 2>{200, 3} << 1) == Values{144, 6});
  n <<= 2;
  CHECK(elements(n) == Values{20, 24, -36});
  n >>= by;
  CHECK(elements(n) == Values{10, 0, -9});
  (n |= 4) &= Tensor<std::int32_t, 3>{6, 6, -1};
  CHECK(elements(n) == Values{6, 4, -9});
  n ^= n;
  CHECK(elements(n) == Values{0, 0, 0});
  Tensor<bool, 2> b{true, false};
  b |= Tensor<float, 2>{1, 2} > 1;
  CHECK(elements(b) == Values{1, 1});
  b ^= true;
  CHECK(elements(b) == Values{0, 0});
}

TEST_CASE("in-place operators change a tensor at once") {
  Tensor<float, 2, 2> x{1, 2, 3, 4};
  x += 1;
  CHECK(elements(x) == Values{2, 3, 4, 5});
  x *= Tensor<float, 2>{1, 10}; // broadcast to x
  CHECK(elements(x) == Values{2, 30, 4, 50});
  x -= Tensor<std::int64_t, 2, 1>{1, 2};
  CHECK(elements(x) == Values{1, 29, 2, 48});
  (x /= 2) += 0.5;
  CHECK(elements(x) == Values{1, 15, 1.5, 24.5});
  Tensor<float, 2, 2> y{1, 2, 3, 4};
  y += matmul(y, y); // y as it was
  CHECK(elements(y) == Values{8, 12, 18, 26});
  Tensor<float, 2> f{1, 2};
  f += Tensor<double, 2>{0.5, 0.5}; // computed in double, kept in float
  CHECK(elements(f) == Values{1.5, 2.5});
  Tensor<std::int64_t, 2> i{1, 2};
  i += 1;
  CHECK(elements(i) == Values{2, 3});
  Tensor<float, dynamic, 2> batch(2), other(3);
  batch += 2;
  CHECK(elements(batch) == Values{2, 2, 2, 2});
  CHECK_THROWS_AS(batch += other, stator::ShapeError);
  CHECK(elements(batch) == Values{2, 2, 2, 2});
}

TEST_CASE("the values of a Variable change in place through its view") {
  Variable<float, 2> a{1, 2};
  a.view() *= 3;
  CHECK(elements(a) == Values{3, 6});
  sum(a * a).backward();
  a.view() -= 0.5 * a.grad();
  CHECK(elements(a) == Values{0, 0});
}

TEST_CASE("pow takes numbers and tensors on both sides") {
  const Tensor<float, 2> x{2, 3};
  const Tensor<float, 2, 1> e{2, -1};
  const Tensor<std::int64_t, 3> i{1, 2, 3};
  CHECK(values(pow(x, 2)) == Values{4, 9});
  CHECK(values(pow(2, x)) == Values{4, 8});
  CHECK(values(pow(x, e))[3] == Approx(1.0 / 3));
  CHECK(values(pow(2, i)) == Values{2, 4, 8});
  CHECK(values(pow(i, 2)) == Values{1, 4, 9});
  CHECK(values(pow(i, 2.5))[1] == Approx(5.656854));
  CHECK(values(pow(i, -i)) == Values{1, 0, 0});
  STATIC_REQUIRE(std::is_same_v<decltype(pow(i, 2).value()), Tensor<std::int64_t, 3>>);
  CHECK_THAT(thrown<stator::ValueError>([&] { pow(i, -1); }),
             contains("integers to negative integer powers"));
}

TEST_CASE("pow has the gradients of PyTorch at its edges") {
  Variable<float, 4> x{0, 0, 2, -1}, e{0, 2, 3, 2};
  sum(pow(x, e)).backward();
  CHECK(elements(x.grad()) == Values{0, 0, 12, -2});
  CHECK(e.grad()(0) == 0);
  CHECK(e.grad()(1) == 0);
  CHECK(e.grad()(2) == Approx(5.545177));
  CHECK(std::isnan(e.grad()(3)));
  e.zero_grad();
  sum(pow(2, e)).backward();
  CHECK(e.grad()(1) == Approx(2.772589));
  e.zero_grad();
  sum(pow(0.0, e)).backward();
  CHECK(elements(e.grad()) == Values{0, 0, 0, 0});
}

TEST_CASE("argmax without a dimension counts through all elements") {
  const Tensor<float, 2, 2> x{1, 5, 7, 2};
  CHECK(argmax(x).item() == 2);
  CHECK(argmin(x).item() == 0);
  CHECK(stator::argmax<0>(x).value()(1) == 0);
  const Tensor<float, dynamic, 2> batch{1, 5, std::nanf(""), 9}, none(0);
  CHECK(argmax(batch).item() == 2);
  CHECK_THROWS_AS(argmax(none).item(), stator::ShapeError);
}

TEST_CASE("argmax, argmin and select stand after a pipe") {
  const Tensor<float, 2, 3> x{1, 5, 4, 7, 2, 8};
  CHECK(elements((x | stator::argmax<1>).value()) == Values{1, 2});
  CHECK(elements((x * -1 | stator::argmin<0>).value()) == Values{1, 0, 1});
  CHECK((x | stator::argmax).item() == 5);
  CHECK((x | stator::argmin).item() == 0);
  CHECK(elements((x | stator::select<0, 1>).value()) == Values{7, 2, 8});
}

TEST_CASE("square of bool elements has int64 elements, as in PyTorch") {
  const Tensor<bool, 2> b{true, false};
  const Tensor<std::int64_t, 2> squares = stator::square(b).value();
  CHECK(elements(squares) == Values{1, 0});
}

TEST_CASE("chunk and unbind work on tensors and expressions") {
  Variable<float, 2, 4> x{1, 2, 3, 4, 5, 6, 7, 8};
  const auto [a, b] = stator::chunk<2, 1>(x * 2);
  CHECK(values(a) == Values{2, 4, 10, 12});
  CHECK(values(b) == Values{6, 8, 14, 16});
  const auto [first, second] = stator::unbind(x);
  CHECK(values(first + second) == Values{6, 8, 10, 12});
  sum(a * b).backward();
  CHECK(x.grad()(0, 0) == 12);                                // 2 * 2 * 3
  const auto [c, d] = stator::unbind(Tensor<float, 2>{8, 9}); // both own the temporary
  CHECK(c.value().item() == 8);
  CHECK(d.value().item() == 9);
}

TEST_CASE("a function may follow a pipe") {
  const Tensor<float, 2> x{0, 1};
  CHECK(values(x | stator::exp)[1] == Approx(2.7182818));
  CHECK(values(x | stator::exp | stator::log | stator::sqrt)[1] == Approx(1));
  CHECK(values(x * 2 | stator::tanh)[1] == Approx(0.9640276));
  CHECK(values(x - 1 | stator::abs | nn::relu) == Values{1, 0});
}
