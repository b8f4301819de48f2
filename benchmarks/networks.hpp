// SPDX-License-Identifier: BSL-1.0
// The networks of the benchmarks, as a user of Stator writes them.
#pragma once

#include <stator/stator.hpp>

#include <array>
#include <type_traits>

namespace bench {

namespace nn = stator::nn;
using stator::Index;

template<Index... Widths>
struct Mlp;
/// in -> hidden -> out with relu.
template<Index In, Index Hidden, Index Out>
struct Mlp<In, Hidden, Out> {
  nn::Linear<In, Hidden> fc1;
  nn::Linear<Hidden, Out> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};
template<Index In, Index First, Index Second, Index Out>
struct Mlp<In, First, Second, Out> {
  nn::Linear<In, First> fc1;
  nn::Linear<First, Second> fc2;
  nn::Linear<Second, Out> fc3;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2 | nn::relu | fc3; }
};

/// A policy of 16 observations and 4 actions.
struct Policy {
  nn::Linear<16, 64> fc1;
  nn::Linear<64, 64> fc2;
  nn::Linear<64, 4> fc3;
  constexpr auto forward(auto x) const { return x | fc1 | nn::tanh | fc2 | nn::tanh | fc3; }
};

/// Source: LeCun et al. 1998, with relu and max pooling as it is written today.
struct Lenet {
  nn::Conv2d<1, 6, 5, {.padding = 2}> conv1;
  nn::Conv2d<6, 16, 5> conv2;
  nn::Linear<400, 120> fc1;
  nn::Linear<120, 84> fc2;
  nn::Linear<84, 10> fc3;
  constexpr auto forward(auto x) const {
    const auto features =
        x | conv1 | nn::relu | nn::max_pool2d<2> | conv2 | nn::relu | nn::max_pool2d<2> | stator::flatten<1>;
    return features | fc1 | nn::relu | fc2 | nn::relu | fc3;
  }
};

struct Cnn {
  nn::Conv2d<1, 32, 3> conv1;
  nn::Conv2d<32, 64, 3> conv2;
  nn::Linear<9216, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const {
    const auto features = x | conv1 | nn::relu | conv2 | nn::relu | nn::max_pool2d<2>;
    return features | stator::flatten<1> | fc1 | nn::relu | fc2;
  }
};

template<Index In, Index Out, Index Stride>
struct BasicBlock {
  struct Identity {
    constexpr auto forward(auto x) const { return x; }
  };
  using Projection =
      nn::Sequential<nn::Conv2d<In, Out, 1, {.stride = Stride, .bias = false}>, nn::BatchNorm2d<Out>>;
  nn::Conv2d<In, Out, 3, {.stride = Stride, .padding = 1, .bias = false}> conv1;
  nn::BatchNorm2d<Out> bn1;
  nn::Conv2d<Out, Out, 3, {.padding = 1, .bias = false}> conv2;
  nn::BatchNorm2d<Out> bn2;
  std::conditional_t<Stride != 1 || In != Out, Projection, Identity> downsample;
  constexpr auto forward(auto x) const {
    return nn::relu((x | conv1 | bn1 | nn::relu | conv2 | bn2) + (x | downsample));
  }
};

/// Width 64 for pictures of 3x32x32: a first convolution of 3x3 and no first pooling.
struct Resnet18 {
  template<Index In, Index Out, Index Stride>
  using Stage = nn::Sequential<BasicBlock<In, Out, Stride>, BasicBlock<Out, Out, 1>>;
  nn::Conv2d<3, 64, 3, {.padding = 1, .bias = false}> conv1;
  nn::BatchNorm2d<64> bn1;
  Stage<64, 64, 1> layer1;
  Stage<64, 128, 2> layer2;
  Stage<128, 256, 2> layer3;
  Stage<256, 512, 2> layer4;
  nn::Linear<512, 10> fc;
  constexpr auto forward(auto x) const {
    const auto features = x | conv1 | bn1 | nn::relu | layer1 | layer2 | layer3 | layer4;
    return features | stator::mean_dims<2, 3> | fc;
  }
};

/// 4 layers of width 128 with 4 heads over 64 tokens out of 256; the head is the embedding.
struct Gpt {
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
  std::array<Block, 4> h;
  nn::LayerNorm<width> ln_f;
  nn::Linear<width, tokens, {.bias = false}> lm_head;
  using ties = stator::ties<stator::tie<"lm_head.weight", "wte.weight">>;
  constexpr auto forward(auto words) const {
    auto x = (words | wte) + wpe.weight;
    for (const Block& block : h) x = x | block;
    return x | ln_f | lm_head;
  }
};

/// Sequences of 50 steps of 16 numbers.
struct Lstm {
  nn::LSTM<16, 64, {.batch_first = true}> lstm;
  constexpr auto forward(auto x) const { return x | lstm; }
};

template<Index In, Index Hidden>
struct GruStep {
  nn::GRUCell<In, Hidden> cell;
  constexpr auto forward(auto x, auto h) const { return nn::call(cell, x, h); }
};
template<Index In, Index Hidden>
struct LstmStep {
  nn::LSTMCell<In, Hidden> cell;
  constexpr auto forward(auto x, auto h, auto c) const {
    const auto [h2, c2] = cell.states(x, h, c);
    return stator::cat<1>(h2, c2);
  }
};

/// Four convolutions over time of kernel 3, dilated by 1, 2, 4, 8: 158 samples in, 128 out.
struct Audio {
  static constexpr Index samples = 158;
  nn::Conv1d<1, 16, 3> conv1;
  nn::Conv1d<16, 16, 3, {.dilation = 2}> conv2;
  nn::Conv1d<16, 16, 3, {.dilation = 4}> conv3;
  nn::Conv1d<16, 16, 3, {.dilation = 8}> conv4;
  constexpr auto forward(auto x) const {
    return x | conv1 | nn::tanh | conv2 | nn::tanh | conv3 | nn::tanh | conv4 | nn::tanh;
  }
};

} // namespace bench
