// SPDX-License-Identifier: BSL-1.0
// EmbeddingBag: reduced rows of a table that is trained.
#pragma once

#include "stator/nn/init.hpp"
#include "stator/ops/embedding_bag.hpp"
#include "stator/trace/call.hpp"

namespace stator::nn {

/// Options of EmbeddingBag, PyTorch's.
struct EmbeddingBagOptions {
  EmbeddingBagMode mode = "mean"; ///< "sum", "mean" or "max"
  Index padding_idx = -1;         ///< this row begins with zeros and does not count; -1: none
};

/// index [N, L] int64 with values in [0, Num), returns [N, Dim]; see nn::embedding_bag. With the mode "sum" a
/// second input [N, L] holds per_sample_weights. weight [Num, Dim] starts normal, torch.nn.EmbeddingBag.
template<Index Num, Index Dim, EmbeddingBagOptions Options = EmbeddingBagOptions{}, class T = float>
struct EmbeddingBag {
  static_assert(Num > 0 && Dim > 0, "stator: EmbeddingBag needs positive sizes");
  static_assert(Options.padding_idx < Num, "stator: EmbeddingBag: padding_idx must be within num_embeddings");

  Parameter<T, Num, Dim> weight; ///< one row for each index

  constexpr auto forward(auto index, auto... per_sample_weights) const {
    return embedding_bag<Options.mode, Options.padding_idx>(weight, index, per_sample_weights...);
  }
  constexpr auto operator()(auto&&... x) const { return call(*this, std::forward<decltype(x)>(x)...); }

  void reset_parameters() {
    init::normal_(weight);
    if constexpr (Options.padding_idx >= 0) std::fill_n(weight.data() + Options.padding_idx * Dim, Dim, T{});
  }
  static std::string extra_repr() {
    return std::to_string(Num) + ", " + std::to_string(Dim) + ", mode=" + std::string(Options.mode.view()) +
           (Options.padding_idx >= 0 ? ", padding_idx=" + std::to_string(Options.padding_idx) : "");
  }
};

} // namespace stator::nn
