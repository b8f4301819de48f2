// SPDX-License-Identifier: BSL-1.0
// Layers whose parameters are stored in 16 bits: what PyTorch computes with the rounded weights, in float.
#include "nn/layer_law.hpp"

#include "stator/nn/attention.hpp"
#include "stator/nn/conv.hpp"
#include "stator/nn/embedding.hpp"
#include "stator/nn/linear.hpp"
#include "stator/nn/norm.hpp"
#include "stator/nn/rnn.hpp"
#include "stator/nn/row_norm.hpp"

using namespace stator;
using test::check_layer;
using test::Fixed;
using test::In;

namespace {

template<class T>
void check_type(const std::string& type) {
  check_layer<nn::Linear<5, 3, {}, T>>("Linear." + type, In<4, 5>{});
  check_layer<nn::Conv2d<2, 3, 3, {}, T>>("Conv2d." + type, In<2, 2, 7, 6>{});
  check_layer<nn::Embedding<6, 4, nn::EmbeddingOptions{.padding_idx = 2}, T>>("Embedding." + type,
                                                                              Fixed<std::int64_t, 3, 4>{});
  check_layer<nn::LSTM<3, 4, nn::RNNOptions{.num_layers = 2, .batch_first = true}, T>>("LSTM." + type,
                                                                                       In<2, 4, 3>{});
}

} // namespace

TEST_CASE("layers with parameters of bfloat16 agree with PyTorch on the rounded weights") {
  check_type<bfloat16>("bfloat16");
}

TEST_CASE("layers with parameters of float16 agree with PyTorch on the rounded weights") {
  check_type<float16>("float16");
}

TEST_CASE("more options of layers with parameters of bfloat16 agree with PyTorch") {
  using C = nn::ConvOptions<2>;
  check_layer<nn::Linear<7, 4, nn::LinearOptions{.bias = false}, bfloat16>>("Linear.bfloat16.no_bias",
                                                                            In<2, 7>{});
  check_layer<nn::Conv2d<2, 3, 3, C{.stride = 2, .padding = 1}, bfloat16>>("Conv2d.bfloat16.stride_padding",
                                                                           In<2, 2, 7, 6>{});
  check_layer<nn::Conv2d<4, 6, 3, C{.padding = 1, .groups = 2}, bfloat16>>("Conv2d.bfloat16.groups",
                                                                           In<1, 4, 7, 6>{});
  check_layer<nn::Embedding<9, 3, {}, bfloat16>>("Embedding.bfloat16.rank1", Fixed<std::int64_t, 5>{});
  check_layer<nn::LSTM<3, 2, nn::RNNOptions{.bidirectional = true}, bfloat16>>("LSTM.bfloat16.bidirectional",
                                                                               In<3, 2, 3>{});
}

TEST_CASE("attention and normalisation with parameters of bfloat16 agree with PyTorch") {
  check_layer<nn::MultiheadAttention<6, 2, nn::MultiheadAttentionOptions{.batch_first = true}, bfloat16>>(
      "MultiheadAttention.bfloat16", In<2, 4, 6>{});
  check_layer<nn::LayerNorm<6, {}, bfloat16>>("LayerNorm.bfloat16", In<3, 6>{});
  check_layer<nn::BatchNorm2d<3, {}, bfloat16>>("BatchNorm2d.bfloat16", In<4, 3, 2, 2>{});
}
