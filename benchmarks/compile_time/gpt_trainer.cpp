// SPDX-License-Identifier: BSL-1.0
// A GPT of width 128 whose head is its embedding: one training step with AdamW, and inference.
// variants: -DLAYERS=4 -DLAYERS=12 -DLAYERS=24 -DLAYERS=48
#include <stator/stator.hpp>

#include <array>
#include <cstdio>

#ifndef LAYERS
#define LAYERS 4
#endif

namespace nn = stator::nn;

constexpr stator::Index words_in_all = 256, length = 64, width = 128, heads = 4;

struct Attention {
  nn::Linear<width, 3 * width> c_attn;
  nn::Linear<width, width> c_proj;
  constexpr auto forward(auto x) const {
    const auto cut = [](auto part) {
      return stator::permute<0, 2, 1, 3>(stator::view<-1, length, heads, width / heads>(part));
    };
    const auto [q, k, v] = stator::split<2, width, width, width>(x | c_attn);
    const auto y = nn::scaled_dot_product_attention<true>(cut(q), cut(k), cut(v));
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

struct Gpt {
  nn::Embedding<words_in_all, width> wte;
  nn::Embedding<length, width> wpe;
  std::array<Block, LAYERS> h;
  nn::LayerNorm<width> ln_f;
  nn::Linear<width, words_in_all, {.bias = false}> lm_head;
  using ties = stator::ties<stator::tie<"lm_head.weight", "wte.weight">>;

  constexpr auto forward(auto words) const {
    auto x = (words | wte) + wpe.weight;
    for (const Block& block : h) x = x | block;
    return x | ln_f | lm_head;
  }
};

int main() {
  stator::Model<Gpt> model;
  stator::optim::AdamW optimizer{model, {.lr = 3e-4}};
  stator::Tensor<std::int64_t, 8, length> words;
  stator::Tensor<std::int64_t, 8 * length> next;
  auto loss = nn::cross_entropy(stator::flatten<0, 1>(model(words)), next);
  optimizer.zero_grad();
  loss.backward();
  optimizer.step();
  std::printf("%f\n", static_cast<double>(loss.item()));
  std::printf("%f\n", static_cast<double>(model.eval()(words).value()(0, 0, 0)));
}
