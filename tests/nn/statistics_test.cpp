// SPDX-License-Identifier: BSL-1.0
// var, stddev and cumsum against PyTorch, and with a batch that is known at run time.
#include "nn/layer_law.hpp"

#include "stator/ops/cumsum.hpp"
#include "stator/ops/variance.hpp"

using namespace stator;
using test::check_function;
using test::In;

TEST_CASE("variances and standard deviations agree with PyTorch") {
  check_function("var.all", [](const auto& x) { return var(x); }, In<3, 4>{});
  check_function("var.dim", [](const auto& x) { return var_dims<1>(x); }, In<2, 5, 3>{});
  check_function("var.biased", [](const auto& x) { return biased_var_keepdim<0, 2>(x); }, In<2, 3, 4>{});
  check_function("std.all", [](const auto& x) { return stddev(x); }, In<3, 4>{});
  check_function("std.dims", [](const auto& x) { return stddev_dims<-1, 0>(x); }, In<2, 3, 4>{});
  check_function("std.biased", [](const auto& x) { return biased_stddev_keepdim<0>(x); }, In<4, 3>{});
}

TEST_CASE("running sums agree with PyTorch") {
  check_function("cumsum.dim0", [](const auto& x) { return cumsum<0>(x); }, In<3, 4, 2>{});
  check_function("cumsum.dim1", [](const auto& x) { return cumsum<1>(x); }, In<3, 4, 2>{});
  check_function("cumsum.dim-1", [](const auto& x) { return cumsum<-1>(x); }, In<3, 4, 2>{});
}

TEST_CASE("statistics over a batch that is known at run time are those of a static one") {
  Variable<double, 3, 2> x{1, 7, -2, 5, 4, 4};
  Variable<double, dynamic, 2> y{1, 7, -2, 5, 4, 4};
  const auto a = sum(mul(stddev_dims<0>(x), var_keepdim<0>(cumsum<0>(x))));
  const auto b = sum(mul(stddev_dims<0>(y), var_keepdim<0>(cumsum<0>(y))));
  CHECK(std::abs(a.item() - b.item()) < 1e-12);
  a.backward();
  b.backward();
  test::check_close(x.grad().values(), y.grad().values(), 1e-12);
}

TEST_CASE("the variance of one element is NaN, the gradient of a standard deviation of equal ones is 0") {
  Tensor<float, 1> one{3};
  CHECK(std::isnan(var(one).item()));
  CHECK(biased_var(one).item() == 0);
  Variable<float, 3> equal{2, 2, 2};
  stddev(equal).backward();
  for (const float g : equal.grad().values()) CHECK(g == 0);
}
