// SPDX-License-Identifier: BSL-1.0
// One line an operation that reduces or broadcasts: its derivative is right.
#include "ops/gradient_law.hpp"

using namespace stator;
using test::check_gradient;
using test::variable;

#define LAW(...) check_gradient([](const auto& x) { return __VA_ARGS__; }, variable<2, 3, 4>())

TEST_CASE("the derivatives of sums and means are those of central differences") {
  LAW(sum(x));
  LAW(mean(x));
  LAW(sum_dims<0>(x));
  LAW(sum_dims<-1, 0>(x));
  LAW(sum_keepdim<1>(x));
  LAW(mean_dims<1>(x));
  LAW(mean_dims<0, 2>(x));
  LAW(mean_keepdim<2>(x));
}

TEST_CASE("the derivatives of extrema and variances are those of central differences") {
  LAW(amax(x));
  LAW(amin_dims<1>(x));
  LAW(amax_keepdim<0, 2>(x));
  LAW(var(x));
  LAW(var_dims<1>(x));
  LAW(biased_var_dims<0, 2>(x));
  LAW(stddev(x));
  LAW(stddev_keepdim<-1>(x));
  LAW(biased_stddev_dims<0, 1>(x));
}

TEST_CASE("the derivatives of running sums are those of central differences") {
  LAW(cumsum<0>(x));
  LAW(cumsum<-2>(x));
}

TEST_CASE("the derivatives of softmax are those of central differences") {
  LAW(nn::softmax<>(x));
  LAW(nn::softmax<1>(x));
  LAW(nn::softmax<0>(x));
  LAW(nn::log_softmax<>(x));
  LAW(nn::log_softmax<1>(x));
}

TEST_CASE("argmax is the first of the largest, and has no gradient") {
  Variable<float, 2, 3> x{1, 5, 5, 7, 2, 3};
  const auto at = argmax<1>(x).value();
  CHECK(at(0) == 1);
  CHECK(at(1) == 0);
  CHECK(argmin<0>(x).value()(0) == 0);
  CHECK_FALSE(argmax<1>(x).requires_grad());
}
