// SPDX-License-Identifier: BSL-1.0
// Attention in one kernel that never holds all scores, for heads that follow one another and for heads that
// lie beside each other in a row, as projections leave them: what permutes them need not run then.
#pragma once

#include "stator/kernel/attention.hpp"
#include "stator/ops/permute.hpp"
#include "stator/ops/slicing.hpp"
#include "stator/ops/view.hpp"
#include "stator/ops/vjp_of_nodes.hpp"

#include <algorithm>
#include <type_traits>

namespace stator::inline v0_2 {

namespace ops {

template<bool Causal, double DropoutP>
struct Attention;

/// Extents of one head.
struct AttentionSizes {
  Index queries, keys, width, value_width;

  /// Of q, k and v: [..., L, d], [..., S, d], [..., S, e], or [N, L, heads, d] and so on where heads are not
  /// 0.
  constexpr AttentionSizes(Index heads, const Extents& q, const Extents& k, const Extents& v)
      : queries(q[heads > 0 ? 1 : q.rank - 2]), keys(k[heads > 0 ? 1 : k.rank - 2]), width(q.back()),
        value_width(v.back()) {}
  /// Of x [N, L, 3 heads d]: q, k and v in each row.
  constexpr AttentionSizes(Index heads, const Extents& x)
      : queries(x[1]), keys(x[1]), width(x[2] / heads / 3), value_width(width) {}
};

/// softmax(q k^T / sqrt(d)) v, of operands as AttentionSizes has them. The result is [..., L, e] or [N, L,
/// Heads, e]; with Kept it is followed by what the gradient needs of the scores, a number for each row: its
/// last extent is then e + 1, and `Values` reads the result.
template<bool Causal, bool Kept, Index Heads>
struct AttentionInBlocks {
  static constexpr std::string_view name = "ScaledDotProductAttention";
  static constexpr std::string_view backward_name = "BmmBackward0";

  template<class First, class... X>
  struct Operands {
    static constexpr AttentionSizes size{Heads, First::extents, X::extents...};
    static constexpr bool one = sizeof...(X) == 0;
    static constexpr Index heads = std::max<Index>(Heads, 1), row = (one ? 3 : 1) * heads * size.width,
                           value_row = one ? row : heads * size.value_width;
    using T = typename First::scalar;
    using Kernel = kernel::attention<T, Causal, size.queries, size.keys, size.width, size.value_width, heads,
                                     row, row, value_row>;
    static constexpr T scale =
        static_cast<T>(1 / Attention<Causal, 0.0>::square_root(static_cast<double>(size.width)));
    /// q, k and v.
    static std::array<const T*, 3> of(const T* first, const typename X::scalar*... x) {
      if constexpr (one)
        return {first, first + row / 3, first + 2 * row / 3};
      else
        return {first, x...};
    }
  };
  template<class X>
  static Index samples(Index batch) {
    return detail::blocks<X>(Heads > 0 ? 1 : X::extents.rank - 2, batch);
  }

  static constexpr Extents shape(const Extents& first, const auto&... x) {
    const AttentionSizes size(Heads, first, x...);
    Extents e = Heads > 0 ? Extents(first[0], size.queries, Heads, size.value_width) : first;
    e[e.rank - 1] = size.value_width + (Kept ? 1 : 0);
    return e;
  }
  static constexpr Extents gradient_shape(const Extents& y) {
    Extents e = y;
    if (Kept) --e[e.rank - 1];
    return e;
  }
  /// As many as with all scores, whatever is left out.
  static constexpr Index multiply_adds(const Extents& y, const auto&... x) {
    const AttentionSizes size(Heads, x...);
    return y.numel() / y.back() * size.keys * (size.width + size.value_width);
  }
  template<class Out, class... X>
  static void run(typename Out::scalar* y, const typename X::scalar*... x, Index batch, std::byte*) {
    using In = Operands<X...>;
    const Index n = samples<Out>(batch);
    const auto [q, k, v] = In::of(x...);
    In::Kernel::forward(q, k, v, In::scale, y,
                        Kept ? y + n * In::heads * In::size.queries * In::size.value_width : nullptr, n);
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

  /// The gradient of x, or those of q, k and v one after the other.
  struct Backward {
    static constexpr std::string_view name = "ScaledDotProductAttentionBackward";
    static constexpr Extents shape(const Extents&, const Extents&, const Extents& x) { return x; }
    static constexpr Extents shape(const Extents&, const Extents&, const Extents& q, const Extents& k,
                                   const Extents& v) {
      Extents e = q;
      e.rank = Heads > 0 ? 1 : q.rank - 2;
      e.push_back(1); // a rank of its own for each stack
      e.push_back(part(q) + part(k) + part(v));
      return e;
    }
    static constexpr Index multiply_adds(const Extents&, const Extents&, const Extents& y, const auto&... x) {
      return 2 * AttentionInBlocks::multiply_adds(y, x...);
    }
    template<class Out, class G, class Y, class... X>
    static void run(typename Out::scalar* out, const typename G::scalar* g, const typename Y::scalar* y,
                    const typename X::scalar*... x, Index batch, std::byte*) {
      using In = Operands<X...>;
      const Index n = samples<Y>(batch), of_head = n * In::heads;
      const auto [q, k, v] = In::of(x...);
      auto *dk = out + In::row / 3, *dv = out + 2 * In::row / 3;
      if constexpr (!In::one) {
        dk = out + of_head * In::size.queries * In::size.width;
        dv = dk + of_head * In::size.keys * In::size.width;
      }
      In::Kernel::backward(g, q, k, v, y, y + of_head * In::size.queries * In::size.value_width, In::scale,
                           out, dk, dv, n);
    }
  };
  /// Elements of one sample of an operand, or of one stack.
  static constexpr Index part(const Extents& x) { return x.product(Heads > 0 ? 1 : x.rank - 2, x.rank); }
  /// A gradient of shape E from those of q, k and v, in which `Before` elements of a sample come before it.
  template<Extents E, Index Before>
  struct Part {
    static constexpr std::string_view name = "Slice";
    static constexpr Extents shape(const Extents&) { return E; }
    template<class Out, class D>
    static void run(typename Out::scalar* out, const typename D::scalar* d, Index batch, std::byte*) {
      const Index n = samples<Out>(batch);
      d += n * Before;
      parallel_for(n * part(E), Index{1} << 13,
                   [&](Index first, Index last, int) { std::copy(d + first, d + last, out + first); });
    }
  };

  template<class G, class Y, class... X>
  static constexpr auto vjp(G g, Y y, X... x) {
    if constexpr (G::order > 0) {
      const int result[] = {materialised(once_more(x)...).node}, seed[] = {g.node};
      return vjp_of_nodes(*g.builder, result, seed, x...);
    } else if constexpr (sizeof...(X) == 1) {
      return gradients(operation<Backward>{}(g, y, x...));
    } else {
      return parts(operation<Backward>{}(g, y, x...), x...);
    }
  }

private:
  template<class D, class Q, class K, class V>
  static constexpr auto parts(D d, Q, K, V) {
    constexpr Index q = part(Q::extents), k = part(K::extents);
    return gradients(operation<Beginning<Q::extents>>{}(d), operation<Part<K::extents, q>>{}(d),
                     operation<Part<V::extents, q + k>>{}(d));
  }
  /// The same from the matrix of scores.
  template<class Q, class K, class V>
  static constexpr auto materialised(Q q, K k, V v) {
    constexpr operation<Permute<0, 2, 1, 3>> exchange;
    if constexpr (Heads > 0)
      return exchange(Attention<Causal, 0.0>::materialised(exchange(q), exchange(k), exchange(v)));
    else
      return Attention<Causal, 0.0>::materialised(q, k, v);
  }
  template<class X>
  static constexpr auto materialised(X x) {
    constexpr Index all = X::extents[2] / 3;
    constexpr Extents heads(X::extents[0], X::extents[1], Heads, all / Heads);
    const auto third = [&]<Index I>(std::integral_constant<Index, I>) {
      return reshape_to<heads>(operation<Narrow<2, I * all, all>>{}(x));
    };
    return materialised(third(std::integral_constant<Index, 0>()), third(std::integral_constant<Index, 1>()),
                        third(std::integral_constant<Index, 2>()));
  }
};

/// [N, L, heads, e] as [N, heads, L, e]; who permutes that again has what was there before.
struct HeadsFirst : Permute<0, 2, 1, 3> {
  using undoing = Permute<0, 2, 1, 3>;
};

/// X [N, heads, L, e] before its heads came first.
template<class X>
struct HeadsBeside {
  static constexpr Extents extents{X::extents[0], X::extents[2], X::extents[1], X::extents[3]};
  using typed = Typed<typename X::scalar, to_shape<extents>>;
  using symbol = Symbol<typename X::scalar, to_shape<extents>, X::order>;
};

/// Records attention in blocks of q [..., L, d], k [..., S, d] and v [..., S, e].
template<bool Causal, class Q, class K, class V>
struct RecordAttention {
  using T = typename Q::scalar;
  static constexpr int order = Q::order;
  static constexpr bool kept = order > 0;
  static constexpr Extents q = Q::extents, k = K::extents, v = V::extents;

  /// Whether the kernel takes these operands.
  static consteval bool fits() {
    if (!kernel::vectorizable<T> || !std::is_same_v<T, typename K::scalar> ||
        !std::is_same_v<T, typename V::scalar>)
      return false;
    if (q.rank < 3 || q.rank != k.rank || q.rank != v.rank) return false;
    for (std::size_t d = 0; d + 2 < q.rank; ++d)
      if (q[d] != k[d] || q[d] != v[d]) return false;
    const AttentionSizes size(0, q, k, v);
    return q.back() == k.back() && size.keys == v[v.rank - 2] && size.queries * size.keys > 0 &&
           size.width * size.value_width > 0 &&
           size.width + size.value_width <= 1024 / static_cast<Index>(sizeof(T));
  }

  static constexpr auto record(Q a, K b, V c) {
    if constexpr (q.rank == 4 && q[1] > 1) {
      graph::Builder& graph = *a.builder;
      const int found[] = {beside<Q>(graph, a.node), beside<K>(graph, b.node), beside<V>(graph, c.node)};
      if (found[0] >= 0 && found[1] >= 0 && found[2] >= 0) {
        if constexpr (q == k && q == v)
          if (const int x = thirds(graph, found); x >= 0)
            return heads_first(Symbol<T, to_shape<all>, order>{&graph, x});
        return heads_first(typename HeadsBeside<Q>::symbol{&graph, found[0]},
                           typename HeadsBeside<K>::symbol{&graph, found[1]},
                           typename HeadsBeside<V>::symbol{&graph, found[2]});
      }
    }
    return values<0>(a, b, c);
  }

private:
  template<Index Heads>
  static constexpr auto values(auto... x) {
    using Op = AttentionInBlocks<Causal, kept, Heads>;
    const auto y = operation<Op>{}(x...);
    if constexpr (kept)
      return operation<typename Op::Values>{}(y);
    else
      return y;
  }
  static constexpr auto heads_first(auto... x) { return operation<HeadsFirst>{}(values<q[1]>(x...)); }

  template<class Op, class Out, class In>
  static constexpr bool is(const graph::Builder& graph, int node) {
    return graph.signature(node).identity == &signature<Op, 0, Out, In>::value;
  }
  /// What a node permutes so that heads come first; -1: it is something else.
  template<class X>
  static constexpr int beside(const graph::Builder& graph, int node) {
    return is<Permute<0, 2, 1, 3>, typename X::typed, typename HeadsBeside<X>::typed>(graph, node)
               ? graph.operand(node, 0)
               : -1;
  }
  /// The tensor whose rows are the three; -1: there is none.
  static constexpr Index third = q.rank == 4 ? q[1] * q[3] : 0;
  static constexpr Extents part{q[0], q[q.rank - 2], third}, all{q[0], q[q.rank - 2], 3 * third};
  using Third = Typed<T, to_shape<part>>; // g++ 12 has an internal error where a member template names them
  using All = Typed<T, to_shape<all>>;
  static constexpr int thirds(const graph::Builder& graph, const int (&node)[3]) {
    const int x[] = {cut<0>(graph, node[0]), cut<1>(graph, node[1]), cut<2>(graph, node[2])};
    return x[0] == x[1] && x[1] == x[2] ? x[0] : -1;
  }
  template<Index I>
  static constexpr int cut(const graph::Builder& graph, int node) {
    while (graph.kind(node) == graph::Kind::view &&
           graph.type(node).extents.numel() == graph.type(graph.operand(node, 0)).extents.numel())
      node = graph.operand(node, 0);
    const bool found = is<Narrow<2, I * third, third>, Third, All>(graph, node) ||
                       is<Narrow<-1, I * third, third>, Third, All>(graph, node);
    return found ? graph.operand(node, 0) : -1;
  }
};

} // namespace ops

} // namespace stator::inline v0_2
