// SPDX-License-Identifier: BSL-1.0
// svd, pinverse: singular values and vectors of matrices [..., m, n] with static extents, and what is made of
// them.
#pragma once

#include "stator/kernel/svd.hpp"
#include "stator/ops/compare.hpp"
#include "stator/ops/linalg.hpp"
#include "stator/ops/slicing.hpp"

#include <limits>
#include <tuple>

namespace stator::inline v0_2 {

namespace ops {

/// Of a [..., m, n], k the smaller of m and n: u [m, k], a row of the k singular values, and v [n, k], one
/// below the other: [..., m + 1 + n, k].
struct Svd : SquareMatrices {
  static constexpr std::string_view name = "LinalgSvd";
  static constexpr std::string_view backward_name = "LinalgSvdBackward0";
  template<class A>
  static constexpr Index m = A::extents[A::extents.rank - 2];
  static constexpr Extents shape(const Extents& a) {
    const Index rows = a[a.rank - 2], columns = a.back();
    Extents e = a;
    e[e.rank - 2] = rows + 1 + columns;
    e[e.rank - 1] = rows < columns ? rows : columns;
    return e;
  }
  static constexpr Text requirement(const Extents& a) {
    const Text no = detail::dims_requirement("svd", a, {-2, -1});
    if (!no.empty() || a.numel() > 0) return no;
    return text("svd: ", a, " has no elements");
  }
  template<class Out, class A>
  static constexpr Bytes scratch() {
    return Bytes{static_cast<std::size_t>(m<A> * n<A>) * sizeof(typename A::scalar), 0};
  }
  template<class Out, class A>
  static void run(typename Out::scalar* out, const typename A::scalar* a, Index batch, std::byte* space) {
    constexpr Index k = Out::extents.back();
    for (Index i = 0; i < stack<A>(batch); ++i, a += m<A> * n<A>, out += (m<A> + 1 + n<A>)*k)
      kernel::svd(a, m<A>, n<A>, out, out + m<A> * k, out + (m<A> + 1) * k,
                  reinterpret_cast<typename A::scalar*>(space));
  }

  /// u, s and v of a result, or of its gradient, for matrices [M, N].
  template<Index M, Index N>
  static constexpr auto parts(const auto& y) {
    return std::tuple(operation<Narrow<-2, 0, M>>{}(y), operation<Select<-2, M>>{}(y),
                      operation<Narrow<-2, M + 1, N>>{}(y));
  }
  /// x / by, and 0 where both are 0: vectors that are not used have gradient 0, of equal values too.
  static constexpr auto quotient(const auto& x, const auto& by) {
    constexpr operation<Mask<Comparison::eq>> equal;
    return div(x, operation<Choose>{}(mul(equal(x, 0), equal(by, 0)), 1, by));
  }
  /// With e[i, j] = s[j]^2 - s[i]^2 and 1 on its diagonal: u (skew(u^T gu) / e s + s skew(v^T gv) / e + gs)
  /// v^T and, of u and v that are not square, what lies beside the space of their columns. Source: Townsend,
  /// "Differentiating the singular value decomposition", 2016.
  template<class G, class Y, class A>
  static constexpr auto vjp(G g, Y y, A) {
    constexpr operation<Transpose<-2, -1>> transpose;
    const auto [u, s, v] = parts<m<A>, n<A>>(y);
    const auto [gu, gs, gv] = parts<m<A>, n<A>>(g);
    const auto in_row = operation<Unsqueeze<-2>>{}(s);
    const auto in_column = operation<Unsqueeze<-1>>{}(s);
    const auto of_u = product<true, false>(u, gu);
    const auto of_v = product<true, false>(v, gv);
    const auto one = identity(of_u);
    const auto gaps = add(sub(mul(in_row, in_row), mul(in_column, in_column)), one);
    const auto turn = [&](const auto& p) { return quotient(sub(p, transpose(p)), gaps); };
    const auto inner = add(add(mul(turn(of_u), in_row), mul(in_column, turn(of_v))),
                           mul(one, operation<Unsqueeze<-1>>{}(gs)));
    const auto within = product<false, true>(product<false, false>(u, inner), v);
    if constexpr (m<A> > n<A>)
      return gradients(
          add(within, product<false, true>(quotient(sub(gu, product<false, false>(u, of_u)), in_row), v)));
    else if constexpr (m<A> < n<A>)
      return gradients(
          add(within, product<false, true>(u, quotient(sub(gv, product<false, false>(v, of_v)), in_row))));
    else
      return gradients(within);
  }
};

/// Of q [..., m, k] with orthonormal columns, k < m, the columns [..., m, m - k] that make them a basis. They
/// are any that do, so they have no derivative.
struct OrthonormalComplement : SquareMatrices {
  static constexpr std::string_view name = "OrthonormalComplement";
  static constexpr Extents shape(const Extents& q) {
    Extents e = q;
    e[e.rank - 1] = q[q.rank - 2] - q.back();
    return e;
  }
  template<class Q>
  static constexpr Index m = Q::extents[Q::extents.rank - 2];
  template<class Out, class Q>
  static constexpr Bytes scratch() {
    return Bytes{static_cast<std::size_t>(m<Q> * m<Q>) * sizeof(typename Q::scalar), 0};
  }
  template<class Out, class Q>
  static void run(typename Out::scalar* out, const typename Q::scalar* q, Index batch, std::byte* space) {
    for (Index i = 0; i < stack<Q>(batch); ++i)
      kernel::orthonormal_complement(q + i * m<Q> * n<Q>, m<Q>, n<Q>, out + i * m<Q> * (m<Q> - n<Q>),
                                     reinterpret_cast<typename Q::scalar*>(space));
  }
};

/// The columns of q [..., m, k], and behind them those that make them a basis: [..., m, m].
struct CompletedColumns {
  static constexpr std::string_view name = "LinalgSvd";
  static constexpr bool is_composite = true;
  template<class Q>
  static constexpr auto compose(Q q) {
    if constexpr (Q::extents[Q::extents.rank - 2] == Q::extents.back())
      return q;
    else
      return operation<Cat<-1>>{}(q, operation<OrthonormalComplement>{}(q));
  }
};

/// The pseudoinverse of a [..., m, n]; Rcond: as that of pinverse.
template<double Rcond>
struct Pinverse : SquareMatrices {
  static constexpr std::string_view name = "Pinverse";
  static constexpr std::string_view backward_name = "LinalgPinvBackward0";
  static constexpr Extents shape(const Extents& a) {
    Extents e = a;
    e[e.rank - 2] = a.back();
    e[e.rank - 1] = a[a.rank - 2];
    return e;
  }
  static constexpr Text requirement(const Extents& a) {
    const Text no = detail::dims_requirement("pinverse", a, {-2, -1});
    if (!no.empty() || a.numel() > 0) return no;
    return text("pinverse: ", a, " has no elements");
  }
  template<class A>
  static constexpr Index m = A::extents[A::extents.rank - 2];
  template<class Out, class A>
  static constexpr Bytes scratch() {
    const Index k = m<A> < n<A> ? m<A> : n<A>;
    return Bytes{static_cast<std::size_t>((m<A> + n<A> + 1) * k + m<A> * n<A>) * sizeof(typename A::scalar),
                 0};
  }
  template<class Out, class A>
  static void run(typename Out::scalar* out, const typename A::scalar* a, Index batch, std::byte* space) {
    using T = typename A::scalar;
    constexpr T rcond = Rcond < 0
                            ? static_cast<T>(m<A> < n<A> ? n<A> : m<A>) * std::numeric_limits<T>::epsilon()
                            : static_cast<T>(Rcond);
    for (Index i = 0; i < stack<A>(batch); ++i, a += m<A> * n<A>, out += m<A> * n<A>)
      kernel::pinverse(a, m<A>, n<A>, rcond, out, reinterpret_cast<T*>(space));
  }
  /// -p^T g p^T + (g^T - a (p g^T)) p p^T + p^T p (g^T - (g^T p) a), p the pseudoinverse: of matrices whose
  /// rank does not change. Source: Golub and Pereyra, "The differentiation of pseudo-inverses", 1973.
  template<class G, class Y, class A>
  static constexpr auto vjp(G g, Y p, A a) {
    const auto turned = operation<Transpose<-2, -1>>{}(g);
    const auto left = sub(turned, product<false, false>(a, product<false, false>(p, turned)));
    const auto right = sub(turned, product<false, false>(product<false, false>(turned, p), a));
    return gradients(add(sub(product<false, true>(product<false, false>(left, p), p),
                             product<true, false>(p, product<false, true>(g, p))),
                         product<true, false>(p, product<false, false>(p, right))));
  }
};

} // namespace ops

/// `auto [u, s, v] = svd(x)`: x [..., m, n] is u diag(s) v^T, with k the smaller of m and n: u [..., m, k]
/// and v [..., n, k] with orthonormal columns, s [..., k], which descend from the largest (torch.svd;
/// torch.linalg.svd gives the transpose of v). `svd<true>(x)`: full matrices, u [..., m, m] and v [..., n,
/// n]: full_matrices=True of torch.linalg.svd, some=False of torch.svd. The signs of the columns need not be
/// PyTorch's: what does not depend on them has PyTorch's gradient. Where singular values are equal, or 0 of
/// matrices that are not square, gradients of u and v are not finite, those of s are. Columns that only
/// complete a basis may be any, so the one of u and v that has such columns has no gradient, which is
/// refused: the columns of svd(x) have it. (PyTorch counts that of the others as 0.)
template<bool FullMatrices = false, Operand X>
constexpr auto svd(X&& operand) {
  constexpr Extents a = detail::operand_typed<std::remove_cvref_t<X>>::type::extents;
  static_assert(a.rank > 1, "stator: svd: expected matrices [..., m, n]");
  const auto all = ops::Svd::parts<a[a.rank - 2], a.back()>(operation<ops::Svd>{}(std::forward<X>(operand)));
  if constexpr (FullMatrices) {
    constexpr operation<ops::CompletedColumns> completed;
    return std::tuple(completed(std::get<0>(all)), std::get<1>(all), completed(std::get<2>(all)));
  } else {
    return all;
  }
}

/// `pinverse<Rcond>(a)`: the pseudoinverses [..., n, m] of a [..., m, n], of any rank: singular values of at
/// most Rcond times the largest count as 0; a negative Rcond is max(m, n) times the epsilon of the element
/// type, as torch.linalg.pinv has it (torch.pinverse has 1e-15). The gradient is that of matrices whose rank
/// does not change.
template<double Rcond = -1.0, Operand A>
constexpr auto pinverse(A&& a) {
  return operation<ops::Pinverse<Rcond>>{}(std::forward<A>(a));
}

} // namespace stator::inline v0_2
