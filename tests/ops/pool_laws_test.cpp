// SPDX-License-Identifier: BSL-1.0
// The derivatives of pooling, with windows of one size and adaptive ones, and those of their derivatives.
#include "ops/gradient_law.hpp"
#include "stator/nn/pooling.hpp"

using namespace stator;
using test::check_gradient;
using test::variable;

TEST_CASE("the derivatives of pooling are those of central differences") {
  using S = nn::PoolSettings<2>;
  const auto x = variable<2, 1, 6, 5>(-1, 1, 3);
  check_gradient([](const auto& a) { return nn::max_pool2d<3, S{.stride = 2, .padding = 1}>(a); }, x);
  check_gradient([](const auto& a) { return nn::avg_pool2d<3, S{.stride = 2, .padding = 1}>(a); }, x);
  check_gradient([](const auto& a) { return nn::max_pool2d<2>(a); }, x);
  check_gradient([](const auto& a) { return nn::adaptive_max_pool2d<Dims<2>{4, 3}>(a); }, x);
  check_gradient([](const auto& a) { return nn::adaptive_avg_pool2d<Dims<2>{4, 3}>(a); }, x);
  check_gradient([](const auto& a) { return nn::lp_pool2d<2.0, 2>(a); }, x);
  check_gradient([](const auto& a) { return nn::max_pool3d<2>(a); }, variable<1, 2, 3, 4, 2>(-1, 1, 3));
  check_gradient([](const auto& a) { return nn::avg_pool1d<3, nn::PoolSettings<1>{.ceil_mode = true}>(a); },
                 variable<2, 2, 7>());
}

TEST_CASE("the derivatives of the derivatives of pooling are those of central differences") {
  constexpr PoolOptions<2> window{.kernel = 3, .stride = 2, .padding = 1};
  using Max = ops::MaxPool<2, window>;
  using Adaptive = ops::AvgPool<2, AdaptivePoolOptions<2>{Dims<2>{4, 3}}>;
  const auto fixed = variable<2, 1, 6, 5>(-1, 1, 3);
  const Tensor<double, 2, 1, 6, 5>& x = fixed;
  check_gradient([&](const auto& g) { return operation<Max::Backward>{}(g, x); }, variable<2, 1, 3, 3>());
  check_gradient([&](const auto& v) { return operation<Max::Pick>{}(v, x); }, variable<2, 1, 6, 5>());
  check_gradient([](const auto& g) { return operation<Adaptive::Backward<Extents(2, 1, 6, 5)>>{}(g); },
                 variable<2, 1, 4, 3>());
}
