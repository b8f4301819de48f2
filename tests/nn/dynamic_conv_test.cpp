// SPDX-License-Identifier: BSL-1.0
// Convolutions, their transposes and pooling give the same numbers with a batch that is known only at run
// time.
#include "catch.hpp"

#include "ops/gradient_law.hpp"
#include "stator/model/model.hpp"
#include "stator/nn/nn.hpp"

using namespace stator;

namespace {

struct Images {
  nn::Conv2d<2, 4, 3, nn::ConvOptions<2>{.padding = 1, .groups = 2, .padding_mode = "reflect"}> conv;
  nn::InstanceNorm2d<4, nn::InstanceNormOptions{.track_running_stats = true}> norm;
  nn::ConvTranspose2d<4, 3, 3, nn::ConvTransposeOptions<2>{.stride = 2, .padding = 1, .output_padding = 1}>
      up;
  nn::AdaptiveMaxPool2d<Dims<2>{7, 5}> max;
  nn::LPPool2d<2.0, 2> power;
  nn::AdaptiveAvgPool2d<2> average;
  constexpr auto forward(auto x) const { return x | conv | norm | up | max | power | average; }
};

void check_equal(auto a, auto b) { test::check_close(a, b, 1e-5, {.relative_to = 1}); }

} // namespace

TEST_CASE("convolutions and pooling give the same with a dynamic batch") {
  manual_seed(3);
  Model<Images> model;
  Model<Images> other = model;
  Variable<float, 3, 2, 5, 4> x;
  Variable<float, dynamic, 2, 5, 4> y(3);
  test::fill(x.data(), x.numel(), -1, 1, 5);
  test::fill(y.data(), y.numel(), -1, 1, 5);
  const auto a = sum(square(model(x)));
  const auto b = sum(square(other(y)));
  CHECK(std::abs(a.item() - b.item()) < 1e-5F * std::abs(b.item()));
  a.backward();
  b.backward();
  check_equal(x.grad().values(), y.grad().values());
  check_equal(model.gradient_arena(), other.gradient_arena());
  check_equal(model->norm.running_var.values(), other->norm.running_var.values());
}
