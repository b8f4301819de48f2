// SPDX-License-Identifier: BSL-1.0
// Elements by their rank: median, nanmedian, kthvalue, mode, quantile, nanquantile.
#pragma once

#include "stator/ops/logical.hpp"
#include "stator/ops/rounding.hpp"
#include "stator/ops/sort.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// Which element of a row Ranked looks for.
enum class Rank { kth, median, nanmedian, mode };

/// The number of an element of dimension Dim, which stays as one: the K-th smallest, the lower median, or the
/// smallest of the most frequent ones, where it occurs last. NaN is the largest; the median of a row with NaN
/// is NaN, nanmedian passes over it.
template<Rank R, Index K, Index Dim>
struct Ranked {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = R == Rank::kth         ? "Kthvalue"
                                           : R == Rank::median    ? "Median"
                                           : R == Rank::nanmedian ? "Nanmedian"
                                                                  : "Mode";
  template<class T>
  using scalar = std::int64_t;
  static constexpr Extents shape(const Extents& x) { return reduced(x, 1u << wrap(Dim, x.rank), true); }
  static constexpr Text requirement(const Extents& x) {
    const Text called = function_name(name);
    Text no = static_dim_requirement(called.view(), Dim, x);
    if (!no.empty() || (K >= 1 && K <= x[wrap(Dim, x.rank)])) return no;
    return text(called, ": dimension ", Dim, " of ", x, " has no ", K, " elements");
  }
  template<class Out, class X>
  static constexpr Bytes scratch() {
    return Argsort<Dim, false, -1>::template scratch<Out, X>();
  }
  template<class Out, class X>
  static void run(std::int64_t* out, const typename X::scalar* x, Index batch, std::byte* scratch) {
    constexpr std::size_t dim = wrap(Dim, X::extents.rank);
    constexpr Index inner = X::extents.product(dim + 1, X::extents.rank), n = X::extents[dim];
    auto* const order = reinterpret_cast<std::int64_t*>(scratch);
    for (Index b = 0; b < detail::blocks<X>(dim, batch); ++b)
      for (Index i = 0; i < inner; ++i) {
        const auto* const p = x + b * n * inner + i;
        const auto nan = [p](std::int64_t k) { return p[k * inner] != p[k * inner]; };
        for (Index k = 0; k < n; ++k) order[k] = k;
        std::sort(order, order + n, [p, nan](std::int64_t k, std::int64_t l) {
          if (nan(k) || nan(l)) return nan(k) == nan(l) ? k < l : nan(l);
          const auto s = p[k * inner], t = p[l * inner];
          return s < t || (s == t && k < l);
        });
        Index numbers = n; // those that are
        while (numbers > 0 && nan(order[numbers - 1])) --numbers;
        Index at = K - 1;
        if constexpr (R == Rank::median) at = numbers < n ? numbers : (n - 1) / 2;
        if constexpr (R == Rank::nanmedian) at = numbers > 0 ? (numbers - 1) / 2 : 0;
        if constexpr (R == Rank::mode) {
          Index longest = 0;
          for (Index first = 0, k = 1; k <= n; ++k) {
            if (k < n && p[order[k] * inner] == p[order[first] * inner]) continue;
            if (k - first > longest) longest = k - first, at = k - 1;
            first = k;
          }
        }
        *out++ = order[at];
      }
  }
};

/// The median of all elements, or of those that are not NaN. Equal ones share the gradient.
template<bool SkipNan>
struct MedianOfAll {
  static constexpr std::string_view name = SkipNan ? "Nanmedian" : "Median";
  static constexpr Extents shape(const Extents&) { return {}; }
  static constexpr Text requirement(const Extents& x) {
    if (!x.is_dynamic() && x.numel() > 0) return {};
    return text(SkipNan ? "nanmedian" : "median", ": the number of elements of ", x,
                " is not a constant above 0");
  }
  using At = Ranked<SkipNan ? Rank::nanmedian : Rank::median, 1, 0>;
  template<class X>
  using Row = Typed<typename X::scalar, Shape<X::extents.numel()>>;
  template<class Out, class X>
  static constexpr Bytes scratch() {
    return At::template scratch<Out, Row<X>>();
  }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte* scratch) {
    std::int64_t at = 0;
    At::template run<Out, Row<X>>(&at, x, batch, scratch);
    *out = x[at];
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X x) {
    const auto same = operation<SameMask>{}(x, y);
    return gradients(mul(same, div(g, operation<Sum<false>>{}(same))));
  }
};

/// How a quantile between two elements is found, as PyTorch's `interpolation` says.
enum class Interpolation { linear, lower, higher, midpoint, nearest };

/// Where a quantile lies among the elements of dimension Dim in order, which stays as one: q (n - 1), n the
/// number of elements, with SkipNan of those that are not NaN; at the end, where NaN is, if there are others.
template<bool SkipNan, Index Dim>
struct QuantilePlace {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = SkipNan ? "Nanquantile" : "Quantile";
  static constexpr Extents shape(const Extents& x, const Extents&) {
    return reduced(x, 1u << wrap(Dim, x.rank), true);
  }
  static constexpr Text requirement(const Extents& x, const Extents&) {
    Text no = static_dim_requirement(function_name(name).view(), Dim, x);
    if (!no.empty() || x[wrap(Dim, x.rank)] > 0) return no;
    return text(function_name(name), ": dimension ", Dim, " of ", x, " has no elements");
  }
  template<class Out, class X, class Q>
  static void run(typename Out::scalar* out, const typename X::scalar* x, const typename Q::scalar* q,
                  Index batch, std::byte*) {
    if (!(*q >= 0 && *q <= 1)) raise(ValueError("quantile: q is not between 0 and 1"));
    constexpr std::size_t dim = wrap(Dim, X::extents.rank);
    constexpr Index inner = X::extents.product(dim + 1, X::extents.rank), n = X::extents[dim];
    using T = typename Out::scalar;
    for (Index b = 0; b < detail::blocks<X>(dim, batch); ++b)
      for (Index i = 0; i < inner; ++i) {
        Index numbers = 0;
        for (Index k = 0; k < n; ++k)
          if (const auto e = x[(b * n + k) * inner + i]; e == e) ++numbers;
        const Index last = SkipNan ? std::max<Index>(numbers, 1) - 1 : n - 1;
        *out++ = !SkipNan && numbers < n ? static_cast<T>(last) : static_cast<T>(*q) * static_cast<T>(last);
      }
  }
};

/// The q-quantile along dimension Dim.
template<bool SkipNan, Index Dim, Interpolation I>
struct Quantile {
  static constexpr std::string_view name = SkipNan ? "Nanquantile" : "Quantile";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr bool is_composite = true;
  template<class X, class Q>
  static constexpr auto compose(X x, Q q) {
    const auto place = operation<QuantilePlace<SkipNan, Dim>>{}(x, q);
    const auto order = operation<Argsort<Dim, false, -1>>{}(x);
    const auto down = operation<Round<Rounding::floor>>{}(place),
               up = operation<Round<Rounding::ceil>>{}(place);
    const auto element = [&](auto at) {
      return operation<Gather<Dim>>{}(x, operation<Gather<Dim>>{}(order, cast_to<std::int64_t>(at)));
    };
    const auto result = [&] {
      if constexpr (I == Interpolation::lower)
        return element(down);
      else if constexpr (I == Interpolation::higher)
        return element(up);
      else if constexpr (I == Interpolation::nearest)
        return element(operation<Round<Rounding::nearest>>{}(place));
      else if constexpr (I == Interpolation::midpoint)
        return mul(add(element(down), element(up)), 0.5);
      else
        return between(element(down), element(up), sub(place, down));
    }();
    return reshape_to<reduced(X::extents, 1u << wrap(Dim, X::extents.rank), false)>(result);
  }

private:
  static constexpr auto between(auto a, auto b, auto w) { return add(a, mul(w, sub(b, a))); }
};

/// The q-quantile of all elements.
template<bool SkipNan, Interpolation I>
struct QuantileOfAll {
  static constexpr std::string_view name = SkipNan ? "Nanquantile" : "Quantile";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr bool is_composite = true;
  template<class X, class Q>
  static constexpr auto compose(X x, Q q) {
    constexpr Extents row{X::extents.is_dynamic() ? dynamic : X::extents.numel()};
    return Quantile<SkipNan, 0, I>::compose(reshape_to<row>(x), q);
  }
};

namespace detail {
/// Elements of x along dimension Dim, which disappears, or with Keep is one, and their numbers, as Ranked
/// says.
template<Rank R, Index K, Index Dim, bool Keep = false, class X>
constexpr auto ranked(X&& operand) {
  constexpr Extents extents = stator::detail::operand_typed<std::remove_cvref_t<X>>::type::extents;
  constexpr Extents result = reduced(extents, 1u << wrap(Dim, extents.rank), Keep);
  decltype(auto) x = reusable(std::forward<X>(operand));
  const auto index = operation<Ranked<R, K, Dim>>{}(x);
  constexpr operation<Reshape<result>> without;
  return std::tuple(without(operation<Gather<Dim>>{}(x, index)), without(index));
}
} // namespace detail

} // namespace ops

/// Names of the ways to find a quantile between two elements: `quantile<1, Interpolation::lower>(x, 0.3)`.
using ops::Interpolation;

// clang-format off
/// `median(x)`: the lower median of all elements, NaN where one is NaN; equal ones share the gradient. torch.median.
template<Operand X> constexpr auto median(X&& x) { return operation<ops::MedianOfAll<false>>{}(std::forward<X>(x)); }
/// `auto [values, indices] = median<Dim>(x)`: the lower medians along a dimension, and their numbers.
template<Index Dim, Operand X> constexpr auto median(X&& x) { return ops::detail::ranked<ops::Rank::median, 1, Dim>(std::forward<X>(x)); }
/// `nanmedian(x)`: the lower median of what is not NaN; torch.nanmedian.
template<Operand X> constexpr auto nanmedian(X&& x) { return operation<ops::MedianOfAll<true>>{}(std::forward<X>(x)); }
/// `auto [values, indices] = nanmedian<Dim>(x)`: along a dimension.
template<Index Dim, Operand X> constexpr auto nanmedian(X&& x) { return ops::detail::ranked<ops::Rank::nanmedian, 1, Dim>(std::forward<X>(x)); }
/// `auto [values, indices] = kthvalue<K, Dim>(x)`: the K-th smallest along a dimension, from 1 on; torch.kthvalue.
template<Index K, Index Dim = -1, Operand X> constexpr auto kthvalue(X&& x) { return ops::detail::ranked<ops::Rank::kth, K, Dim>(std::forward<X>(x)); }
/// `auto [values, indices] = mode<Dim>(x)`: the most frequent element along a dimension, of several the smallest, and
/// where it occurs last; torch.mode.
template<Index Dim = -1, Operand X> constexpr auto mode(X&& x) { return ops::detail::ranked<ops::Rank::mode, 1, Dim>(std::forward<X>(x)); }
/// As median<Dim>, nanmedian<Dim>, kthvalue and mode, with the dimension kept as one.
template<Index Dim, Operand X> constexpr auto median_keepdim(X&& x) { return ops::detail::ranked<ops::Rank::median, 1, Dim, true>(std::forward<X>(x)); }
/// See median_keepdim.
template<Index Dim, Operand X> constexpr auto nanmedian_keepdim(X&& x) { return ops::detail::ranked<ops::Rank::nanmedian, 1, Dim, true>(std::forward<X>(x)); }
/// See median_keepdim.
template<Index K, Index Dim = -1, Operand X> constexpr auto kthvalue_keepdim(X&& x) { return ops::detail::ranked<ops::Rank::kth, K, Dim, true>(std::forward<X>(x)); }
/// See median_keepdim.
template<Index Dim = -1, Operand X> constexpr auto mode_keepdim(X&& x) { return ops::detail::ranked<ops::Rank::mode, 1, Dim, true>(std::forward<X>(x)); }
/// `quantile(x, q)` of all elements, `quantile<Dim>(x, q)` along a dimension; NaN where one is NaN. torch.quantile. q is a
/// number; ValueError when it is not between 0 and 1.
template<Operand X> constexpr auto quantile(X&& x, double q) { return operation<ops::QuantileOfAll<false, Interpolation::linear>>{}(std::forward<X>(x), q); }
template<Index Dim, Interpolation I = Interpolation::linear, Operand X> constexpr auto quantile(X&& x, double q) { return operation<ops::Quantile<false, Dim, I>>{}(std::forward<X>(x), q); }
/// The same of what is not NaN; torch.nanquantile.
template<Operand X> constexpr auto nanquantile(X&& x, double q) { return operation<ops::QuantileOfAll<true, Interpolation::linear>>{}(std::forward<X>(x), q); }
template<Index Dim, Interpolation I = Interpolation::linear, Operand X> constexpr auto nanquantile(X&& x, double q) { return operation<ops::Quantile<true, Dim, I>>{}(std::forward<X>(x), q); }
/// As quantile<Dim>, with the dimension kept as one.
template<Index Dim, Interpolation I = Interpolation::linear, Operand X> constexpr auto quantile_keepdim(X&& x, double q) { return operation<ops::Unsqueeze<Dim>>{}(quantile<Dim, I>(std::forward<X>(x), q)); }
/// As nanquantile<Dim>, with the dimension kept as one.
template<Index Dim, Interpolation I = Interpolation::linear, Operand X> constexpr auto nanquantile_keepdim(X&& x, double q) { return operation<ops::Unsqueeze<Dim>>{}(nanquantile<Dim, I>(std::forward<X>(x), q)); }
// clang-format on

} // namespace stator::inline v0_2
