// SPDX-License-Identifier: BSL-1.0
// TransformerEncoderLayer.
#pragma once

#include "stator/nn/activation.hpp"
#include "stator/nn/attention.hpp"
#include "stator/nn/dropout.hpp"
#include "stator/nn/row_norm.hpp"

namespace stator::nn {

/// Options of TransformerEncoderLayer, PyTorch's.
struct TransformerOptions {
  double dropout = 0.1;         ///< of attention weights and of what is added to the residuals
  double layer_norm_eps = 1e-5; ///< added to the variance
  bool gelu = false;            ///< activation="gelu"; relu otherwise
  bool batch_first = false;     ///< x is [N, L, Model], not [L, N, Model]
  bool norm_first = false;      ///< normalise before attention and feedforward, not after them
  bool is_causal = false;       ///< no position sees a later one
};

/// Self-attention and a feedforward network, each with a residual. Inputs after the first are masks of the
/// attention. Source: Vaswani et al. 2017.
template<Index Model, Index Heads, Index Feedforward = 2048,
         TransformerOptions Options = TransformerOptions{}, class T = float>
struct TransformerEncoderLayer {
  /// Options of the attention.
  static constexpr MultiheadAttentionOptions attention{
      .dropout = Options.dropout, .batch_first = Options.batch_first, .is_causal = Options.is_causal};
  static constexpr LayerNormOptions norm{.eps = Options.layer_norm_eps}; ///< options of both norms

  MultiheadAttention<Model, Heads, attention, T> self_attn; ///< attention of x to itself
  /// Into the feedforward network.
  Linear<Model, Feedforward, LinearOptions{}, T> linear1;
  /// Inside the feedforward network.
  Dropout<Options.dropout> dropout;
  /// Out of the feedforward network.
  Linear<Feedforward, Model, LinearOptions{}, T> linear2;
  LayerNorm<Model, norm, T> norm1; ///< of the attention
  LayerNorm<Model, norm, T> norm2; ///< of the feedforward network
  /// Of the attention.
  Dropout<Options.dropout> dropout1;
  /// Of the feedforward network.
  Dropout<Options.dropout> dropout2;

  constexpr auto forward(auto x, auto... mask) const {
    if constexpr (Options.norm_first) {
      const auto y = add(x, attend(norm1(x), mask...));
      return add(y, feed(norm2(y)));
    } else {
      const auto y = norm1(add(x, attend(x, mask...)));
      return norm2(add(y, feed(y)));
    }
  }
  constexpr auto operator()(auto&&... x) const { return call(*this, std::forward<decltype(x)>(x)...); }

private:
  constexpr auto attend(auto x, auto... mask) const { return dropout1(self_attn(x, x, x, mask...)); }
  constexpr auto feed(auto x) const {
    const auto hidden = linear1(x);
    if constexpr (Options.gelu)
      return dropout2(linear2(dropout(gelu(hidden))));
    else
      return dropout2(linear2(dropout(relu(hidden))));
  }
};

} // namespace stator::nn
