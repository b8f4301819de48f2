// SPDX-License-Identifier: BSL-1.0
// Square matrices [..., n, n] with static extents, a stack of them may be as long as a batch: det, slogdet,
// logdet, inverse, solve, cholesky, triangular_solve, matrix_exp and what consists of them.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/error.hpp"
#include "stator/kernel/linear_systems.hpp"
#include "stator/ops/bmm.hpp"
#include "stator/ops/layout.hpp"
#include "stator/ops/unary.hpp"

#include <string>
#include <tuple>

namespace stator::inline v0_2 {

namespace ops {

/// A base of operations on stacks of square matrices of a floating-point type.
struct SquareMatrices {
  static constexpr Text type_requirement(DType a, auto... more) {
    if (is_floating_point(a) && ((a == more) && ...)) return {};
    return text("linear algebra: the operands are of ", to_string(a),
                ", expected one floating-point type: stator::to<double>(x)");
  }
  static constexpr Text square_requirement(std::string_view name, const Extents& a) {
    if (a.rank > 1 && a[a.rank - 1] == a[a.rank - 2] && a.back() > 0) return {};
    return text(name, ": ", a, " are not square matrices with static extents");
  }
  /// Rows of the matrices of a type.
  template<class A>
  static constexpr Index n = A::extents.back();
  /// Matrices in the stack.
  template<class A>
  static Index stack(Index batch) {
    return detail::blocks<A>(A::extents.rank - 2, batch);
  }
  /// Memory for a matrix and its pivots.
  template<class A>
  static constexpr Bytes factor_scratch{static_cast<std::size_t>(n<A>) * sizeof(Index) +
                                            static_cast<std::size_t>(n<A> * n<A>) *
                                                sizeof(typename A::scalar),
                                        0};
  /// Calls use(number, factors, pivots, sign) with the LU factors of each matrix.
  template<class A, class Use>
  static void for_factors(const typename A::scalar* a, Index batch, std::byte* scratch, const Use& use) {
    auto* const pivots = reinterpret_cast<Index*>(scratch);
    auto* const lu = reinterpret_cast<typename A::scalar*>(pivots + n<A>);
    for (Index s = 0; s < stack<A>(batch); ++s) {
      std::copy_n(a + s * n<A> * n<A>, n<A> * n<A>, lu);
      const int sign = kernel::lu_factor(lu, n<A>, pivots);
      use(s, lu, pivots, sign);
    }
  }
  STATOR_COLD static void refuse(std::string_view name, Index number, std::string_view why) {
    raise(ValueError(std::string(name) + ": matrix " + std::to_string(number) + " of the stack is " +
                     std::string(why)));
  }
  /// Products of matrices or stacks of them.
  template<bool TA, bool TB, class A, class B>
  static constexpr auto product(const A& a, const B& b) {
    if constexpr (A::extents.rank == 2)
      return operation<Mm<TA, TB>>{}(a, b);
    else
      return operation<Bmm<TA, TB>>{}(a, b);
  }
  /// g [...] for each element of matrices.
  template<class G>
  static constexpr auto for_matrices(const G& g) {
    return operation<Unsqueeze<-1>>{}(operation<Unsqueeze<-1>>{}(g));
  }
  /// Identity matrices in the shape of a.
  template<class A>
  static constexpr auto identity(const A& a) {
    constexpr Extents row = reduced(A::extents, dim_mask(A::extents.rank, {-1}), false);
    const auto one = detail::to_symbol<typename A::scalar, A::order>(a.builder, 1.0);
    return operation<DiagEmbed<0, -2, -1>>{}(operation<Expand<row>>{}(one));
  }
};

/// a^-1.
struct Inverse : SquareMatrices {
  static constexpr std::string_view name = "Inverse";
  static constexpr std::string_view backward_name = "LinalgInvExBackward0";
  static constexpr Extents shape(const Extents& a) { return a; }
  static constexpr Text requirement(const Extents& a) { return square_requirement("inverse", a); }
  template<class Out, class A>
  static constexpr Bytes scratch() {
    return factor_scratch<A>;
  }
  template<class Out, class A>
  static void run(typename Out::scalar* out, const typename A::scalar* a, Index batch, std::byte* space) {
    for_factors<A>(a, batch, space, [out](Index s, const auto* lu, const Index* pivots, int sign) {
      if (sign == 0) refuse("inverse", s, "singular");
      auto* const y = out + s * n<A> * n<A>;
      std::fill_n(y, n<A> * n<A>, typename Out::scalar{});
      for (Index i = 0; i < n<A>; ++i) y[i * n<A> + i] = 1;
      kernel::lu_solve(lu, pivots, n<A>, false, y, n<A>);
    });
  }
  template<class G, class Y, class A>
  static constexpr auto vjp(G g, Y y, A) {
    return gradients(neg(product<false, true>(product<true, false>(y, g), y)));
  }
};

/// x with a x = b, b [..., n, k]; Transposed: of the transpose of a.
template<bool Transposed>
struct Solve : SquareMatrices {
  static constexpr std::string_view name = "LinalgSolve";
  static constexpr std::string_view backward_name = "LinalgSolveExBackward0";
  static constexpr Extents shape(const Extents&, const Extents& b) { return b; }
  static constexpr Text requirement(const Extents& a, const Extents& b) {
    const Text no = square_requirement("solve", a);
    bool fits = a.rank == b.rank;
    for (std::size_t d = 0; fits && d + 1 < a.rank; ++d) fits = a[d] == b[d];
    if (!no.empty() || fits) return no;
    return text("solve: ", b, " is not a right side for matrices ", a, ", expected [..., n, k]");
  }
  template<class Out, class A, class B>
  static constexpr Bytes scratch() {
    return factor_scratch<A>;
  }
  template<class Out, class A, class B>
  static void run(typename Out::scalar* out, const typename A::scalar* a, const typename B::scalar* b,
                  Index batch, std::byte* space) {
    constexpr Index k = B::extents.back();
    for_factors<A>(a, batch, space, [out, b](Index s, const auto* lu, const Index* pivots, int sign) {
      if (sign == 0) refuse("solve", s, "singular");
      std::copy_n(b + s * n<A> * k, n<A> * k, out + s * n<A> * k);
      kernel::lu_solve(lu, pivots, n<A>, Transposed, out + s * n<A> * k, k);
    });
  }
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y y, A a, B) {
    const auto db = operation<Solve<!Transposed>>{}(a, g);
    if constexpr (Transposed)
      return gradients(neg(product<false, true>(y, db)), db);
    else
      return gradients(neg(product<false, true>(db, y)), db);
  }
};

/// The determinants of matrices, or with Log the logarithms of their sizes. Of a singular matrix the gradient
/// is not finite.
template<bool Log>
struct Det : SquareMatrices {
  static constexpr std::string_view name = Log ? "LogAbsDet" : "LinalgDet";
  static constexpr std::string_view backward_name = Log ? "LinalgSlogdetBackward0" : "LinalgDetBackward0";
  static constexpr Extents shape(const Extents& a) { return reduced(a, dim_mask(a.rank, {-2, -1}), false); }
  static constexpr Text requirement(const Extents& a) { return square_requirement("det", a); }
  template<class Out, class A>
  static constexpr Bytes scratch() {
    return factor_scratch<A>;
  }
  template<class Out, class A>
  static void run(typename Out::scalar* out, const typename A::scalar* a, Index batch, std::byte* space) {
    for_factors<A>(a, batch, space, [out](Index s, const auto* lu, const Index*, int sign) {
      auto all = static_cast<typename Out::scalar>(Log ? 0 : sign);
      for (Index i = 0; i < n<A>; ++i)
        if constexpr (Log)
          all += std::log(std::abs(lu[i * n<A> + i]));
        else
          all *= lu[i * n<A> + i];
      out[s] = all;
    });
  }
  template<class G, class Y, class A>
  static constexpr auto vjp(G g, Y y, A a) {
    const auto inverse = operation<Transpose<-2, -1>>{}(operation<Inverse>{}(a));
    if constexpr (Log)
      return gradients(mul(for_matrices(g), inverse));
    else
      return gradients(mul(for_matrices(mul(g, y)), inverse));
  }
};

/// The sign of the determinant: -1, 0 or 1.
struct DetSign : SquareMatrices {
  static constexpr std::string_view name = "DetSign";
  static constexpr bool is_constant = true;
  static constexpr Extents shape(const Extents& a) { return Det<true>::shape(a); }
  static constexpr Text requirement(const Extents& a) { return square_requirement("slogdet", a); }
  template<class Out, class A>
  static constexpr Bytes scratch() {
    return factor_scratch<A>;
  }
  template<class Out, class A>
  static void run(typename Out::scalar* out, const typename A::scalar* a, Index batch, std::byte* space) {
    for_factors<A>(a, batch, space, [out](Index s, const auto* lu, const Index*, int sign) {
      for (Index i = 0; i < n<A>; ++i) sign = lu[i * n<A> + i] < 0 ? -sign : sign;
      out[s] = static_cast<typename Out::scalar>(sign);
    });
  }
};

/// log(det): NaN of a negative determinant.
struct Logdet {
  static constexpr std::string_view name = "Logdet";
  static constexpr bool is_composite = true;
  template<class A>
  static constexpr auto compose(A a) {
    return add(operation<Log>{}(operation<DetSign>{}(a)), operation<Det<true>>{}(a));
  }
};

/// x with t x = b, t the upper or lower triangle of a, or its transpose; Unit: with ones for the diagonal.
template<bool Upper, bool Transposed, bool Unit>
struct TriangularSolve : SquareMatrices {
  static constexpr std::string_view name = "TriangularSolve";
  static constexpr std::string_view backward_name = "TriangularSolveBackward0";
  static constexpr Extents shape(const Extents&, const Extents& b) { return b; }
  static constexpr Text requirement(const Extents& a, const Extents& b) {
    return Solve<false>::requirement(a, b);
  }
  template<class Out, class A, class B>
  static void run(typename Out::scalar* out, const typename A::scalar* a, const typename B::scalar* b,
                  Index batch, std::byte*) {
    constexpr Index k = B::extents.back();
    std::copy_n(b, detail::elements(B::extents, batch), out);
    for (Index s = 0; s < stack<A>(batch); ++s)
      kernel::solve_triangular(a + s * n<A> * n<A>, n<A>, Upper, Transposed, Unit, out + s * n<A> * k, k);
  }
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y y, A a, B) {
    const auto db = operation<TriangularSolve<Upper, !Transposed, Unit>>{}(a, g);
    const auto all = [&] {
      if constexpr (Transposed)
        return product<false, true>(y, db);
      else
        return product<false, true>(db, y);
    }();
    constexpr Index offset = !Unit ? 0 : Upper ? 1 : -1;
    return gradients(neg(operation<Triangle<!Upper, offset>>{}(all)), db);
  }
};

/// The lower triangle l with l l^T = a.
struct Cholesky : SquareMatrices {
  static constexpr std::string_view name = "Cholesky";
  static constexpr std::string_view backward_name = "CholeskyBackward0";
  static constexpr Extents shape(const Extents& a) { return a; }
  static constexpr Text requirement(const Extents& a) { return square_requirement("cholesky", a); }
  template<class Out, class A>
  static void run(typename Out::scalar* out, const typename A::scalar* a, Index batch, std::byte*) {
    for (Index s = 0; s < stack<A>(batch); ++s)
      if (kernel::cholesky(a + s * n<A> * n<A>, n<A>, out + s * n<A> * n<A>) < n<A>)
        refuse("cholesky", s, "not positive definite");
  }
  /// With p the lower triangle of l^T g, its diagonal halved, the symmetric part of l^-T p l^-1 (Murray,
  /// "Differentiation of the Cholesky decomposition", 2016).
  template<class G, class Y, class A>
  static constexpr auto vjp(G g, Y l, A) {
    constexpr operation<TriangularSolve<false, true, false>> solve;
    constexpr operation<Transpose<-2, -1>> transpose;
    const auto all = product<true, false>(l, g);
    const auto p = mul(add(operation<Triangle<true, 0>>{}(all), operation<Triangle<true, -1>>{}(all)), 0.5);
    const auto left = solve(l, p);
    const auto both = solve(l, transpose(left)); // the transpose of l^-T p l^-1
    return gradients(mul(add(both, transpose(both)), 0.5));
  }
};

/// exp of matrices.
struct MatrixExp : SquareMatrices {
  static constexpr std::string_view name = "MatrixExp";
  static constexpr std::string_view backward_name = "LinalgMatrixExpBackward0";
  static constexpr Extents shape(const Extents& a) { return a; }
  static constexpr Text requirement(const Extents& a) { return square_requirement("matrix_exp", a); }
  template<class Out, class A>
  static constexpr Bytes scratch() {
    return Bytes{2 * static_cast<std::size_t>(n<A> * n<A>) * sizeof(typename A::scalar), 0};
  }
  template<class Out, class A>
  static void run(typename Out::scalar* out, const typename A::scalar* a, Index batch, std::byte* space) {
    for (Index s = 0; s < stack<A>(batch); ++s)
      kernel::matrix_exp(a + s * n<A> * n<A>, n<A>, out + s * n<A> * n<A>,
                         reinterpret_cast<typename A::scalar*>(space));
  }
  /// The upper right block of the exponential of (a^T g; 0 a^T) (Mathias, 1996).
  template<class G, class Y, class A>
  static constexpr auto vjp(G g, Y, A a) {
    constexpr operation<Cat<-1>> beside;
    const auto at = operation<Transpose<-2, -1>>{}(a);
    const auto none =
        operation<Expand<A::extents>>{}(detail::to_symbol<typename G::scalar, G::order>(g.builder, 0.0));
    const auto all = operation<MatrixExp>{}(operation<Cat<-2>>{}(beside(at, g), beside(none, at)));
    return gradients(operation<Narrow<-1, n<A>, n<A>>>{}(operation<Narrow<-2, 0, n<A>>>{}(all)));
  }
};

} // namespace ops

} // namespace stator::inline v0_2
