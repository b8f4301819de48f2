// SPDX-License-Identifier: BSL-1.0
// PyTorch's names of linear algebra: det, slogdet, logdet, inverse, solve, cholesky, cholesky_solve,
// cholesky_inverse, triangular_solve, qr, matrix_exp.
#pragma once

#include "stator/ops/linear_systems.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// Solve whose right side may be a vector for each matrix.
struct SolveAny {
  static constexpr std::string_view name = "LinalgSolve";
  static constexpr bool is_composite = true;
  template<class A, class B>
  static constexpr auto compose(A a, B b) {
    if constexpr (B::extents.rank + 1 == A::extents.rank)
      return operation<Squeeze<-1>>{}(operation<Solve<false>>{}(a, operation<Unsqueeze<-1>>{}(b)));
    else
      return operation<Solve<false>>{}(a, b);
  }
};

/// Cholesky, Upper: its transpose.
template<bool Upper>
struct CholeskyAny {
  static constexpr std::string_view name = "Cholesky";
  static constexpr bool is_composite = true;
  template<class A>
  static constexpr auto compose(A a) {
    if constexpr (Upper)
      return operation<Transpose<-2, -1>>{}(operation<Cholesky>{}(a));
    else
      return operation<Cholesky>{}(a);
  }
};

/// x with l l^T x = b, or u^T u x = b.
template<bool Upper>
struct CholeskySolve {
  static constexpr std::string_view name = "CholeskySolve";
  static constexpr bool is_composite = true;
  template<class B, class L>
  static constexpr auto compose(B b, L l) {
    return operation<TriangularSolve<Upper, !Upper, false>>{}(
        l, operation<TriangularSolve<Upper, Upper, false>>{}(l, b));
  }
};

/// (l l^T)^-1 or (u^T u)^-1.
template<bool Upper>
struct CholeskyInverse {
  static constexpr std::string_view name = "CholeskyInverse";
  static constexpr bool is_composite = true;
  template<class L>
  static constexpr auto compose(L l) {
    return CholeskySolve<Upper>::compose(SquareMatrices::identity(l), l);
  }
};

/// q [..., m, n] with orthonormal columns that span those of a [..., m, n], m >= n.
struct OrthonormalColumns : SquareMatrices {
  static constexpr std::string_view name = "QrQ";
  static constexpr std::string_view backward_name = "LinalgQrBackward0";
  static constexpr Extents shape(const Extents& a) { return a; }
  static constexpr Text requirement(const Extents& a) {
    const Text no = detail::dims_requirement("qr", a, {-2, -1});
    if (!no.empty() || a[a.rank - 2] >= a.back()) return no;
    return text("qr: ", a, " has more columns than rows");
  }
  template<class A>
  static constexpr Index m = A::extents[A::extents.rank - 2];
  template<class Out, class A>
  static constexpr Bytes scratch() {
    return Bytes{static_cast<std::size_t>((m<A> + 1) * n<A>) * sizeof(typename A::scalar), 0};
  }
  template<class Out, class A>
  static void run(typename Out::scalar* out, const typename A::scalar* a, Index batch, std::byte* space) {
    for (Index s = 0; s < stack<A>(batch); ++s)
      kernel::orthonormal_columns(a + s * m<A> * n<A>, m<A>, n<A>, out + s * m<A> * n<A>,
                                  reinterpret_cast<typename A::scalar*>(space));
  }
  /// (g + q c) r^-T, c the symmetric matrix whose lower half is that of -g^T q (Walter and Lehmann,
  /// "Algorithmic differentiation of linear algebra functions", 2010).
  template<class G, class Y, class A>
  static constexpr auto vjp(G g, Y q, A a) {
    constexpr operation<Transpose<-2, -1>> transpose;
    const auto r = operation<Triangle<false, 0>>{}(product<true, false>(q, a));
    const auto all = neg(product<true, false>(g, q));
    const auto c = add(operation<Triangle<true, 0>>{}(all), transpose(operation<Triangle<true, -1>>{}(all)));
    const auto left = add(g, product<false, false>(q, c));
    return gradients(transpose(operation<TriangularSolve<true, false, false>>{}(r, transpose(left))));
  }
};

/// The first factor of torch.qr.
struct QrQ {
  static constexpr std::string_view name = "Qr";
  static constexpr bool is_composite = true;
  template<class A>
  static constexpr auto compose(A a) {
    static_assert(A::extents.rank > 1, "stator: qr: expected matrices");
    constexpr Index m = A::extents[A::extents.rank - 2];
    // The first columns of a wide matrix span all.
    if constexpr (m < A::extents.back())
      return operation<OrthonormalColumns>{}(operation<Narrow<-1, 0, m>>{}(a));
    else
      return operation<OrthonormalColumns>{}(a);
  }
};

/// The second factor of torch.qr.
struct QrR {
  static constexpr std::string_view name = "Qr";
  static constexpr bool is_composite = true;
  template<class Q, class A>
  static constexpr auto compose(Q q, A a) {
    return operation<Triangle<false, 0>>{}(SquareMatrices::product<true, false>(q, a));
  }
};

} // namespace ops

/// torch.inverse: a [..., n, n]. Throws ValueError for a singular matrix.
inline constexpr operation<ops::Inverse> inverse;
/// torch.linalg.solve: x with a x = b, a [..., n, n], b [..., n, k] or [..., n]. Throws ValueError for a
/// singular matrix.
inline constexpr operation<ops::SolveAny> solve;
/// torch.det: the determinants [...] of a [..., n, n]; the gradient of a singular matrix raises ValueError.
inline constexpr operation<ops::Det<false>> det;
/// torch.logdet: the logarithm of the determinant; NaN of a negative one, -infinity of a singular matrix.
inline constexpr operation<ops::Logdet> logdet;
/// `auto [sign, logabsdet] = slogdet(a)`: the determinants as sign and logarithm of the size; torch.slogdet.
template<Operand A>
constexpr auto slogdet(A&& operand) {
  decltype(auto) a = ops::detail::reusable(std::forward<A>(operand));
  return std::tuple(operation<ops::DetSign>{}(a), operation<ops::Det<true>>{}(a));
}
/// `cholesky<Upper>(a)`: the lower triangle l with l l^T = a, a [..., n, n] symmetric, of which the lower
/// half is read; Upper: the transpose of l. Throws ValueError for a matrix that is not positive definite.
/// torch.cholesky.
template<bool Upper = false>
inline constexpr operation<ops::CholeskyAny<Upper>> cholesky;
/// `cholesky_solve<Upper>(b, l)`: x with l l^T x = b, or with Upper l^T l x = b; b [..., n, k].
/// torch.cholesky_solve.
template<bool Upper = false>
inline constexpr operation<ops::CholeskySolve<Upper>> cholesky_solve;
/// `cholesky_inverse<Upper>(l)`: the inverse of l l^T, or with Upper of l^T l. torch.cholesky_inverse.
template<bool Upper = false>
inline constexpr operation<ops::CholeskyInverse<Upper>> cholesky_inverse;
/// `triangular_solve<Upper, Transposed, Unit>(b, a)`: x with t x = b, t the upper or lower triangle of a or
/// its transpose; Unit: with ones for its diagonal. b [..., n, k]. The first of the two results of
/// torch.triangular_solve.
template<bool Upper = true, bool Transposed = false, bool Unit = false, Operand B, Operand A>
constexpr auto triangular_solve(B&& b, A&& a) {
  return operation<ops::TriangularSolve<Upper, Transposed, Unit>>{}(std::forward<A>(a), std::forward<B>(b));
}
/// `auto [q, r] = qr(a)`: a [..., m, n] = q r with q [..., m, k] of orthonormal columns and r [..., k, n]
/// with zeros below its diagonal, k the smaller of m and n; the gradient needs full rank. torch.qr,
/// torch.linalg.qr.
template<Operand A>
constexpr auto qr(A&& operand) {
  decltype(auto) a = ops::detail::reusable(std::forward<A>(operand));
  const auto q = operation<ops::QrQ>{}(a);
  return std::tuple(q, operation<ops::QrR>{}(q, a));
}
/// torch.matrix_exp: the exponentials of a [..., n, n].
inline constexpr operation<ops::MatrixExp> matrix_exp;

} // namespace stator::inline v0_2
