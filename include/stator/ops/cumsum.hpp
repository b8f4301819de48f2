// SPDX-License-Identifier: BSL-1.0
// cumsum: sums of the elements up to each place of a dimension.
#pragma once

#include "stator/kernel/total.hpp"
#include "stator/ops/shapes.hpp"
#include "stator/trace/operation.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// y[i] = x[0] + ... + x[i] along Dim; with Reverse x[i] + ... + x[n - 1], its derivative.
template<Index Dim, bool Reverse = false>
struct Cumsum {
  static constexpr std::string_view name = "Cumsum";
  static constexpr std::string_view backward_name = "CumsumBackward0";
  static constexpr Promotion promotion = Promotion::counted;
  static constexpr Extents shape(const Extents& x) { return x; }
  static constexpr Text requirement(const Extents& x) {
    if (wrap(Dim, x.rank) < x.rank) return {};
    return text("cumsum: dimension ", Dim, " is out of range for a tensor of shape ", x);
  }
  template<class Out, class X>
  static void run(typename Out::scalar* y, const typename X::scalar* x, Index batch, std::byte*) {
    using T = typename X::scalar;
    constexpr std::size_t dim = wrap(Dim, X::extents.rank);
    constexpr Index inner = X::extents.product(dim + 1, X::extents.rank);
    const Index n = X::extents[dim] == dynamic ? batch : X::extents[dim];
    const Index blocks = X::extents.product(0, dim) * (X::extents.is_dynamic() && dim > 0 ? batch : 1);
    for (Index b = 0; b < blocks; ++b)
      for (Index i = 0; i < inner; ++i) {
        kernel::Total<T> before; // the sum of all but the last elements, whose sum is plain
        for (Index first = 0; first < n; first += 64) {
          T part{};
          const T from = before.value();
          for (Index k = first; k < std::min(first + 64, n); ++k) {
            const Index at = (b * n + (Reverse ? n - 1 - k : k)) * inner + i;
            part = static_cast<T>(part + x[at]);
            y[at] = static_cast<T>(from + part);
          }
          before.add(part);
        }
      }
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(operation<Cumsum<Dim, !Reverse>>{}(g));
  }
};

} // namespace ops

/// `cumsum<1>(x)`: torch.cumsum(x, 1), the shape of x.
template<Index Dim>
inline constexpr operation<ops::Cumsum<Dim>> cumsum;

} // namespace stator::inline v0_2
