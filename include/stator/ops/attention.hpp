// SPDX-License-Identifier: BSL-1.0
// scaled_dot_product_attention.
#pragma once

#include "stator/ops/attention_blocks.hpp"
#include "stator/ops/bmm.hpp"
#include "stator/ops/dropout.hpp"
#include "stator/ops/softmax.hpp"

#include <limits>
#include <type_traits>

namespace stator::inline v0_2 {

namespace ops {

/// A mask to add to scores [..., L, S]: minus infinity where the key comes after the query, otherwise 0; [L,
/// S].
struct CausalMask {
  static constexpr bool is_constant = true;
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

/// [N, S] to [N, 1, 1, S]: minus infinity where x is not 0, otherwise 0; of type T where x has integers.
template<class T>
struct KeyPaddingMask {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = "MaskedFill";
  template<class X>
  using scalar = std::conditional_t<std::is_floating_point_v<X>, X, T>;
  static constexpr Extents shape(const Extents& x) { return Extents(x[0], 1, 1, x[1]); }
  static constexpr Text requirement(const Extents& x) {
    if (x.rank == 2) return {};
    return text("key_padding_mask: ", x, " has ", x.rank, " dimensions, expected [N, S]");
  }
  template<class Out, class X>
  static void run(typename Out::scalar* mask, const typename X::scalar* x, Index batch, std::byte*) {
    using M = typename Out::scalar;
    for (Index i = 0; i < detail::blocks<X>(1, batch) * X::extents[1]; ++i)
      mask[i] = x[i] == 0 ? M{} : -std::numeric_limits<M>::infinity();
  }
};

/// softmax(q k^T / sqrt(d) + masks) v, with dropout of the weights in training.
template<bool Causal, double DropoutP>
struct Attention {
  static constexpr std::string_view name = "ScaledDotProductAttention";
  static constexpr bool is_composite = true;
  template<class Q, class K, class V, class... Mask>
  static constexpr auto compose(Q q, K k, V v, Mask... mask) {
    if constexpr (sizeof...(Mask) == 0 && DropoutP == 0 && RecordAttention<Causal, Q, K, V>::fits()) {
      return RecordAttention<Causal, Q, K, V>::record(q, k, v);
    } else {
      return materialised(q, k, v, mask...);
    }
  }
  /// The same with all scores in memory.
  template<class Q, class K, class V, class... Mask>
  static constexpr auto materialised(Q q, K k, V v, Mask... mask) {
    return operation<Bmm<false, false>>{}(weights(q, k, mask...), v);
  }
  /// The weights alone, [..., L, S].
  template<class Q, class K, class... Mask>
  static constexpr auto weights(Q q, K k, Mask... mask) {
    constexpr double scale = 1 / square_root(static_cast<double>(Q::extents.back()));
    const auto scores = operation<Bmm<false, true>>{}(mul(q, scale), k);
    const auto masked = [&] {
      if constexpr (Causal)
        return masked_by(scores, operation<CausalMask>{}(scores), mask...);
      else
        return masked_by(scores, mask...);
    }();
    return operation<Dropout<DropoutP, false>>{}(operation<Softmax<-1>>{}(masked));
  }
  static constexpr double square_root(double v) {
    double r = v;
    for (int i = 0; i < 60; ++i) r = (r + v / r) / 2;
    return r;
  }

private:
  static constexpr auto masked_by(auto scores) { return scores; }
  static constexpr auto masked_by(auto scores, auto first, auto... rest) {
    return masked_by(add(scores, first), rest...);
  }
};

} // namespace ops

namespace nn {
/// query [..., L, d], key [..., S, d], value [..., S, e], masks (if any) broadcast to [..., L, S] and added
/// to the scores; returns [..., L, e]. With Causal no query sees a key that comes after it. Source: Vaswani
/// et al. 2017, eq. 1.
template<bool Causal = false, double DropoutP = 0.0>
constexpr auto scaled_dot_product_attention(auto&& query, auto&& key, auto&& value, auto&&... mask) {
  return operation<ops::Attention<Causal, DropoutP>>{}(
      std::forward<decltype(query)>(query), std::forward<decltype(key)>(key),
      std::forward<decltype(value)>(value), std::forward<decltype(mask)>(mask)...);
}

/// A mask for attention from `ignored` [N, S], not 0 where a key is padding: `nn::call(attention, q, k, v,
/// nn::key_padding_mask<>(eq(tokens, 0)))`. Of type T where `ignored` has integers. A query for which all
/// keys are ignored gives NaN, as in PyTorch.
template<class T = float>
inline constexpr operation<ops::KeyPaddingMask<T>> key_padding_mask;
} // namespace nn

} // namespace stator::inline v0_2
