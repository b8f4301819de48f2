// SPDX-License-Identifier: BSL-1.0
// embedding: rows of a table by their numbers.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/half.hpp"
#include "stator/trace/operation.hpp"

#include <algorithm>
#include <string>

namespace stator::inline v0_2 {

namespace ops {

/// weight [num, dim], index [...] int64; returns [..., dim]. The row `Padding` gets no gradient (-1: there is
/// none).
template<Index Padding>
struct Embedding {
  static constexpr std::string_view name = "Embedding";
  static constexpr std::string_view backward_name = "EmbeddingBackward0";
  /// Only the rows that are looked up become floats, not the table.
  static constexpr bool takes_halves = true;
  template<class W, class I>
  using scalar = arithmetic_of<W>;
  static constexpr Extents shape(const Extents& weight, const Extents& index) {
    Extents e = index;
    e.push_back(weight[1]);
    return e;
  }
  static constexpr Text type_requirement(DType, DType index) {
    if (!is_floating_point(index) && index != DType::boolean) return {};
    return text("embedding: the indices are ", to_string(index), ", expected int64: convert them, ",
                "stator::to<std::int64_t>(x)");
  }
  static constexpr Text requirement(const Extents& weight, const Extents& index) {
    if (weight.rank != 2) return text("embedding: the weight has shape ", weight, ", expected [num, dim]");
    if (index.rank + 1 > max_rank) return text("embedding: indices ", index, " have too many dimensions");
    return {};
  }
  template<class I>
  static Index count(Index batch) {
    return I::extents.numel() * (I::extents.is_dynamic() ? batch : 1);
  }
  template<class W>
  STATOR_COLD static void refuse(std::int64_t index, Index at) {
    raise(ValueError("embedding: index " + std::to_string(index) + " at position " + std::to_string(at) +
                     " is out of range, the table has " + std::to_string(W::extents[0]) + " rows"));
  }
  template<class Out, class W, class I>
  static void run(typename Out::scalar* out, const typename W::scalar* weight,
                  const typename I::scalar* index, Index batch, std::byte*) {
    constexpr Index dim = W::extents[1];
    check<W, I>(index, batch);
    for (Index i = 0; i < count<I>(batch); ++i)
      if constexpr (kernel::Half<typename W::scalar>)
        kernel::widen(out + i * dim, weight + index[i] * dim, dim);
      else
        std::copy_n(weight + index[i] * dim, dim, out + i * dim);
  }
  static constexpr int checked_operand = 1;
  template<class W, class I>
  static void check(const typename I::scalar* index, Index batch) {
    for (Index i = 0; i < count<I>(batch); ++i)
      if (index[i] < 0 || index[i] >= W::extents[0]) refuse<W>(static_cast<std::int64_t>(index[i]), i);
  }
  /// Adds each row of g to the row that it came from; the last operand gives the shape only.
  struct Backward {
    static constexpr std::string_view name = "EmbeddingDenseBackward";
    static constexpr bool takes_halves = true;
    static constexpr Extents shape(const Extents&, const Extents&, const Extents& weight) { return weight; }
    template<class Out, class G, class I, class W>
    static void accumulate(typename Out::scalar* dw, const typename G::scalar* g,
                           const typename I::scalar* index, const typename W::scalar*, Index batch,
                           std::byte*) {
      constexpr Index dim = W::extents[1];
      for (Index i = 0; i < count<I>(batch); ++i) {
        if (index[i] == Padding) continue;
        typename Out::scalar* const row = dw + index[i] * dim;
        for (Index d = 0; d < dim; ++d) row[d] += g[i * dim + d];
      }
    }
    template<class Out, class G, class I, class W>
    static void run(typename Out::scalar* dw, const typename G::scalar* g, const typename I::scalar* index,
                    const typename W::scalar* w, Index batch, std::byte* scratch) {
      std::fill_n(dw, Out::extents.numel(), typename Out::scalar{});
      accumulate<Out, G, I, W>(dw, g, index, w, batch, scratch);
    }
    template<class G2, class Y2, class G, class I, class W>
    static constexpr auto vjp(G2 gg, Y2, G, I index, W) {
      return gradients(operation<Embedding>{}(gg, index), no_gradient, no_gradient);
    }
  };
  template<class G, class Y, class W, class I>
  static constexpr auto vjp(G g, Y, W weight, I index) {
    return gradients(operation<Backward>{}(g, index, weight), no_gradient);
  }
};

} // namespace ops

namespace nn {
/// embedding(weight, index): weight [num, dim], index [...] int64; returns [..., dim].
/// Throws ValueError at an index that is not a row.
template<Index Padding = -1>
inline constexpr operation<ops::Embedding<Padding>> embedding;
} // namespace nn

} // namespace stator::inline v0_2
