// SPDX-License-Identifier: BSL-1.0
// Distances of all pairs of rows.
#pragma once

#include "stator/kernel/math.hpp"
#include "stator/kernel/total.hpp"
#include "stator/ops/strided.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace stator::inline v0_2 {

namespace ops {

/// The P-norms of the differences of all rows of a [..., m, d] and all rows of b [..., n, d]; P may be
/// infinite. A distance of zero has gradient zero.
template<double P>
struct Cdist {
  static constexpr std::string_view name = "Cdist";
  static constexpr std::string_view backward_name = "CdistBackward0";
  static constexpr Promotion promotion = Promotion::common;
  static_assert(P > 0, "stator: cdist: expected a norm with p > 0");

  static constexpr Extents shape(const Extents& a, const Extents& b) {
    Extents e = a;
    e[a.rank - 1] = b[b.rank - 2];
    return e;
  }
  static constexpr Text requirement(const Extents& a, const Extents& b) {
    bool fits = a.rank == b.rank && a.rank > 1 && a.back() == b.back() && !(b.rank == 2 && b.is_dynamic());
    for (std::size_t d = 0; fits && d + 2 < a.rank; ++d) fits = a[d] == b[d];
    if (fits) return {};
    return text("cdist: ", a, " and ", b, " are not rows of as many elements in equally many matrices");
  }
  template<class T>
  static T distance(const T* a, const T* b, Index n) {
    if constexpr (P == std::numeric_limits<double>::infinity()) {
      T most{};
      for (Index i = 0; i < n; ++i) {
        const T d = std::abs(a[i] - b[i]);
        most = d > most || d != d ? d : most;
      }
      return most;
    } else {
      const auto [total] = kernel::detail::long_sums<T, 1>(n, [&]<class V>(Index i) {
        const V d = V::load(a + i) - V::load(b + i);
        if constexpr (P == 2)
          return std::array<V, 1>{d * d};
        else if constexpr (P == 1)
          return std::array<V, 1>{kernel::abs(d)};
        else
          return std::array<V, 1>{kernel::pow(kernel::abs(d), V(static_cast<T>(P)))};
      });
      return P == 1 ? total : P == 2 ? std::sqrt(total) : std::pow(total, static_cast<T>(1 / P));
    }
  }
  /// da += g d|a - b| / da.
  template<class T>
  static void add_slope(T g, T norm, const T* a, const T* b, Index n, T* da) {
    if (norm == 0) return;
    for (Index i = 0; i < n; ++i) {
      const T d = a[i] - b[i];
      const T sign = static_cast<T>((d > 0) - (d < 0));
      if constexpr (P == 1)
        da[i] += g * sign;
      else if constexpr (P == 2)
        da[i] += g * d / norm;
      else if constexpr (P == std::numeric_limits<double>::infinity())
        da[i] += std::abs(d) == norm ? g * sign : T{0};
      else if (d != 0)
        da[i] += g * sign * std::pow(std::abs(d) / norm, static_cast<T>(P - 1));
    }
  }
  /// Calls pair(row of a, row of b, element of the result).
  template<class A, class B, class Pair>
  static void for_pairs(Index batch, const Pair& pair) {
    constexpr Index n = B::extents[B::extents.rank - 2];
    const Index m = A::extents.rank == 2 && A::extents.is_dynamic() ? batch : A::extents[A::extents.rank - 2];
    const Index stacks = A::extents.product(0, A::extents.rank - 2) *
                         (A::extents.rank > 2 && A::extents.is_dynamic() ? batch : 1);
    for (Index s = 0; s < stacks; ++s)
      for (Index i = 0; i < m; ++i)
        for (Index j = 0; j < n; ++j) pair(s * m + i, s * n + j, (s * m + i) * n + j);
  }
  template<class Out, class A, class B>
  static void run(typename Out::scalar* out, const typename A::scalar* a, const typename B::scalar* b,
                  Index batch, std::byte*) {
    constexpr Index d = A::extents.back();
    for_pairs<A, B>(batch, [=](Index i, Index j, Index at) { out[at] = distance(a + i * d, b + j * d, d); });
  }
  /// The gradient of a, or with OfSecond that of b; y are the distances.
  template<bool OfSecond>
  struct Backward {
    static constexpr std::string_view name = "CdistBackward";
    static constexpr Extents shape(const Extents&, const Extents&, const Extents& a, const Extents& b) {
      return OfSecond ? b : a;
    }
    template<class Out, class G, class Y, class A, class B>
    static void run(typename Out::scalar* out, const typename G::scalar* g, const typename Y::scalar* y,
                    const typename A::scalar* a, const typename B::scalar* b, Index batch, std::byte*) {
      constexpr Index d = A::extents.back();
      std::fill_n(out, detail::elements(Out::extents, batch), typename Out::scalar{});
      for_pairs<A, B>(batch, [=](Index i, Index j, Index at) {
        if constexpr (OfSecond)
          add_slope(g[at], y[at], b + j * d, a + i * d, d, out + j * d);
        else
          add_slope(g[at], y[at], a + i * d, b + j * d, d, out + i * d);
      });
    }
  };
  template<class G, class Y, class A, class B>
  static constexpr auto vjp(G g, Y y, A a, B b) {
    return gradients(operation<Backward<false>>{}(g, y, a, b), operation<Backward<true>>{}(g, y, a, b));
  }
};

/// The elements of x [n, n] above the diagonal, row after row.
struct UpperElements {
  static constexpr std::string_view name = "UpperElements";
  static constexpr Extents shape(const Extents& x) { return Extents(x[0] * (x[0] - 1) / 2); }
  static constexpr Text requirement(const Extents& x) {
    if (x.rank == 2 && x[0] == x[1] && x[0] > 0) return {};
    return text("pdist: expected rows [n, d] with static extents, found distances ", x);
  }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index, std::byte*) {
    constexpr Index n = X::extents[0];
    for (Index i = 0; i < n; ++i) out = std::copy_n(x + i * n + i + 1, n - 1 - i, out);
  }
  template<Extents E>
  struct Backward {
    static constexpr std::string_view name = "UpperElementsBackward";
    static constexpr Extents shape(const Extents&) { return E; }
    template<class Out, class G>
    static void run(typename Out::scalar* out, const typename G::scalar* g, Index, std::byte*) {
      constexpr Index n = E[0];
      std::fill_n(out, n * n, typename Out::scalar{});
      for (Index i = 0; i < n; g += n - 1 - i, ++i) std::copy_n(g, n - 1 - i, out + i * n + i + 1);
    }
  };
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(operation<Backward<X::extents>>{}(g));
  }
};

/// The distances of all pairs of rows of x [n, d].
template<double P>
struct Pdist {
  static constexpr std::string_view name = "Pdist";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    return operation<UpperElements>{}(operation<Cdist<P>>{}(x, x));
  }
};

} // namespace ops

/// `cdist<P>(a, b)`: the distances of the rows of a [..., m, d] and b [..., n, d] in the P-norm, [..., m, n].
/// Has a first derivative only, as in PyTorch. torch.cdist.
template<double P = 2.0>
inline constexpr operation<ops::Cdist<P>> cdist;
namespace nn {
/// `nn::pdist<P>(x)`: the distances of all pairs of rows of x [n, d], [n (n - 1) / 2];
/// torch.nn.functional.pdist.
template<double P = 2.0>
inline constexpr operation<ops::Pdist<P>> pdist;
} // namespace nn

} // namespace stator::inline v0_2
