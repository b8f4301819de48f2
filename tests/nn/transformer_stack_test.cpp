// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/transformer_stack.hpp"

#include "nn/layer_law.hpp"

using namespace stator;
using test::check_called;
using test::check_layer;
using test::Fixed;
using test::In;
using Options = nn::TransformerOptions;

namespace {
using Default = nn::TransformerDecoderLayer<4, 2, 6, Options{.dropout = 0}>;
using BatchFirst =
    nn::TransformerDecoderLayer<4, 2, 6, Options{.dropout = 0, .gelu = true, .batch_first = true}>;
using NormFirst = nn::TransformerDecoderLayer<
    4, 2, 6,
    Options{.dropout = 0, .layer_norm_eps = 1e-3, .gelu = true, .norm_first = true, .is_causal = true}>;

/// A decoder or a layer of one, with a mask of the memory and positions of it left out.
template<class Layer>
void check_masked(const std::string& name) {
  check_called<Layer>(
      {name},
      [](const auto& layer, const auto& x, const auto& memory, const auto& mask, const auto& ignored) {
        return layer(x, memory, 0, mask, 0, nn::key_padding_mask<>(ignored));
      },
      In<3, 2, 4>{}, In<4, 2, 4>{"memory"}, Fixed<float, 3, 4>{"mask"}, Fixed<std::int64_t, 2, 4>{"ignored"});
}
} // namespace

TEST_CASE("TransformerDecoderLayer agrees with PyTorch") {
  check_layer<Default>("TransformerDecoderLayer.default", In<3, 2, 4>{}, In<4, 2, 4>{"memory"});
  check_layer<BatchFirst>("TransformerDecoderLayer.batch_first", In<2, 3, 4>{}, In<2, 4, 4>{"memory"});
  check_masked<NormFirst>("TransformerDecoderLayer.norm_first");
}

TEST_CASE("TransformerDecoder agrees with PyTorch") {
  check_layer<nn::TransformerDecoder<Default, 2>>("TransformerDecoder.default", In<3, 2, 4>{},
                                                  In<4, 2, 4>{"memory"});
  check_layer<nn::TransformerDecoder<BatchFirst, 1, nn::LayerNorm<4>>>("TransformerDecoder.norm",
                                                                       In<2, 3, 4>{}, In<2, 4, 4>{"memory"});
  check_masked<nn::TransformerDecoder<NormFirst, 1, nn::LayerNorm<4>>>("TransformerDecoder.masks");
}

TEST_CASE("Transformer agrees with PyTorch, and so do its encoder and decoder") {
  constexpr Options options{.dropout = 0, .batch_first = true, .is_causal = true};
  // PyTorch's own floats differ from its doubles by 1.6e-6 in the gradient of encoder.norm.weight, which is
  // 0.016.
  check_called<nn::Transformer<4, 2, 2, 1, 6, options>>(
      {"Transformer.default", 1e-1},
      [](const auto& model, const auto& x, const auto& target, const auto& mask, const auto& ignored) {
        return model(x, target, 0, 0, mask, nn::key_padding_mask<>(ignored));
      },
      In<2, 3, 4>{}, In<2, 3, 4>{"target"}, Fixed<float, 3, 3>{"mask"}, Fixed<std::int64_t, 2, 3>{"ignored"});
  check_layer<nn::Transformer<4, 2, 1, 1, 6, Options{.dropout = 0, .gelu = true}>>(
      "Transformer.gelu", In<3, 2, 4>{}, In<3, 2, 4>{"target"});
  constexpr Options norm_first{.dropout = 0, .layer_norm_eps = 1e-3, .batch_first = true, .norm_first = true};
  check_called<nn::Transformer<4, 2, 1, 1, 6, norm_first>>(
      {"Transformer.norm_first"},
      [](const auto& model, const auto& x, const auto& target, const auto& mask, const auto& ignored) {
        return model(x, target, mask, 0, 0, 0, 0, nn::key_padding_mask<>(ignored));
      },
      In<2, 3, 4>{}, In<2, 3, 4>{"target"}, Fixed<float, 3, 3>{"mask"}, Fixed<std::int64_t, 2, 3>{"ignored"});
}

TEST_CASE("the layers of a TransformerDecoder begin alike, and a norm may be left out") {
  const Model<nn::TransformerDecoder<nn::TransformerDecoderLayer<4, 2, 6>, 2>> model;
  CHECK_FALSE(test::tensors(model.named_parameters()).back().first.starts_with("norm"));
  const auto& [first, second] = model->layers;
  CHECK(std::ranges::equal(first.linear1.weight.values(), second.linear1.weight.values()));
  CHECK(std::ranges::equal(first.linear2.bias.values(), second.linear2.bias.values()));
}
