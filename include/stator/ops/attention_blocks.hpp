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

/// How heads lie: without a count q is [..., L, d], with one [N, L, count, d], or [L, N, count, d].
struct HeadsLayout {
  Index count = 0;           ///< of heads that lie beside each other in a row; 0: they follow one another
  bool length_first = false; ///< [L, N, ...]

  /// Which dimension of q, k or v is its length.
  constexpr std::size_t length_at(const Extents& x) const {
    return count == 0 ? x.rank - 2 : length_first ? 0 : 1;
  }
  /// Elements of one sample of an operand, or of one stack.
  constexpr Index part(const Extents& x) const {
    if (length_first) return x.numel() / x[1];
    return x.product(count > 0 ? 1 : x.rank - 2, x.rank);
  }
};

/// Extents of one head.
struct AttentionSizes {
  Index queries, keys, width, value_width;

  /// Of q, k and v, laid out like that.
  constexpr AttentionSizes(const HeadsLayout& heads, const Extents& q, const Extents& k, const Extents& v)
      : queries(q[heads.length_at(q)]), keys(k[heads.length_at(k)]), width(q.back()), value_width(v.back()) {}
  /// Of x [N, L, 3 heads d] or [L, N, 3 heads d]: q, k and v in each row.
  constexpr AttentionSizes(const HeadsLayout& heads, const Extents& x)
      : queries(x[heads.length_at(x)]), keys(queries), width(x[2] / heads.count / 3), value_width(width) {}
};

/// [N, L, heads, e], or with LengthFirst [L, N, heads, e], as [N, heads, L, e]; who permutes that again has
/// what was there before.
template<bool LengthFirst>
struct HeadsFirst : Permute<0, 2, 1, 3> {
  using permutation = Permute<0, 2, 1, 3>;
  using undoing = Permute<0, 2, 1, 3>;
};
template<>
struct HeadsFirst<true> : Permute<1, 2, 0, 3> {
  using permutation = Permute<1, 2, 0, 3>;
  using undoing = Permute<2, 0, 1, 3>;
};

/// X [N, heads, L, e] before its heads came first.
template<class X, bool LengthFirst>
struct HeadsBeside {
  static constexpr Index samples = X::extents[0], length = X::extents[2];
  static constexpr Extents extents{LengthFirst ? length : samples, LengthFirst ? samples : length,
                                   X::extents[1], X::extents[3]};
  using typed = Typed<typename X::scalar, to_shape<extents>>;
  using symbol = Symbol<typename X::scalar, to_shape<extents>, X::order>;
};

/// softmax(q k^T / sqrt(d)) v, of operands as AttentionSizes has them. The result is [..., L, e], [N, L,
/// heads, e] or [L, N, heads, e]; with Kept it is followed by what the gradient needs of the scores, a number
/// for each row: its last extent is then e + 1, and `Values` reads the result.
template<bool Causal, bool Kept, HeadsLayout Heads>
struct AttentionInBlocks {
  static constexpr std::string_view name = "ScaledDotProductAttention";
  static constexpr std::string_view backward_name = "BmmBackward0";

  template<class First, class... X>
  struct Operands {
    static constexpr AttentionSizes size{Heads, First::extents, X::extents...};
    static constexpr bool one = sizeof...(X) == 0;
    static constexpr Index heads = std::max<Index>(Heads.count, 1), row = (one ? 3 : 1) * heads * size.width,
                           value_row = one ? row : heads * size.value_width,
                           beside = Heads.length_first ? First::extents[1] : 1; // samples in a row of memory
    using T = typename First::scalar;
    using Kernel = kernel::attention<T, Causal, size.queries, size.keys, size.width, size.value_width, heads,
                                     beside * row, beside * row, beside * value_row, beside>;
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
    if constexpr (Heads.length_first)
      return X::extents[1];
    else
      return detail::blocks<X>(Heads.count > 0 ? 1 : X::extents.rank - 2, batch);
  }

  static constexpr Extents shape(const Extents& first, const auto&... x) {
    const AttentionSizes size(Heads, first, x...);
    Extents e = Heads.count > 0 ? Extents(first[0], first[1], Heads.count, size.value_width) : first;
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
      Extents e = Heads.length_first ? Extents(q[1]) : q;
      e.rank = Heads.count > 0 ? 1 : q.rank - 2;
      e.push_back(1); // a rank of its own for each stack
      e.push_back(Heads.part(q) + Heads.part(k) + Heads.part(v));
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
  /// A gradient of shape E from those of q, k and v, in which `Before` elements of a sample come before it.
  template<Extents E, Index Before>
  struct Part {
    static constexpr std::string_view name = "Slice";
    static constexpr Extents shape(const Extents&) { return E; }
    template<class Out, class D>
    static void run(typename Out::scalar* out, const typename D::scalar* d, Index batch, std::byte*) {
      const Index n = samples<Out>(batch);
      d += n * Before;
      parallel_for(n * Heads.part(E), Index{1} << 13,
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
    constexpr Index q = Heads.part(Q::extents), k = Heads.part(K::extents);
    return gradients(operation<Beginning<Q::extents>>{}(d), operation<Part<K::extents, q>>{}(d),
                     operation<Part<V::extents, q + k>>{}(d));
  }
  /// The same from the matrix of scores.
  template<class Q, class K, class V>
  static constexpr auto materialised(Q q, K k, V v) {
    if constexpr (Heads.count > 0) {
      constexpr operation<typename HeadsFirst<Heads.length_first>::permutation> first;
      constexpr operation<typename HeadsFirst<Heads.length_first>::undoing> beside;
      return beside(Attention<Causal, 0.0>::materialised(first(q), first(k), first(v)));
    } else
      return Attention<Causal, 0.0>::materialised(q, k, v);
  }
  template<class X>
  static constexpr auto materialised(X x) {
    constexpr Index all = X::extents[2] / 3;
    constexpr Extents heads(X::extents[0], X::extents[1], Heads.count, all / Heads.count);
    const auto third = [&]<Index I>(std::integral_constant<Index, I>) {
      return reshape_to<heads>(operation<Narrow<2, I * all, all>>{}(x));
    };
    return materialised(third(std::integral_constant<Index, 0>()), third(std::integral_constant<Index, 1>()),
                        third(std::integral_constant<Index, 2>()));
  }
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
    const AttentionSizes size({}, q, k, v);
    return q.back() == k.back() && size.keys == v[v.rank - 2] && size.queries * size.keys > 0 &&
           size.width * size.value_width > 0 &&
           size.width + size.value_width <= 1024 / static_cast<Index>(sizeof(T));
  }

  static constexpr auto record(Q a, K b, V c) {
    if constexpr (q.rank == 4 && q[1] > 1) {
      if (const Operands<false> x(a, b, c); x.found()) return x.record();
      if constexpr (q[0] != dynamic)
        if (const Operands<true> x(a, b, c); x.found()) return x.record();
    }
    return values<HeadsLayout{}>(a, b, c);
  }

private:
  template<HeadsLayout Heads>
  static constexpr auto values(auto... x) {
    using Op = AttentionInBlocks<Causal, kept, Heads>;
    const auto y = operation<Op>{}(x...);
    if constexpr (kept)
      return operation<typename Op::Values>{}(y);
    else
      return y;
  }

  template<class Op, class Out, class In>
  static constexpr bool is(const graph::Builder& graph, int node) {
    return graph.signature(node).identity == &signature<Op, 0, Out, In>::value;
  }
  static constexpr Index third = q.rank == 4 ? q[1] * q[3] : 0;

  /// q, k and v before heads came first, if that is what they are.
  template<bool LengthFirst>
  struct Operands {
    static constexpr HeadsLayout layout{q[1], LengthFirst};
    // Types of the tensor whose rows are all three, and of each: g++ 12 has an internal error where a member
    // template names them.
    static constexpr Extents part{HeadsBeside<Q, LengthFirst>::extents[0],
                                  HeadsBeside<Q, LengthFirst>::extents[1], third},
        all{part[0], part[1], 3 * third};
    using Third = Typed<T, to_shape<part>>;
    using All = Typed<T, to_shape<all>>;
    graph::Builder& graph;
    int node[3];

    constexpr Operands(Q a, K b, V c)
        : graph(*a.builder), node{beside<Q>(a.node), beside<K>(b.node), beside<V>(c.node)} {}
    constexpr bool found() const { return node[0] >= 0 && node[1] >= 0 && node[2] >= 0; }
    constexpr auto record() const {
      if constexpr (q == k && q == v)
        if (const int x = thirds(); x >= 0) return heads_first(Symbol<T, to_shape<all>, order>{&graph, x});
      return heads_first(typename HeadsBeside<Q, LengthFirst>::symbol{&graph, node[0]},
                         typename HeadsBeside<K, LengthFirst>::symbol{&graph, node[1]},
                         typename HeadsBeside<V, LengthFirst>::symbol{&graph, node[2]});
    }

  private:
    static constexpr auto heads_first(auto... x) {
      return operation<HeadsFirst<LengthFirst>>{}(values<layout>(x...));
    }
    /// What a node permutes so that heads come first; -1: it is something else.
    template<class X>
    constexpr int beside(int n) const {
      using Before = typename HeadsBeside<X, LengthFirst>::typed;
      return is<typename HeadsFirst<LengthFirst>::permutation, typename X::typed, Before>(graph, n)
                 ? graph.operand(n, 0)
                 : -1;
    }
    /// The tensor whose rows are the three; -1: there is none.
    constexpr int thirds() const {
      const int x[] = {cut<0>(node[0]), cut<1>(node[1]), cut<2>(node[2])};
      return x[0] == x[1] && x[1] == x[2] ? x[0] : -1;
    }
    template<Index I>
    constexpr int cut(int n) const {
      while (graph.kind(n) == graph::Kind::view &&
             graph.type(n).extents.numel() == graph.type(graph.operand(n, 0)).extents.numel())
        n = graph.operand(n, 0);
      const bool found = is<Narrow<2, I * third, third>, Third, All>(graph, n) ||
                         is<Narrow<-1, I * third, third>, Third, All>(graph, n);
      return found ? graph.operand(n, 0) : -1;
    }
  };
};

} // namespace ops

} // namespace stator::inline v0_2
