// SPDX-License-Identifier: BSL-1.0
// amax, amin, argmax, argmin over dimensions.
#pragma once

#include "stator/ops/compare.hpp"
#include "stator/ops/slicing.hpp"

#include <limits>

namespace stator {

namespace ops {

/// The largest (or smallest) element over Dims, all when empty; NaN when there is one. Equal ones share the
/// gradient.
template<bool Larger, bool Keep, Index... Dims>
struct Amax {
  static constexpr std::string_view name = Larger ? "Amax" : "Amin";
  static constexpr std::string_view usage = "dimensions are template arguments, amax_dims<1>(x)";
  static constexpr Extents shape(const Extents& x) { return reduced(x, dim_mask(x.rank, {Dims...}), Keep); }
  static constexpr Text requirement(const Extents& x) { return Sum<Keep, Dims...>::requirement(x); }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte*) {
    using T = typename X::scalar;
    const Index size = Out::extents.numel() * (Out::extents.is_dynamic() ? batch : 1);
    using Limits = std::numeric_limits<T>;
    if constexpr (Limits::has_infinity) std::fill_n(out, size, Larger ? -Limits::infinity() : Limits::infinity());
    else std::fill_n(out, size, Larger ? Limits::lowest() : Limits::max());
    detail::for_reduced<X, dim_mask(X::extents.rank, {Dims...})>(batch, [&](Index o, Index i) {
      if (x[i] != x[i] || (Larger ? x[i] > out[o] : x[i] < out[o])) out[o] = x[i];
    });
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X x) {
    constexpr Extents kept = reduced(X::extents, dim_mask(X::extents.rank, {Dims...}), true);
    const auto mask = operation<Mask<Comparison::eq>>{}(x, reshape_to<kept>(y));
    const auto count = operation<Sum<true, Dims...>>{}(mask);
    return gradients(mul(mask, div(reshape_to<kept>(g), reshape_to<kept>(count))));
  }
};

/// Where the first largest (or smallest) element of a dimension is, int64.
template<bool Larger, Index Dim>
struct Argmax {
  static constexpr std::string_view name = Larger ? "Argmax" : "Argmin";
  template<class T>
  using scalar = std::int64_t;
  static constexpr Extents shape(const Extents& x) { return reduced(x, 1u << wrap(Dim, x.rank), false); }
  static constexpr Text requirement(const Extents& x) { return static_dim_requirement(name, Dim, x); }
  template<class Out, class X>
  static void run(std::int64_t* out, const typename X::scalar* x, Index batch, std::byte*) {
    constexpr std::size_t dim = wrap(Dim, X::extents.rank);
    constexpr Index inner = X::extents.product(dim + 1, X::extents.rank), n = X::extents[dim];
    for (Index b = 0; b < detail::blocks<X>(dim, batch); ++b)
      for (Index i = 0; i < inner; ++i) {
        const auto* const p = x + b * n * inner + i;
        Index best = 0;
        for (Index k = 1; k < n && p[best * inner] == p[best * inner]; ++k) {
          const auto value = p[k * inner];
          if (value != value || (Larger ? value > p[best * inner] : value < p[best * inner])) best = k;
        }
        *out++ = best;
      }
  }
};

} // namespace ops

/// `amax(x)` of all elements, `amax_dims<1>(x)` over dimensions, `amax_keepdim<1>(x)` with the dimension kept
/// as one.
inline constexpr operation<ops::Amax<true, false>> amax;
inline constexpr operation<ops::Amax<false, false>> amin;
template<Index... Dims>
inline constexpr operation<ops::Amax<true, false, Dims...>> amax_dims;
template<Index... Dims>
inline constexpr operation<ops::Amax<false, false, Dims...>> amin_dims;
template<Index... Dims>
inline constexpr operation<ops::Amax<true, true, Dims...>> amax_keepdim;
/// argmax<Dim>(x): int64, no gradient.
template<Index Dim = -1>
inline constexpr operation<ops::Argmax<true, Dim>> argmax;
template<Index Dim = -1>
inline constexpr operation<ops::Argmax<false, Dim>> argmin;

} // namespace stator
