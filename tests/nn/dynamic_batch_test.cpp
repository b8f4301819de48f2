// SPDX-License-Identifier: BSL-1.0
// Layers give the same numbers whether the batch is in the type or known only at run time.
#include "catch.hpp"

#include "ops/gradient_law.hpp"
#include "stator/model/model.hpp"
#include "stator/nn/nn.hpp"

using namespace stator;

namespace {

struct Images {
  nn::ReflectionPad2d<1> pad;
  nn::BatchNorm2d<4> norm;
  nn::GroupNorm<2, 4> groups;
  nn::InstanceNorm2d<4> instances;
  nn::Upsample<nn::InterpolateOptions{.scale_factor = {2}, .mode = "bilinear"}> up;
  nn::PixelUnshuffle<2> unshuffle;
  nn::PReLU<16> act;
  constexpr auto forward(auto x) const {
    const auto y = x | pad | norm | groups;
    const auto z =
        cat<1>(y, narrow<1, 1, 2>(y), stator::select<1, 3>(y) | unsqueeze<1>, unsqueeze<1>(amax_dims<1>(y)));
    return (narrow<1, 0, 4>(z) + narrow<1, 4, 4>(z)) | instances | up | unshuffle | act;
  }
};

struct Gpt {
  nn::Embedding<7, 8> tokens;
  nn::TransformerEncoderLayer<8, 2, 16,
                              nn::TransformerOptions{.dropout = 0, .batch_first = true, .is_causal = true}>
      block;
  nn::LayerNorm<8> norm;
  nn::Linear<8, 7, nn::LinearOptions{.bias = false}> head;
  using ties = stator::ties<stator::tie<"head.weight", "tokens.weight">>;
  constexpr auto forward(auto x) const { return x | tokens | block | norm | head | transpose<1, 2>; }
};

void check_equal(auto a, auto b) { test::check_close(a, b, 1e-5, {.relative_to = 1}); }

} // namespace

TEST_CASE("layers on images give the same with a dynamic batch") {
  manual_seed(3);
  Model<Images> model;
  Model<Images> other = model;
  Variable<float, 3, 4, 4, 4> x;
  Variable<float, dynamic, 4, 4, 4> y(3);
  test::fill(x.data(), x.numel(), -1, 1, 5);
  test::fill(y.data(), y.numel(), -1, 1, 5);
  const auto a = sum(square(model(x)));
  const auto b = sum(square(other(y)));
  CHECK(std::abs(a.item() - b.item()) < 1e-4F * std::abs(b.item()));
  a.backward();
  b.backward();
  check_equal(x.grad().values(), y.grad().values());
  check_equal(model.gradient_arena(), other.gradient_arena());
  check_equal(model->norm.running_var.values(), other->norm.running_var.values());
  check_equal(model.eval()(x).value().values(), other.eval()(y).value().values());
}

TEST_CASE("a transformer with tied embeddings gives the same with a dynamic batch") {
  manual_seed(3);
  Model<Gpt> model;
  Model<Gpt> other = model;
  const Tensor<std::int64_t, 2, 5> x{1, 2, 3, 4, 5, 6, 0, 1, 2, 2}, next{2, 3, 4, 5, 6, 0, 1, 2, 2, 1};
  const Tensor<std::int64_t, dynamic, 5> y{1, 2, 3, 4, 5, 6, 0, 1, 2, 2}, after{2, 3, 4, 5, 6, 0, 1, 2, 2, 1};
  const auto a = nn::cross_entropy(model(x), next);
  const auto b = nn::cross_entropy(other(y), after);
  CHECK(std::abs(a.item() - b.item()) < 1e-5F);
  a.backward();
  b.backward();
  check_equal(model.gradient_arena(), other.gradient_arena());
}
