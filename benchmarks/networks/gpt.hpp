// SPDX-License-Identifier: BSL-1.0
// A GPT of any depth, measured when it runs and when it is compiled.
#pragma once

#include <stator/stator.hpp>

#include <array>

namespace bench {

namespace nn = stator::nn;
using stator::Index;

/// Layers of width 128 with 4 heads over 64 tokens out of 256; the head is the embedding.
template<Index Layers>
struct GptOf {
  static constexpr Index tokens = 256, length = 64, width = 128, heads = 4;
  struct Attention {
    nn::Linear<width, 3 * width> c_attn;
    nn::Linear<width, width> c_proj;
    constexpr auto forward(auto x) const {
      const auto heads_of = [](auto part) {
        return stator::permute<0, 2, 1, 3>(stator::view<-1, length, heads, width / heads>(part));
      };
      const auto [q, k, v] = stator::split<2, width, width, width>(x | c_attn);
      const auto y = nn::scaled_dot_product_attention<true>(heads_of(q), heads_of(k), heads_of(v));
      return stator::view<-1, length, width>(stator::permute<0, 2, 1, 3>(y)) | c_proj;
    }
  };
  struct Block {
    nn::LayerNorm<width> ln_1;
    Attention attn;
    nn::LayerNorm<width> ln_2;
    nn::Linear<width, 4 * width> c_fc;
    nn::Linear<4 * width, width> c_proj;
    constexpr auto forward(auto x) const {
      const auto y = x + (x | ln_1 | attn);
      return y + (y | ln_2 | c_fc | nn::gelu | c_proj);
    }
  };
  nn::Embedding<tokens, width> wte;
  nn::Embedding<length, width> wpe;
  std::array<Block, Layers> h;
  nn::LayerNorm<width> ln_f;
  nn::Linear<width, tokens, {.bias = false}> lm_head;
  using ties = stator::ties<stator::tie<"lm_head.weight", "wte.weight">>;
  constexpr auto forward(auto words) const {
    auto x = (words | wte) + wpe.weight;
    for (const Block& block : h) x = x | block;
    return x | ln_f | lm_head;
  }
};

} // namespace bench
