// SPDX-License-Identifier: BSL-1.0
// scaled_dot_product_attention.
#pragma once

#include "stator/kernel/attention.hpp"
#include "stator/ops/bmm.hpp"
#include "stator/ops/dropout.hpp"
#include "stator/ops/softmax.hpp"
#include "stator/ops/view.hpp"
#include "stator/ops/vjp_of_nodes.hpp"

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

template<bool Causal, double DropoutP>
struct Attention;

/// softmax(q k^T / sqrt(d)) v for q [..., L, d], k [..., S, d], v [..., S, e] in one kernel that never holds
/// all scores. With Kept the result [..., L, e] is followed by what the gradient needs of the scores, a
/// number for each row: the shape is then [..., L, e + 1], and `Values` reads the result.
template<bool Causal, bool Kept>
struct AttentionInBlocks {
  static constexpr std::string_view name = "ScaledDotProductAttention";
  static constexpr std::string_view backward_name = "BmmBackward0";
  static constexpr Index rows(const Extents& e) { return e[e.rank - 2]; }
  template<class Q, class K, class V>
  using Kernel = kernel::attention<typename Q::scalar, Causal, rows(Q::extents), rows(K::extents),
                                   Q::extents.back(), V::extents.back()>;

  /// Whether the kernel takes these operands.
  template<class Q, class K, class V>
  static consteval bool fits() {
    constexpr Extents q = Q::extents, k = K::extents, v = V::extents;
    using T = typename Q::scalar;
    if (!kernel::vectorizable<T> || !std::is_same_v<T, typename K::scalar> ||
        !std::is_same_v<T, typename V::scalar>)
      return false;
    if (q.rank < 3 || q.rank != k.rank || q.rank != v.rank) return false;
    for (std::size_t d = 0; d + 2 < q.rank; ++d)
      if (q[d] != k[d] || q[d] != v[d]) return false;
    return q.back() == k.back() && rows(k) == rows(v) && rows(q) * rows(k) > 0 && q.back() * v.back() > 0 &&
           q.back() + v.back() <= 1024 / static_cast<Index>(sizeof(T));
  }

  static constexpr Extents shape(const Extents& q, const Extents&, const Extents& v) {
    Extents e = q;
    e[e.rank - 1] = v.back() + (Kept ? 1 : 0);
    return e;
  }
  static constexpr Extents gradient_shape(const Extents& y) {
    Extents e = y;
    if (Kept) --e[e.rank - 1];
    return e;
  }
  /// As many as with all scores, whatever is left out.
  static constexpr Index multiply_adds(const Extents&, const Extents& q, const Extents& k, const Extents& v) {
    return q.numel() * rows(k) + v.numel() * rows(q);
  }
  template<class Q>
  static constexpr auto scale = static_cast<typename Q::scalar>(
      1 / Attention<Causal, 0.0>::square_root(static_cast<double>(Q::extents.back())));
  template<class X>
  static Index stacks(Index batch) {
    return detail::blocks<X>(X::extents.rank - 2, batch);
  }

  template<class Out, class Q, class K, class V>
  static void run(typename Out::scalar* y, const typename Q::scalar* q, const typename K::scalar* k,
                  const typename V::scalar* v, Index batch, std::byte*) {
    const Index n = stacks<Q>(batch);
    Kernel<Q, K, V>::forward(q, k, v, scale<Q>, y,
                             Kept ? y + n * rows(Q::extents) * V::extents.back() : nullptr, n);
  }

  /// The result itself.
  struct Values {
    static constexpr std::string_view name = "Slice";
    static constexpr std::string_view backward_name = "BmmBackward0";
    static constexpr bool is_view = true, takes_other_gradient = true;
    static constexpr Extents shape(const Extents& y) { return gradient_shape(y); }
    template<class G, class Y, class X>
    static constexpr auto vjp(G g, Y, X) {
      return gradients(g);
    }
  };

  /// The gradients of q, k and v, one after the other, as long rows [..., 1, all of a stack].
  struct Backward {
    static constexpr std::string_view name = "ScaledDotProductAttentionBackward";
    static constexpr Extents shape(const Extents&, const Extents&, const Extents& q, const Extents& k,
                                   const Extents& v) {
      Extents e = q;
      e[e.rank - 2] = 1;
      e[e.rank - 1] = rows(q) * q.back() + rows(k) * (k.back() + v.back());
      return e;
    }
    static constexpr Index multiply_adds(const Extents&, const Extents&, const Extents&, const Extents& q,
                                         const Extents& k, const Extents& v) {
      return 2 * (q.numel() * rows(k) + v.numel() * rows(q));
    }
    template<class Out, class G, class Y, class Q, class K, class V>
    static void run(typename Out::scalar* out, const typename G::scalar* g, const typename Y::scalar* y,
                    const typename Q::scalar* q, const typename K::scalar* k, const typename V::scalar* v,
                    Index batch, std::byte*) {
      const Index n = stacks<Q>(batch), queries = rows(Q::extents), keys = rows(K::extents);
      auto* const dk = out + n * queries * Q::extents.back();
      Kernel<Q, K, V>::backward(g, q, k, v, y, y + n * queries * V::extents.back(), scale<Q>, out, dk,
                                dk + n * keys * K::extents.back(), n);
    }
  };
  /// A gradient of shape E from the result of Backward, in which `Before` elements of a stack come before it.
  template<Extents E, Index Before>
  struct Part {
    static constexpr std::string_view name = "Slice";
    static constexpr Extents shape(const Extents&) { return E; }
    template<class Out, class D>
    static void run(typename Out::scalar* out, const typename D::scalar* d, Index batch, std::byte*) {
      const Index n = stacks<D>(batch);
      constexpr Index count = rows(E) * E.back(), piece = Index{1} << 13;
      d += n * Before;
      parallel_for(n * count, piece,
                   [&](Index first, Index last, int) { std::copy(d + first, d + last, out + first); });
    }
  };

  template<class G, class Y, class Q, class K, class V>
  static constexpr auto vjp(G g, Y y, Q q, K k, V v) {
    if constexpr (G::order > 0) {
      const auto again = Attention<Causal, 0.0>::materialised(once_more(q), once_more(k), once_more(v));
      const int result[] = {again.node}, seed[] = {g.node};
      return vjp_of_nodes(*g.builder, result, seed, q, k, v);
    } else {
      constexpr Index of_q = rows(Q::extents) * Q::extents.back();
      const auto d = operation<Backward>{}(g, y, q, k, v);
      return gradients(operation<Beginning<Q::extents>>{}(d), operation<Part<K::extents, of_q>>{}(d),
                       operation<Part<V::extents, of_q + rows(K::extents) * K::extents.back()>>{}(d));
    }
  }
};

/// softmax(q k^T / sqrt(d) + masks) v, with dropout of the weights in training.
template<bool Causal, double DropoutP>
struct Attention {
  static constexpr std::string_view name = "ScaledDotProductAttention";
  static constexpr bool is_composite = true;
  template<class Q, class K, class V, class... Mask>
  static constexpr auto compose(Q q, K k, V v, Mask... mask) {
    if constexpr (sizeof...(Mask) == 0 && DropoutP == 0 &&
                  AttentionInBlocks<Causal, false>::template fits<Q, K, V>()) {
      using InBlocks = AttentionInBlocks<Causal, (Q::order > 0)>;
      const auto y = operation<InBlocks>{}(q, k, v);
      if constexpr (Q::order > 0)
        return operation<typename InBlocks::Values>{}(y);
      else
        return y;
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
