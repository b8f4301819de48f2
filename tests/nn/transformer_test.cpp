// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/transformer.hpp"

#include "nn/layer_law.hpp"

using namespace stator;
using test::check_layer;
using test::In;

TEST_CASE("TransformerEncoderLayer agrees with PyTorch") {
  using Options = nn::TransformerOptions;
  check_layer<nn::TransformerEncoderLayer<4, 2, 6, Options{.dropout = 0, .batch_first = true}>>(
      "TransformerEncoderLayer.default", In<2, 3, 4>{});
  check_layer<nn::TransformerEncoderLayer<
      4, 2, 6, Options{.dropout = 0, .gelu = true, .batch_first = true, .norm_first = true}>>(
      "TransformerEncoderLayer.norm_first", In<2, 3, 4>{});
  constexpr Options causal{.dropout = 0, .batch_first = true, .is_causal = true};
  test::check_called<nn::TransformerEncoderLayer<4, 2, 6, causal>>(
      {"TransformerEncoderLayer.masks"},
      [](const auto& layer, const auto& x, const auto& ignored) {
        return layer(x, nn::key_padding_mask<>(ignored));
      },
      In<2, 3, 4>{}, test::Fixed<std::int64_t, 2, 3>{"ignored"});
}
