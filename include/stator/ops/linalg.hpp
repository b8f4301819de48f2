// SPDX-License-Identifier: BSL-1.0
// PyTorch's names of linear algebra: det, slogdet, logdet, inverse, solve, cholesky, cholesky_solve,
// cholesky_inverse, triangular_solve, matrix_exp, pinverse.
#pragma once

#include "stator/ops/linear_systems.hpp"

namespace stator {

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

/// (a^T a)^-1 a^T of tall matrices, a^T (a a^T)^-1 of wide ones.
struct Pinverse {
  static constexpr std::string_view name = "Pinverse";
  static constexpr bool is_composite = true;
  template<class A>
  static constexpr auto compose(A a) {
    static_assert(A::extents.rank > 1, "stator: pinverse: expected matrices");
    constexpr operation<Transpose<-2, -1>> transpose;
    if constexpr (A::extents[A::extents.rank - 2] >= A::extents.back()) {
      return operation<Solve<false>>{}(SquareMatrices::product<true, false>(a, a), transpose(a));
    } else {
      return transpose(operation<Solve<false>>{}(SquareMatrices::product<false, true>(a, a), a));
    }
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
/// torch.matrix_exp: the exponentials of a [..., n, n].
inline constexpr operation<ops::MatrixExp> matrix_exp;
/// torch.pinverse of matrices [..., m, n] of full rank, from the normal equations: its error grows with the
/// square of their condition. Throws ValueError where the rank is not full.
inline constexpr operation<ops::Pinverse> pinverse;

} // namespace stator
