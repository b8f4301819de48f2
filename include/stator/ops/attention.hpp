// SPDX-License-Identifier: BSL-1.0
// scaled_dot_product_attention.
#pragma once

#include "stator/ops/bmm.hpp"
#include "stator/ops/dropout.hpp"
#include "stator/ops/softmax.hpp"

#include <limits>

namespace stator {

namespace ops {

/// A mask to add to scores [..., L, S]: minus infinity where the key comes behind the query, otherwise 0; [L,
/// S].
struct CausalMask {
  static constexpr std::string_view name = "CausalMask";
  static constexpr Extents shape(const Extents& scores) {
    return Extents(scores[scores.rank - 2], scores.back());
  }
  template<class Out, class X>
  static void run(typename Out::scalar* mask, const typename X::scalar*, Index, std::byte*) {
    using T = typename Out::scalar;
    for (Index i = 0; i < Out::extents[0]; ++i)
      for (Index j = 0; j < Out::extents[1]; ++j) *mask++ = j > i ? -std::numeric_limits<T>::infinity() : T{};
  }
};

/// softmax(q k^T / sqrt(d) + mask) v, with dropout of the weights in training.
template<bool Causal, double DropoutP>
struct Attention {
  static constexpr std::string_view name = "ScaledDotProductAttention";
  static constexpr bool is_composite = true;
  template<class Q, class K, class V, class... Mask>
  static constexpr auto compose(Q q, K k, V v, Mask... mask) {
    static_assert(sizeof...(Mask) == 0 || !Causal,
                  "stator: scaled_dot_product_attention: a mask or is_causal, not both");
    return operation<Bmm<false, false>>{}(weights(q, k, mask...), v);
  }
  /// The weights alone, [..., L, S].
  template<class Q, class K, class... Mask>
  static constexpr auto weights(Q q, K k, Mask... mask) {
    constexpr double scale = 1 / square_root(static_cast<double>(Q::extents.back()));
    const auto scores = operation<Bmm<false, true>>{}(mul(q, scale), k);
    const auto masked = [&] {
      if constexpr (Causal)
        return add(scores, operation<CausalMask>{}(scores));
      else if constexpr (sizeof...(Mask) > 0)
        return add(scores, mask...);
      else
        return scores;
    }();
    return operation<Dropout<DropoutP, false>>{}(operation<Softmax<-1>>{}(masked));
  }
  static constexpr double square_root(double v) {
    double r = v;
    for (int i = 0; i < 60; ++i) r = (r + v / r) / 2;
    return r;
  }
};

} // namespace ops

namespace nn {
/// query [..., L, d], key [..., S, d], value [..., S, e], mask (optional) broadcast to [..., L, S] and added
/// to the scores; returns [..., L, e]. With Causal no query sees a key that comes behind it. Source: Vaswani
/// et al. 2017, eq. 1.
template<bool Causal = false, double DropoutP = 0.0>
constexpr auto scaled_dot_product_attention(const auto& query, const auto& key, const auto& value,
                                            const auto&... mask) {
  return operation<ops::Attention<Causal, DropoutP>>{}(query, key, value, mask...);
}
} // namespace nn

} // namespace stator
