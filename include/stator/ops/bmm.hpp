// SPDX-License-Identifier: BSL-1.0
// Products of stacks of matrices, and matmul for operands of any rank.
#pragma once

#include "stator/kernel/batched_gemm.hpp"
#include "stator/ops/matmul.hpp"
#include "stator/ops/slicing.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// op(a) [..., m, k] times op(b) [..., k, n], the leading dimensions equal; TA and TB say that the stored
/// matrices are transposed.
template<bool TA, bool TB>
struct Bmm : OneType {
  static constexpr std::string_view name = "Bmm";
  static constexpr std::string_view backward_name = "BmmBackward0";
  static constexpr Index rows(const Extents& e) { return e[e.rank - 2]; }
  static constexpr Index m(const Extents& a) { return TA ? a.back() : rows(a); }
  static constexpr Index k(const Extents& a) { return TA ? rows(a) : a.back(); }
  static constexpr Index n(const Extents& b) { return TB ? rows(b) : b.back(); }
  static constexpr Index inner(const Extents& b) { return TB ? b.back() : rows(b); }
  static constexpr Index multiply_adds(const Extents& y, const Extents& a, const Extents&) {
    return y.numel() * (k(a) == dynamic ? 1 : k(a));
  }

  static constexpr Extents shape(const Extents& a, const Extents& b) {
    Extents e = a;
    e[e.rank - 2] = m(a);
    e[e.rank - 1] = n(b);
    return e;
  }
  static constexpr Text requirement(const Extents& a, const Extents& b) {
    bool stacks = a.rank == b.rank && a.rank > 2;
    for (std::size_t d = 0; stacks && d + 2 < a.rank; ++d) stacks = a[d] == b[d];
    if (!stacks) return text("bmm: ", a, " and ", b, " are not equally many matrices");
    if (k(a) != inner(b))
      return text("bmm: ", a, " times ", b, " has inner extents ", k(a), " and ", inner(b),
                  ", they must be equal");
    return {};
  }
  template<class A, class B>
  using Kernel =
      kernel::batched_gemm<typename A::scalar, m(A::extents), n(B::extents), k(A::extents), TA, TB>;

  template<class Out, class A, class B>
  static constexpr Bytes scratch() {
    return Bytes{Kernel<A, B>::scratch.fixed, 0};
  }
  template<class Out, class A, class B>
  static void run(typename Out::scalar* out, const typename A::scalar* a, const typename B::scalar* b,
                  Index batch, std::byte* space) {
    Kernel<A, B>::run(a, b, out, false, detail::blocks<A>(A::extents.rank - 2, batch), m(A::extents),
                      n(B::extents), k(A::extents), space);
  }
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y, A a, B b) {
    const auto da = [&] {
      if constexpr (TA)
        return operation<Bmm<TB, true>>{}(b, g);
      else
        return operation<Bmm<false, !TB>>{}(g, b);
    }();
    const auto db = [&] {
      if constexpr (TB)
        return operation<Bmm<true, TA>>{}(g, a);
      else
        return operation<Bmm<!TA, false>>{}(a, g);
    }();
    return gradients(da, db);
  }
};

/// torch.matmul: vectors, matrices, and stacks of matrices, whose leading dimensions broadcast.
struct Matmul {
  static constexpr std::string_view name = "Matmul";
  static constexpr bool is_composite = true;

  template<class A, class B>
  static constexpr auto compose(A a, B b) {
    constexpr std::size_t ra = A::extents.rank, rb = B::extents.rank;
    if constexpr (ra == 1 && rb > 0) {
      if constexpr (rb == 1)
        return operation<Sum<false>>{}(mul(a, b));
      else
        return operation<Squeeze<-2>>{}(compose(operation<Unsqueeze<0>>{}(a), b));
    } else if constexpr (rb == 1 && ra > 1) {
      return operation<Squeeze<-1>>{}(compose(a, operation<Unsqueeze<-1>>{}(b)));
    } else if constexpr (ra > 2 && rb == 2 && fits<A, B>()) {
      return operation<Linear::LinearInput>{}(a, b);
    } else if constexpr (ra <= 2 && rb <= 2) {
      return operation<Mm<false, false>>{}(a, b);
    } else if constexpr (fits<A, B>()) {
      constexpr Extents stack = leading(A::extents, B::extents);
      return operation<Bmm<false, false>>{}(stacked<stack>(a), stacked<stack>(b));
    } else {
      a.builder->fail(text("matmul: ", A::extents, " times ", B::extents, ": the inner extents differ"));
      return a;
    }
  }

private:
  template<class A, class B>
  static consteval bool fits() {
    return A::extents.rank > 1 && B::extents.rank > 1 && A::extents.back() == B::extents[B::extents.rank - 2];
  }
  static constexpr Extents leading(Extents a, Extents b) {
    a.rank -= 2;
    b.rank -= 2;
    return broadcast(a, b);
  }
  template<Extents Stack, class X>
  static constexpr auto stacked(const X& x) {
    constexpr Extents to = [] {
      Extents e = Stack;
      e.push_back(X::extents[X::extents.rank - 2]);
      e.push_back(X::extents.back());
      return e;
    }();
    if constexpr (X::extents == to)
      return x;
    else
      return operation<Expand<to>>{}(x);
  }
};

} // namespace ops

/// a [..., m, k], b [..., k, n] with equal leading dimensions. torch.bmm.
inline constexpr operation<ops::Bmm<false, false>> bmm;
/// Matrices and stacks of matrices, torch.matmul: a [m, k], b [k, n] give [m, n]; a [..., m, k] with b [...,
/// k, n] or [k, n] give [..., m, n]; vectors count as one row or column.
inline constexpr operation<ops::Matmul> matmul;

} // namespace stator::inline v0_2
