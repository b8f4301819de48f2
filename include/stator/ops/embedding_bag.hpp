// SPDX-License-Identifier: BSL-1.0
// embedding_bag: sum, mean or maximum of the rows of a table that each bag names.
#pragma once

#include "stator/ops/embedding.hpp"
#include "stator/ops/extremum.hpp"

#include <array>
#include <string_view>

namespace stator::inline v0_2 {

namespace nn {
/// How embedding_bag reduces: "sum", "mean" or "max".
struct EmbeddingBagMode {
  std::array<char, 5> text{}; ///< the word and zeros
  constexpr EmbeddingBagMode(const char* word) {
    for (std::size_t i = 0; i + 1 < text.size() && word[i] != 0; ++i) text[i] = word[i];
  }
  /// The word.
  constexpr std::string_view view() const { return text.data(); }
};
} // namespace nn

namespace ops {

/// weight [num, dim] and index [N, L], with weights [N, L] of the rows for sums: [N, dim]. Rows Padding do
/// not count; a bag of these alone gives zeros.
template<nn::EmbeddingBagMode Mode, Index Padding>
struct EmbeddingBag {
  static constexpr bool is_sum = Mode.view() == "sum", is_mean = Mode.view() == "mean";
  static_assert(is_sum || is_mean || Mode.view() == "max",
                "stator: embedding_bag: the modes are sum, mean and max");
  static constexpr std::string_view name = "EmbeddingBag";
  static constexpr bool is_composite = true;
  template<class W, class I, class... Each>
    requires(sizeof...(Each) < 2)
  static constexpr auto compose(W weight, I index, Each... each) {
    if constexpr (W::extents.rank != 2 || I::extents.rank != 2) {
      weight.builder->fail(text("embedding_bag: weight ", W::extents, " and indices ", I::extents,
                                ", expected [num, dim] and [N, L]"));
      return weight;
    } else if constexpr (sizeof...(Each) == 1 && !(is_sum && ((Each::extents == I::extents) && ...))) {
      weight.builder->fail(text("embedding_bag: per_sample_weights have the shape of the indices, ",
                                I::extents, ", and the mode is \"sum\""));
      return weight;
    } else {
      const auto rows = operation<Embedding<Padding>>{}(weight, index);
      if constexpr (Padding >= 0)
        return reduced(rows, operation<Unsqueeze<-1>>{}(ne(index, Padding)), each...);
      else
        return reduced(rows, 0, each...);
    }
  }

private:
  static constexpr operation<Sum<false, 1>> sum{};
  /// `counts` is a tensor of bool [N, L, 1], or 0 where all rows count.
  template<class R, class C, class... Each>
  static constexpr auto reduced(R rows, C counts, Each... each) {
    using T = typename R::scalar;
    constexpr bool all = std::is_same_v<C, int>;
    if constexpr (is_sum || is_mean) {
      const auto weighted = [&] {
        if constexpr (sizeof...(Each) > 0)
          return mul(rows, operation<Unsqueeze<-1>>{}(each)...);
        else
          return rows;
      }();
      if constexpr (all && is_sum) {
        return sum(weighted);
      } else if constexpr (all) {
        return operation<Mean<false, 1>>{}(weighted);
      } else {
        const auto counted = cast_to<T>(counts);
        const auto total = sum(mul(weighted, counted));
        if constexpr (is_sum)
          return total;
        else
          return div(total, maximum(sum(counted), 1));
      }
    } else if constexpr (all) {
      return operation<Amax<true, false, 1>>{}(rows);
    } else {
      constexpr double never = -std::numeric_limits<double>::infinity();
      const auto largest = operation<Amax<true, false, 1>>{}(operation<Where>{}(counts, rows, never));
      return operation<Where>{}(eq(largest, never), 0, largest);
    }
  }
};

} // namespace ops

namespace nn {
/// `embedding_bag<"sum", Padding>(weight, index)`: weight [num, dim], index [N, L] int64, returns [N, dim]:
/// the sum, mean or max of the rows that each bag of L names; with "sum" a third operand [N, L] weights them.
/// Rows Padding do not count (-1: there are none). Throws ValueError at an index that is not a row.
/// torch.nn.functional.embedding_bag.
template<EmbeddingBagMode Mode = "mean", Index Padding = -1>
inline constexpr operation<ops::EmbeddingBag<Mode, Padding>> embedding_bag;
} // namespace nn

} // namespace stator::inline v0_2
