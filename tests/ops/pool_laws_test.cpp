// SPDX-License-Identifier: BSL-1.0
// The derivatives of pooling, with windows of one size and adaptive ones, and those of their derivatives.
#include "ops/gradient_law.hpp"
#include "stator/nn/fractional_pooling.hpp"
#include "stator/nn/pooling.hpp"
#include "stator/nn/unpooling.hpp"

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

namespace {
/// Both derivatives of f: the gradient of sum(f(x)^3) as an expression is differentiated again.
void check_twice(const auto& f, auto x) {
  check_gradient(f, x);
  check_gradient(
      [&f](const auto& a) {
        const auto y = f(a);
        return grad(sum(y * y * y), a);
      },
      x);
}
} // namespace

TEST_CASE("both derivatives of pooling with indices are those of central differences") {
  using S = nn::PoolSettings<2>;
  const auto x = variable<2, 1, 6, 5>(-1, 1, 3);
  check_twice(
      [](const auto& a) {
        return std::get<0>(nn::max_pool2d_with_indices<3, S{.stride = 2, .padding = 1}>(a));
      },
      x);
  check_twice(
      [](const auto& a) { return std::get<0>(nn::adaptive_max_pool2d_with_indices<Dims<2>{4, 3}>(a)); }, x);
  const Tensor<std::int64_t, 1, 2, 3> at{0, 3, 5, 1, 2, 4};
  check_twice([&](const auto& a) { return nn::max_unpool1d<2>(a, at); }, variable<1, 2, 3>());
  const Tensor<double, 2, 1, 2> samples{0.1, 0.7, 0.4, 0.9};
  using F = nn::FractionalPoolSettings<2>;
  check_twice(
      [&](const auto& a) { return nn::fractional_max_pool2d<2, F{.output_ratio = {0.7, 0.5}}>(a, samples); },
      x);
}
