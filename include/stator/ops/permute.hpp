// SPDX-License-Identifier: BSL-1.0
// permute and transpose: dimensions in another order, copied.
#pragma once

#include "stator/kernel/transpose.hpp"
#include "stator/ops/shapes.hpp"
#include "stator/trace/operation.hpp"

#include <array>

namespace stator::inline v0_2 {

namespace ops {

/// Dimension d of the result is dimension Dims[d] of x. A dynamic batch stays first.
template<Index... Dims>
struct Permute {
  static constexpr std::string_view name = "Permute";
  static constexpr std::string_view backward_name = "PermuteBackward0";
  static constexpr std::size_t rank = sizeof...(Dims);
  /// Dims with negative ones counted from the end.
  static constexpr std::array<std::size_t, rank> order{wrap(Dims, rank)...};

  static constexpr Extents shape(const Extents& x) {
    Extents e;
    for (const std::size_t d : order) e.push_back(x[d]);
    return e;
  }
  static constexpr Text requirement(const Extents& x) {
    if (x.rank != rank) return text("permute: input ", x, " does not have ", rank, " dimensions");
    unsigned seen = 0;
    for (const std::size_t d : order) seen |= d < rank ? 1u << d : 0;
    if (seen != (1u << rank) - 1) return text("permute: the dimensions of ", x, " must each be named once");
    if (x.is_dynamic() && order[0] != 0)
      return text("permute: the batch of ", x, " must stay the leading dimension");
    return {};
  }

  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte*) {
    kernel::permute<typename X::scalar, X::extents, order>::run(x, out, batch);
  }

  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return []<std::size_t... I>(auto grad, std::index_sequence<I...>) {
      return gradients(operation<Permute<inverse(I)...>>{}(grad));
    }(g, std::make_index_sequence<rank>{});
  }
  static constexpr Index inverse(std::size_t d) {
    for (std::size_t i = 0; i < rank; ++i)
      if (order[i] == d) return static_cast<Index>(i);
    return 0;
  }
};

/// Two dimensions exchanged.
template<Index A, Index B>
struct Transpose {
  static constexpr std::string_view name = "Transpose";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    constexpr std::size_t rank = X::extents.rank, a = wrap(A, rank), b = wrap(B, rank);
    static_assert(a < rank && b < rank, "stator: transpose: there is no such dimension");
    return [&]<std::size_t... D>(std::index_sequence<D...>) {
      return operation<Permute<static_cast<Index>(D == a ? b : D == b ? a : D)...>>{}(x);
    }(std::make_index_sequence<rank>{});
  }
};

} // namespace ops

/// `permute<0, 2, 1>(x)`: torch.permute.
template<Index... Dims>
inline constexpr operation<ops::Permute<Dims...>> permute;
/// `transpose<1, 2>(x)`: torch.transpose; the last two dimensions by default.
template<Index A = -2, Index B = -1>
inline constexpr operation<ops::Transpose<A, B>> transpose;

} // namespace stator::inline v0_2
