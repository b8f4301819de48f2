// SPDX-License-Identifier: BSL-1.0
// amax, amin, argmax, argmin over dimensions.
#pragma once

#include "stator/core/error.hpp"
#include "stator/ops/compare.hpp"
#include "stator/ops/piped.hpp"
#include "stator/ops/slicing.hpp"

#include <limits>

namespace stator::inline v0_2 {

namespace ops {

/// The largest (or smallest) element over Dims, all when empty; NaN when there is one. Equal ones share the
/// gradient.
template<bool Larger, bool Keep, Index... Dims>
struct Amax {
  static constexpr std::string_view name = Larger ? "Amax" : "Amin";
  static constexpr std::string_view backward_name = Larger ? "AmaxBackward0" : "AminBackward0";
  static constexpr std::string_view usage = "dimensions are template arguments, amax_dims<1>(x)";
  static constexpr Extents shape(const Extents& x) { return reduced(x, dim_mask(x.rank, {Dims...}), Keep); }
  static constexpr Text requirement(const Extents& x) { return Sum<Keep, Dims...>::requirement(x); }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte*) {
    using T = typename X::scalar;
    const Index size = Out::extents.numel() * (Out::extents.is_dynamic() ? batch : 1);
    using Limits = std::numeric_limits<T>;
    if (size > 0 && X::extents.numel() * (X::extents.is_dynamic() ? batch : 1) == 0)
      raise(ShapeError(std::string(Larger ? "amax" : "amin") +
                       ": no elements to choose from in a tensor of shape " + to_string(X::extents)));
    if constexpr (Limits::has_infinity)
      std::fill_n(out, size, Larger ? -Limits::infinity() : Limits::infinity());
    else
      std::fill_n(out, size, Larger ? Limits::lowest() : Limits::max());
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
  static constexpr Text requirement(const Extents& x) {
    Text no = static_dim_requirement(Larger ? "argmax" : "argmin", Dim, x);
    if (!no.empty() || x[wrap(Dim, x.rank)] > 0) return no;
    return text(Larger ? "argmax" : "argmin", ": dimension ", Dim, " of ", x,
                " has no elements to choose from");
  }
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

/// Where the first largest (or smallest) of all elements is, as if they were in one row.
template<bool Larger>
struct ArgmaxOfAll {
  static constexpr std::string_view name = Larger ? "Argmax" : "Argmin";
  template<class T>
  using scalar = std::int64_t;
  static constexpr Extents shape(const Extents&) { return {}; }
  template<class Out, class X>
  static void run(std::int64_t* out, const typename X::scalar* x, Index batch, std::byte*) {
    const Index n = X::extents.numel() * (X::extents.is_dynamic() ? batch : 1);
    if (n == 0)
      raise(ShapeError(Larger ? "argmax: a tensor of no elements has no largest one"
                              : "argmin: a tensor of no elements has no smallest one"));
    Index best = 0;
    for (Index k = 1; k < n && x[best] == x[best]; ++k)
      if (x[k] != x[k] || (Larger ? x[k] > x[best] : x[k] < x[best])) best = k;
    *out = best;
  }
};

} // namespace ops

/// `amax(x)` of all elements, `amax_dims<1>(x)` over dimensions, `amax_keepdim<1>(x)` with the dimension kept
/// as one.
inline constexpr operation<ops::Amax<true, false>> amax;
/// torch.amin of all elements.
inline constexpr operation<ops::Amax<false, false>> amin;
/// `amax_dims<1>(x)`: the largest elements over these dimensions.
template<Index... Dims>
inline constexpr operation<ops::Amax<true, false, Dims...>> amax_dims;
/// `amin_dims<1>(x)`: the smallest elements over these dimensions.
template<Index... Dims>
inline constexpr operation<ops::Amax<false, false, Dims...>> amin_dims;
/// As amax_dims, with the dimensions kept as one.
template<Index... Dims>
inline constexpr operation<ops::Amax<true, true, Dims...>> amax_keepdim;
/// As amin_dims, with the dimensions kept as one.
template<Index... Dims>
inline constexpr operation<ops::Amax<false, true, Dims...>> amin_keepdim;
/// `argmax<Dim>(x)`: where the largest element of a dimension is; `argmax(x)`: where that of all is, counted
/// as if they were in one row. int64, no gradient; the first one where several are equal, NaN is the largest.
template<Index Dim, Operand X>
constexpr auto argmax(X&& x) {
  return operation<ops::Argmax<true, Dim>>{}(std::forward<X>(x));
}
template<Operand X>
constexpr auto argmax(X&& x) {
  return operation<ops::ArgmaxOfAll<true>>{}(std::forward<X>(x));
}
/// `x | argmax<Dim>`, `x | argmax`
template<Index Dim>
constexpr ops::Piped<ops::Argmax<true, Dim>> argmax(ops::Piped<ops::Argmax<true, Dim>> piped) {
  return piped;
}
STATOR_PIPE(argmax, ArgmaxOfAll<true>)
/// The same for the smallest element.
template<Index Dim, Operand X>
constexpr auto argmin(X&& x) {
  return operation<ops::Argmax<false, Dim>>{}(std::forward<X>(x));
}
template<Operand X>
constexpr auto argmin(X&& x) {
  return operation<ops::ArgmaxOfAll<false>>{}(std::forward<X>(x));
}
/// `x | argmin<Dim>`, `x | argmin`
template<Index Dim>
constexpr ops::Piped<ops::Argmax<false, Dim>> argmin(ops::Piped<ops::Argmax<false, Dim>> piped) {
  return piped;
}
STATOR_PIPE(argmin, ArgmaxOfAll<false>)
/// `argmax_keepdim<Dim>(x)`: as argmax, with the dimension kept as one.
template<Index Dim, Operand X>
constexpr auto argmax_keepdim(X&& x) {
  return operation<ops::Unsqueeze<Dim>>{}(argmax<Dim>(std::forward<X>(x)));
}
/// `argmin_keepdim<Dim>(x)`: as argmin, with the dimension kept as one.
template<Index Dim, Operand X>
constexpr auto argmin_keepdim(X&& x) {
  return operation<ops::Unsqueeze<Dim>>{}(argmin<Dim>(std::forward<X>(x)));
}

} // namespace stator::inline v0_2
