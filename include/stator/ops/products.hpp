// SPDX-License-Identifier: BSL-1.0
// Products by their names in PyTorch: addmm and its relatives, mv, dot, inner, outer, kron, cross,
// matrix_power.
#pragma once

#include "stator/core/error.hpp"
#include "stator/ops/bmm.hpp"
#include "stator/ops/permute.hpp"
#include "stator/ops/strided.hpp"

#include <utility>

namespace stator::inline v0_2 {

namespace ops {

/// Which product is added.
enum class Product { mm, mv, outer, bmm, sum_of_bmm };

/// input + product(a, b), or beta * input + alpha * product(a, b); the input broadcasts.
template<Product P>
struct AddProduct {
  static constexpr std::string_view name = P == Product::mm      ? "Addmm"
                                           : P == Product::mv    ? "Addmv"
                                           : P == Product::outer ? "Addr"
                                           : P == Product::bmm   ? "Baddbmm"
                                                                 : "Addbmm";
  static constexpr bool is_composite = true;
  template<class A, class B>
  static constexpr auto product(A a, B b) {
    if constexpr (P == Product::mm) {
      return operation<Mm<false, false>>{}(a, b);
    } else if constexpr (P == Product::mv) {
      static_assert(A::extents.rank == 2 && B::extents.rank == 1,
                    "stator: mv: expected a matrix and a vector");
      return operation<Matmul>{}(a, b);
    } else if constexpr (P == Product::outer) {
      static_assert(A::extents.rank == 1 && B::extents.rank == 1, "stator: outer: expected two vectors");
      return mul(operation<Unsqueeze<-1>>{}(a), b);
    } else if constexpr (P == Product::bmm) {
      return operation<Bmm<false, false>>{}(a, b);
    } else {
      return operation<Sum<false, 0>>{}(operation<Bmm<false, false>>{}(a, b));
    }
  }
  template<class C, class A, class B>
  static constexpr auto compose(C c, A a, B b) {
    return add(c, product(a, b));
  }
  template<class C, class A, class B, class Beta, class Alpha>
  static constexpr auto compose(C c, A a, B b, Beta beta, Alpha alpha) {
    return add(mul(beta, c), mul(alpha, product(a, b)));
  }
};

/// A product alone.
template<Product P>
struct ProductOf {
  static constexpr std::string_view name = P == Product::mv ? "Mv" : "Outer";
  static constexpr bool is_composite = true;
  template<class A, class B>
  static constexpr auto compose(A a, B b) {
    return AddProduct<P>::product(a, b);
  }
};

/// The sum of the products of two vectors' elements.
struct Dot {
  static constexpr std::string_view name = "Dot";
  static constexpr bool is_composite = true;
  template<class A, class B>
  static constexpr auto compose(A a, B b) {
    static_assert(A::extents.rank == 1 && A::extents == B::extents,
                  "stator: dot: expected two vectors with as many elements");
    return operation<Sum<false>>{}(mul(a, b));
  }
};

/// The dots of all last dimensions of a with all of b.
struct Inner {
  static constexpr std::string_view name = "Inner";
  static constexpr bool is_composite = true;
  template<class A, class B>
  static constexpr auto compose(A a, B b) {
    if constexpr (A::extents.rank == 0 || B::extents.rank == 0) {
      return mul(a, b);
    } else {
      static_assert(A::extents.back() == B::extents.back(), "stator: inner: the last extents differ");
      static_assert(!B::extents.is_dynamic(), "stator: inner: the second operand has a dynamic batch");
      constexpr Index k = A::extents.back();
      constexpr Extents to = [] {
        Extents e = A::extents;
        --e.rank;
        for (std::size_t d = 0; d + 1 < B::extents.rank; ++d) e.push_back(B::extents[d]);
        return e;
      }();
      constexpr Index rows = A::extents.is_dynamic() ? dynamic : A::extents.product(0, A::extents.rank - 1);
      const auto left = reshape_to<Extents(rows, k)>(a);
      const auto right = reshape_to<Extents(B::extents.product(0, B::extents.rank - 1), k)>(b);
      return reshape_to<to>(operation<Mm<false, true>>{}(left, right));
    }
  }
};

/// Every element of a times all of b, in its place.
struct Kron {
  static constexpr std::string_view name = "Kron";
  static constexpr bool is_composite = true;
  template<class A, class B>
  static constexpr auto compose(A a, B b) {
    constexpr std::size_t rank = std::max(A::extents.rank, B::extents.rank);
    static_assert(2 * rank <= max_rank, "stator: kron: the operands have too many dimensions");
    static_assert(!A::extents.is_dynamic() && !B::extents.is_dynamic(),
                  "stator: kron: an operand has a dynamic batch");
    constexpr auto extents = [](int which) { // 0: of a, with ones between; 1: of b; 2: of the result
      Extents e;
      for (std::size_t d = rank; d-- > 0;) {
        const Index m = from_right(A::extents, d), n = from_right(B::extents, d);
        if (which == 2) {
          e.push_back(m * n);
        } else {
          e.push_back(which == 0 ? m : 1);
          e.push_back(which == 0 ? 1 : n);
        }
      }
      return e;
    };
    constexpr Extents left = extents(0), right = extents(1), to = extents(2);
    return reshape_to<to>(mul(reshape_to<left>(a), reshape_to<right>(b)));
  }
};

/// Vectors of three elements along dimension Dim: (a1 b2 - a2 b1, a2 b0 - a0 b2, a0 b1 - a1 b0).
template<Index Dim>
struct Cross {
  static constexpr std::string_view name = "Cross";
  static constexpr bool is_composite = true;
  template<class A, class B>
  static constexpr auto compose(A a, B b) {
    static_assert(A::extents[wrap(Dim, A::extents.rank)] == 3 && B::extents[wrap(Dim, B::extents.rank)] == 3,
                  "stator: cross: the dimension has not three elements");
    return sub(mul(rolled<1>(a), rolled<2>(b)), mul(rolled<2>(a), rolled<1>(b)));
  }
  /// The elements beginning with number By.
  template<Index By, class X>
  static constexpr auto rolled(const X& x) {
    return operation<Cat<Dim>>{}(operation<Narrow<Dim, By, 3 - By>>{}(x), operation<Narrow<Dim, 0, By>>{}(x));
  }
};

/// x times itself: square matrices to the power N by squaring.
template<Index N>
struct MatrixPower {
  static constexpr std::string_view name = "MatrixPower";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    static_assert(
        N > 0,
        "stator: matrix_power: the power is not positive: of the inverse, matrix_power<N>(inverse(x))");
    if constexpr (N == 1) {
      return x;
    } else if constexpr (N % 2 == 0) {
      const auto half = MatrixPower<N / 2>::compose(x);
      return operation<Matmul>{}(half, half);
    } else {
      return operation<Matmul>{}(MatrixPower<N - 1>::compose(x), x);
    }
  }
};

} // namespace ops

/// `addmm(input, a, b)` or `addmm(input, a, b, beta, alpha)`: beta input + alpha a b, a [m, k], b [k, n];
/// torch.addmm.
inline constexpr operation<ops::AddProduct<ops::Product::mm>> addmm;
/// torch.addmv: as addmm with a vector b [k].
inline constexpr operation<ops::AddProduct<ops::Product::mv>> addmv;
/// torch.addr: as addmm with the outer product of vectors a [m] and b [n].
inline constexpr operation<ops::AddProduct<ops::Product::outer>> addr;
/// torch.baddbmm: as addmm with stacks a [s, m, k] and b [s, k, n].
inline constexpr operation<ops::AddProduct<ops::Product::bmm>> baddbmm;
/// torch.addbmm: as baddbmm, the products of a stack summed.
inline constexpr operation<ops::AddProduct<ops::Product::sum_of_bmm>> addbmm;
/// torch.mv: a matrix [m, k] times a vector [k].
inline constexpr operation<ops::ProductOf<ops::Product::mv>> mv;
/// torch.outer: all products of the elements of a [m] and b [n], [m, n]. A function, as inner: an object of
/// that name would make compilers warn of many a local variable.
template<class A, class B>
constexpr auto outer(A&& a, B&& b)
  requires requires(operation<ops::ProductOf<ops::Product::outer>> op) {
    op(std::forward<A>(a), std::forward<B>(b));
  }
{
  return operation<ops::ProductOf<ops::Product::outer>>{}(std::forward<A>(a), std::forward<B>(b));
}
/// torch.dot: the sum of the products of the elements of two vectors. A function, since `dot(x)` of
/// io/dot.hpp draws the graph of one expression.
template<class A, class B>
constexpr auto dot(A&& a, B&& b)
  requires requires(operation<ops::Dot> op) { op(std::forward<A>(a), std::forward<B>(b)); }
{
  return operation<ops::Dot>{}(std::forward<A>(a), std::forward<B>(b));
}
/// torch.inner: a [..., k] and b [..., k], all dots of their last dimensions.
template<class A, class B>
constexpr auto inner(A&& a, B&& b)
  requires requires(operation<ops::Inner> op) { op(std::forward<A>(a), std::forward<B>(b)); }
{
  return operation<ops::Inner>{}(std::forward<A>(a), std::forward<B>(b));
}
/// torch.kron: the Kronecker product, every extent the product of the two.
inline constexpr operation<ops::Kron> kron;
/// `cross<Dim>(a, b)`: the cross products of vectors of three elements along a dimension; torch.cross.
template<Index Dim = -1>
inline constexpr operation<ops::Cross<Dim>> cross;
/// `matrix_power<N>(x)`: x [..., n, n] multiplied N times, N > 0; torch.matrix_power.
template<Index N>
inline constexpr operation<ops::MatrixPower<N>> matrix_power;
} // namespace stator::inline v0_2
