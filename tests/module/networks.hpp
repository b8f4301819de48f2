// SPDX-License-Identifier: BSL-1.0
// The networks of tests/reference/networks.py as structs.
#pragma once

#include "stator/nn/conv.hpp"
#include "stator/nn/nn.hpp"
#include "stator/nn/pooling.hpp"
#include "stator/ops/ops.hpp"

#include <limits>

namespace corpus {

using namespace stator;
using namespace stator::nn;

template<Index I, Index O, Index Stride>
struct BasicBlock {
  static constexpr bool changes_shape = Stride != 1 || I != O;

  Conv2d<I, O, 3, {.stride = Stride, .padding = 1, .bias = false}> conv1;
  BatchNorm2d<O> bn1;
  ReLU relu;
  Conv2d<O, O, 3, {.padding = 1, .bias = false}> conv2;
  BatchNorm2d<O> bn2;
  std::conditional_t<changes_shape,
                     Sequential<Conv2d<I, O, 1, {.stride = Stride, .bias = false}>, BatchNorm2d<O>>, Absent>
      downsample;

  constexpr auto forward(auto x) const {
    const auto y = x | conv1 | bn1 | relu | conv2 | bn2;
    if constexpr (changes_shape)
      return (y + (x | downsample)) | relu;
    else
      return (y + x) | relu;
  }
};
template<Index I, Index O, Index Stride>
using Stage = Sequential<BasicBlock<I, O, Stride>, BasicBlock<O, O, 1>>;

/// He et al. 2015, with the names of torchvision.
template<Index W, Index Classes>
struct ResNet18Of {
  static constexpr std::string_view class_name() { return "ResNet18"; }
  Conv2d<3, W, 7, {.stride = 2, .padding = 3, .bias = false}> conv1;
  BatchNorm2d<W> bn1;
  ReLU relu;
  MaxPool2d<3, {.stride = 2, .padding = 1}> maxpool;
  Stage<W, W, 1> layer1;
  Stage<W, 2 * W, 2> layer2;
  Stage<2 * W, 4 * W, 2> layer3;
  Stage<4 * W, 8 * W, 2> layer4;
  Linear<8 * W, Classes> fc;

  constexpr auto forward(auto x) const {
    const auto features = x | conv1 | bn1 | relu | maxpool | layer1 | layer2 | layer3 | layer4;
    return features | mean_dims<2, 3> | fc;
  }
};

template<Index N>
struct Mlp2 {
  Linear<N, 4 * N> c_fc;
  GELU act;
  Linear<4 * N, N> c_proj;
  Dropout<0.1> drop;
  constexpr auto forward(auto x) const { return x | c_fc | act | c_proj | drop; }
};
template<Index N, Index Length>
struct Attention {
  static constexpr Index heads = 4;
  Linear<N, 3 * N> c_attn;
  Linear<N, N> c_proj;
  NonPersistentBuffer<float, Length, Length> mask;

  constexpr auto forward(auto x) const {
    const auto cut = [](auto part) { return permute<0, 2, 1, 3>(view<-1, Length, heads, N / heads>(part)); };
    const auto [q, k, v] = split<2, N, N, N>(x | c_attn);
    const auto y = scaled_dot_product_attention(cut(q), cut(k), cut(v), mask);
    return view<-1, Length, N>(permute<0, 2, 1, 3>(y)) | c_proj;
  }
  void reset_parameters() {
    for (Index i = 0; i < Length; ++i)
      for (Index j = 0; j < Length; ++j) mask(i, j) = j > i ? -std::numeric_limits<float>::infinity() : 0;
  }
};
template<Index N, Index Length>
struct GptBlock {
  LayerNorm<N> ln_1;
  Attention<N, Length> attn;
  LayerNorm<N> ln_2;
  Mlp2<N> mlp;
  constexpr auto forward(auto x) const {
    const auto y = x + (x | ln_1 | attn);
    return y + (y | ln_2 | mlp);
  }
};
/// Radford et al. 2019, with the names of nanoGPT: two layers, the head is the embedding.
struct Gpt {
  Embedding<100, 32> wte;
  Embedding<16, 32> wpe;
  Dropout<0.1> drop;
  std::array<GptBlock<32, 16>, 2> h;
  LayerNorm<32> ln_f;
  Linear<32, 100, {.bias = false}> lm_head;
  using ties = stator::ties<tie<"lm_head.weight", "wte.weight">>;

  /// words: [N, 16] int64, returns [N, 16, 100]
  constexpr auto forward(auto words) const {
    auto x = ((words | wte) + wpe.weight) | drop;
    for (const auto& block : h) x = x | block;
    return x | ln_f | lm_head;
  }
};

} // namespace corpus
