// SPDX-License-Identifier: BSL-1.0
// cumsum: sums of the elements up to each place of a dimension.
#pragma once

#include "stator/ops/shapes.hpp"
#include "stator/trace/operation.hpp"

#include <type_traits>

namespace stator::inline v0_2 {

namespace ops {

/// y[i] = x[0] + ... + x[i] along Dim; with Reverse x[i] + ... + x[n - 1], its derivative. Sums are in
/// double.
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
    using Sum = std::conditional_t<std::is_floating_point_v<T>, double, T>;
    constexpr std::size_t dim = wrap(Dim, X::extents.rank);
    constexpr Index inner = X::extents.product(dim + 1, X::extents.rank);
    const Index n = X::extents[dim] == dynamic ? batch : X::extents[dim];
    const Index blocks = X::extents.product(0, dim) * (X::extents.is_dynamic() && dim > 0 ? batch : 1);
    for (Index b = 0; b < blocks; ++b)
      for (Index i = 0; i < inner; ++i) {
        Sum total{};
        for (Index k = 0; k < n; ++k) {
          const Index at = (b * n + (Reverse ? n - 1 - k : k)) * inner + i;
          total += static_cast<Sum>(x[at]);
          y[at] = static_cast<T>(total);
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
