// SPDX-License-Identifier: BSL-1.0
// Embedding: a table of vectors that are trained.
#pragma once

#include "stator/nn/extra_repr.hpp"
#include "stator/nn/init.hpp"
#include "stator/ops/embedding.hpp"
#include "stator/trace/call.hpp"

namespace stator::nn {

/// Options of Embedding.
struct EmbeddingOptions {
  Index padding_idx = -1; ///< this row begins with zeros and gets no gradient; -1: none
};

/// x [...] int64 with values in [0, Num), returns [..., Dim]. weight [Num, Dim] starts normal,
/// torch.nn.Embedding.
template<Index Num, Index Dim, EmbeddingOptions Options = EmbeddingOptions{}, class T = float>
struct Embedding {
  static_assert(Num > 0 && Dim > 0, "stator: Embedding needs positive sizes");
  static_assert(Options.padding_idx < Num, "stator: Embedding: padding_idx must be within num_embeddings");

  Parameter<T, Num, Dim> weight; ///< one row for each index

  constexpr auto forward(auto x) const { return embedding<Options.padding_idx>(weight, x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }

  void reset_parameters() {
    init::normal_(weight);
    if constexpr (Options.padding_idx >= 0) std::fill_n(weight.data() + Options.padding_idx * Dim, Dim, T{});
  }
  static std::string extra_repr() {
    return std::to_string(Num) + ", " + std::to_string(Dim) +
           (Options.padding_idx >= 0 ? ", padding_idx=" + std::to_string(Options.padding_idx) : "");
  }
};

} // namespace stator::nn
