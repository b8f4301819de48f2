// SPDX-License-Identifier: BSL-1.0
// TransformerEncoder, TransformerDecoderLayer, TransformerDecoder, Transformer.
#pragma once

#include "stator/nn/transformer.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>

namespace stator::nn {

namespace detail {

/// Calls `f` with those of the masks that stand at these positions, as far as there are so many.
template<std::size_t... At, class F, class... Mask>
constexpr auto with_masks(const F& f, const Mask&... mask) {
  const std::tuple all(mask...);
  const auto one = [&all]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    if constexpr (I < sizeof...(Mask))
      return std::tuple(std::get<I>(all));
    else
      return std::tuple();
  };
  return std::apply(f, std::tuple_cat(one(std::integral_constant<std::size_t, At>())...));
}

/// Calls `f(parameter of the layer...)` with each matrix of a layer in the order in which PyTorch lists them;
/// with several layers of one type, with that of each.
constexpr void for_each_matrix(const auto& f, auto&... layer) {
  f(layer.self_attn.in_proj_weight...);
  f(layer.self_attn.out_proj.weight...);
  if constexpr ((requires { layer.multihead_attn; } && ...)) {
    f(layer.multihead_attn.in_proj_weight...);
    f(layer.multihead_attn.out_proj.weight...);
  }
  f(layer.linear1.weight...);
  f(layer.linear2.weight...);
}

/// Gives all layers the first values of the first one, of which PyTorch makes copies. Other parameters than
/// these begin with constants.
template<class Layer, std::size_t N>
void repeat_first(std::array<Layer, N>& layers) {
  const auto copy = [](const auto& from, auto& to) { std::copy_n(from.data(), from.numel(), to.data()); };
  for (std::size_t i = 1; i < N; ++i) {
    for_each_matrix(copy, layers[0], layers[i]);
    copy(layers[0].linear1.bias, layers[i].linear1.bias);
    copy(layers[0].linear2.bias, layers[i].linear2.bias);
  }
}

} // namespace detail

/// N layers one after the other, Norm of what the last one returns: TransformerEncoder and
/// TransformerDecoder.
template<bool Decodes, class Layer, std::size_t N, class Norm>
struct TransformerStack {
  static_assert(N > 0, "stator: a stack of transformer layers has at least one");
  std::array<Layer, N> layers; ///< each is called with what the one before returns
  Norm norm;                   ///< at the end

  static constexpr std::string_view class_name() {
    return Decodes ? "TransformerDecoder" : "TransformerEncoder";
  }
  constexpr auto forward(auto x, auto... others) const {
    if constexpr (std::is_same_v<Norm, Absent>)
      return run<0>(x, others...);
    else
      return norm(run<0>(x, others...));
  }
  constexpr auto operator()(auto&&... x) const { return call(*this, std::forward<decltype(x)>(x)...); }
  /// The layers begin alike, as PyTorch's copies of one do.
  void reset_parameters() { detail::repeat_first(layers); }

private:
  template<std::size_t I>
  constexpr auto run(auto x, auto... others) const {
    if constexpr (I == N)
      return x;
    else
      return run<I + 1>(layers[I](x, others...), others...);
  }
};

/// torch.nn.TransformerEncoder: `TransformerEncoder<TransformerEncoderLayer<512, 8>, 6, LayerNorm<512>>`; the
/// norm may be left out. Called as its layers are, with x and masks.
template<class Layer, std::size_t N, class Norm = Absent>
using TransformerEncoder = TransformerStack<false, Layer, N, Norm>;

/// torch.nn.TransformerDecoder: `TransformerDecoder<TransformerDecoderLayer<512, 8>, 6, LayerNorm<512>>`; the
/// norm may be left out. Called as its layers are, with the target, the memory and masks.
template<class Layer, std::size_t N, class Norm = Absent>
using TransformerDecoder = TransformerStack<true, Layer, N, Norm>;

/// Self-attention, attention to the memory that an encoder made, and a feedforward network, each with a
/// residual. target [L, N, Model] and memory [S, N, Model], with batch_first [N, L, Model] and so on; returns
/// the shape of the target. The inputs after these are PyTorch's: tgt_mask, memory_mask,
/// tgt_key_padding_mask, memory_key_padding_mask, all of them masks as MultiheadAttention has them, 0 where
/// there is none; those at the end may be left out. `is_causal` is about the self-attention. Source: Vaswani
/// et al. 2017.
template<Index Model, Index Heads, Index Feedforward = 2048,
         TransformerOptions Options = TransformerOptions{}, class T = float>
struct TransformerDecoderLayer {
  /// Options of the attention to the memory.
  static constexpr MultiheadAttentionOptions attention{.dropout = Options.dropout,
                                                       .batch_first = Options.batch_first};
  /// Options of the self-attention.
  static constexpr MultiheadAttentionOptions self_attention{
      .dropout = Options.dropout, .batch_first = Options.batch_first, .is_causal = Options.is_causal};
  static constexpr LayerNormOptions norm{.eps = Options.layer_norm_eps}; ///< options of the norms

  MultiheadAttention<Model, Heads, self_attention, T> self_attn; ///< attention of the target to itself
  MultiheadAttention<Model, Heads, attention, T> multihead_attn; ///< attention of the target to the memory
  /// Into the feedforward network.
  Linear<Model, Feedforward, LinearOptions{}, T> linear1;
  /// Inside the feedforward network.
  Dropout<Options.dropout> dropout;
  /// Out of the feedforward network.
  Linear<Feedforward, Model, LinearOptions{}, T> linear2;
  LayerNorm<Model, norm, T> norm1; ///< of the self-attention
  LayerNorm<Model, norm, T> norm2; ///< of the attention to the memory
  LayerNorm<Model, norm, T> norm3; ///< of the feedforward network
  /// Of the self-attention.
  Dropout<Options.dropout> dropout1;
  /// Of the attention to the memory.
  Dropout<Options.dropout> dropout2;
  /// Of the feedforward network.
  Dropout<Options.dropout> dropout3;

  constexpr auto forward(auto target, auto memory, auto... mask) const {
    static_assert(sizeof...(mask) <= 4,
                  "stator: TransformerDecoderLayer: a target, a memory, and at most 4 masks");
    const auto to_itself = [&](auto x) {
      return detail::with_masks<0, 2>([&](auto... m) { return dropout1(self_attn(x, x, x, m...)); }, mask...);
    };
    const auto to_memory = [&](auto x) {
      return detail::with_masks<1, 3>(
          [&](auto... m) { return dropout2(multihead_attn(x, memory, memory, m...)); }, mask...);
    };
    if constexpr (Options.norm_first) {
      const auto y = add(target, to_itself(norm1(target)));
      const auto z = add(y, to_memory(norm2(y)));
      return add(z, feed(norm3(z)));
    } else {
      const auto y = norm1(add(target, to_itself(target)));
      const auto z = norm2(add(y, to_memory(y)));
      return norm3(add(z, feed(z)));
    }
  }
  constexpr auto operator()(auto&&... x) const { return call(*this, std::forward<decltype(x)>(x)...); }

private:
  constexpr auto feed(auto x) const {
    const auto hidden = linear1(x);
    if constexpr (Options.gelu)
      return dropout3(linear2(dropout(gelu(hidden))));
    else
      return dropout3(linear2(dropout(relu(hidden))));
  }
};

/// Encoder and decoder: source [S, N, Model] and target [L, N, Model], with batch_first [N, S, Model] and so
/// on; returns the shape of the target. The inputs after these are PyTorch's: src_mask, tgt_mask,
/// memory_mask, src_key_padding_mask, tgt_key_padding_mask, memory_key_padding_mask, 0 where there is none;
/// those at the end may be left out. `is_causal` is about the decoder's self-attention. Source: Vaswani et
/// al. 2017.
template<Index Model = 512, Index Heads = 8, std::size_t EncoderLayers = 6, std::size_t DecoderLayers = 6,
         Index Feedforward = 2048, TransformerOptions Options = TransformerOptions{}, class T = float>
struct Transformer {
  /// Options of the encoder's layers.
  static constexpr TransformerOptions encoder_options = [] {
    TransformerOptions o = Options;
    o.is_causal = false;
    return o;
  }();
  /// The norm at the end of encoder and decoder.
  using Norm = LayerNorm<Model, LayerNormOptions{.eps = Options.layer_norm_eps}, T>;

  /// Of the source.
  TransformerEncoder<TransformerEncoderLayer<Model, Heads, Feedforward, encoder_options, T>, EncoderLayers,
                     Norm>
      encoder;
  /// Of the target.
  TransformerDecoder<TransformerDecoderLayer<Model, Heads, Feedforward, Options, T>, DecoderLayers, Norm>
      decoder;

  constexpr auto forward(auto source, auto target, auto... mask) const {
    static_assert(sizeof...(mask) <= 6, "stator: Transformer: a source, a target, and at most 6 masks");
    const auto memory = detail::with_masks<0, 3>([&](auto... m) { return encoder(source, m...); }, mask...);
    return detail::with_masks<1, 2, 4, 5>([&](auto... m) { return decoder(target, memory, m...); }, mask...);
  }
  constexpr auto operator()(auto&&... x) const { return call(*this, std::forward<decltype(x)>(x)...); }

  /// All matrices Xavier-uniform.
  void reset_parameters() {
    const auto matrix = [](auto& weight) { init::xavier_uniform_(weight); };
    for (auto& layer : encoder.layers) detail::for_each_matrix(matrix, layer);
    for (auto& layer : decoder.layers) detail::for_each_matrix(matrix, layer);
  }
};

} // namespace stator::nn
