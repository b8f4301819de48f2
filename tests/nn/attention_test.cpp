// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/attention.hpp"

#include "nn/layer_law.hpp"

using namespace stator;
using nn::MultiheadAttentionOptions;
using test::check_function;
using test::check_layer;
using test::Fixed;
using test::In;

TEST_CASE("MultiheadAttention agrees with PyTorch") {
  using Options = MultiheadAttentionOptions;
  check_layer<nn::MultiheadAttention<6, 2, Options{.batch_first = true}>>("MultiheadAttention.self",
                                                                          In<2, 4, 6>{});
  check_layer<nn::MultiheadAttention<6, 3>>("MultiheadAttention.default", In<3, 2, 6>{"query"},
                                            In<4, 2, 6>{"key"}, In<4, 2, 6>{"value"});
  check_layer<nn::MultiheadAttention<6, 2, Options{.batch_first = true}>>(
      "MultiheadAttention.batch_first", In<2, 3, 6>{"query"}, In<2, 4, 6>{"key"}, In<2, 4, 6>{"value"});
  check_layer<nn::MultiheadAttention<4, 1, Options{.bias = false, .batch_first = true}>>(
      "MultiheadAttention.no_bias", In<2, 3, 4>{"query"}, In<2, 3, 4>{"key"}, In<2, 3, 4>{"value"});
  check_layer<nn::MultiheadAttention<4, 2, Options{.batch_first = true, .is_causal = true}>>(
      "MultiheadAttention.causal", In<2, 4, 4>{});
  check_layer<nn::MultiheadAttention<6, 3>>("MultiheadAttention.length_first", In<4, 2, 6>{});
  check_layer<nn::MultiheadAttention<4, 2, Options{.kdim = 3, .vdim = 5, .batch_first = true}>>(
      "MultiheadAttention.kdim", In<1, 3, 4>{"query"}, In<1, 2, 3>{"key"}, In<1, 2, 5>{"value"});
}

TEST_CASE("MultiheadAttention projects keys that are the values in one product, as PyTorch does") {
  test::check_called<nn::MultiheadAttention<6, 3>>(
      {"MultiheadAttention.memory"},
      [](const auto& attention, const auto& q, const auto& k) { return attention(q, k, k); },
      In<3, 2, 6>{"query"}, In<4, 2, 6>{"key"});
}

TEST_CASE("MultiheadAttention ignores padded keys as PyTorch does") {
  using Options = MultiheadAttentionOptions;
  test::check_called<nn::MultiheadAttention<4, 2, Options{.batch_first = true}>>(
      {"MultiheadAttention.key_padding_mask"},
      [](const auto& attention, const auto& q, const auto& k, const auto& ignored) {
        return attention(q, k, k, nn::key_padding_mask<>(ignored));
      },
      In<2, 4, 4>{"query"}, In<2, 3, 4>{"key"}, Fixed<std::int64_t, 2, 3>{"ignored"});
  test::check_called<nn::MultiheadAttention<4, 2>>(
      {"MultiheadAttention.both_masks"},
      [](const auto& attention, const auto& q, const auto& k, const auto& ignored, const auto& mask) {
        return attention(q, k, k, nn::key_padding_mask<>(ignored), mask);
      },
      In<4, 2, 4>{"query"}, In<3, 2, 4>{"key"}, Fixed<std::int64_t, 2, 3>{"ignored"},
      Fixed<float, 4, 3>{"mask"});
}

TEST_CASE("scaled_dot_product_attention agrees with its definition") {
  const auto attend = [](const auto&... x) { return nn::scaled_dot_product_attention(x...); };
  check_function("scaled_dot_product_attention.default", attend, In<2, 3, 4>{"query"}, In<2, 5, 4>{"key"},
                 In<2, 5, 6>{"value"});
  check_function(
      "scaled_dot_product_attention.causal",
      [](const auto&... x) { return nn::scaled_dot_product_attention<true>(x...); }, In<2, 2, 4, 3>{"query"},
      In<2, 2, 4, 3>{"key"}, In<2, 2, 4, 3>{"value"});
  check_function("scaled_dot_product_attention.mask", attend, In<2, 3, 4>{"query"}, In<2, 5, 4>{"key"},
                 In<2, 5, 4>{"value"}, Fixed<float, 3, 5>{"mask"});
}
