// SPDX-License-Identifier: BSL-1.0
// Orders: argsort, sort, msort, topk; places in sorted tensors: searchsorted, bucketize; and one_hot.
#pragma once

#include "stator/ops/indexing.hpp"
#include "stator/ops/piped.hpp"
#include "stator/ops/slicing.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// The numbers of the Count first elements of dimension Dim in order, of all when Count is negative. Equal
/// ones stay in their order; NaN is the largest.
template<Index Dim, bool Descending, Index Count>
struct Argsort {
  static constexpr std::string_view name = Count < 0 ? "Argsort" : "ArgTopk";
  static constexpr std::string_view called = Count < 0 ? "sort" : "topk";
  template<class T>
  using scalar = std::int64_t;
  static constexpr Extents shape(const Extents& x) {
    Extents e = x;
    if (Count >= 0) e[wrap(Dim, x.rank)] = Count;
    return e;
  }
  static constexpr Text requirement(const Extents& x) {
    Text no = static_dim_requirement(called, Dim, x);
    if (!no.empty() || Count <= x[wrap(Dim, x.rank)]) return no;
    return text(called, ": dimension ", Dim, " of ", x, " does not have ", Count, " elements");
  }
  template<class Out, class X>
  static constexpr Bytes scratch() {
    return Bytes{sizeof(std::int64_t) * static_cast<std::size_t>(X::extents[wrap(Dim, X::extents.rank)]), 0};
  }
  template<class Out, class X>
  static void run(std::int64_t* out, const typename X::scalar* x, Index batch, std::byte* scratch) {
    constexpr std::size_t dim = wrap(Dim, X::extents.rank);
    constexpr Index inner = X::extents.product(dim + 1, X::extents.rank), n = X::extents[dim];
    constexpr Index count = Count < 0 ? n : Count;
    auto* const order = reinterpret_cast<std::int64_t*>(scratch);
    for (Index b = 0; b < detail::blocks<X>(dim, batch); ++b)
      for (Index i = 0; i < inner; ++i) {
        const auto* const p = x + b * n * inner + i;
        const auto before = [p](std::int64_t k, std::int64_t l) {
          const auto s = p[k * inner], t = p[l * inner];
          const bool s_nan = s != s, t_nan = t != t;
          if (s_nan != t_nan) return Descending ? s_nan : t_nan;
          if (s < t || t < s) return Descending ? t < s : s < t;
          return k < l;
        };
        for (Index k = 0; k < n; ++k) order[k] = k;
        if constexpr (count < n)
          std::partial_sort(order, order + count, order + n, before);
        else
          std::sort(order, order + n, before);
        for (Index k = 0; k < count; ++k) out[(b * count + k) * inner + i] = order[k];
      }
  }
};

/// How many elements of the last dimension of a sorted tensor are less than each value, or with Right not
/// greater. The sorted tensor has one dimension, or the same leading ones as the values.
template<bool Right>
struct Searchsorted {
  static constexpr std::string_view name = "Searchsorted";
  template<class S, class V>
  using scalar = std::int64_t;
  static constexpr Extents shape(const Extents&, const Extents& values) { return values; }
  static constexpr Text type_requirement(DType sorted, DType values) {
    if (sorted == values) return {};
    return text("searchsorted: the boundaries are ", to_string(sorted), ", the values ", to_string(values),
                ": convert one of them, stator::to<T>(x)");
  }
  static constexpr Text requirement(const Extents& sorted, const Extents& values) {
    bool fits = sorted.rank == 1 && !sorted.is_dynamic();
    if (!fits && sorted.rank > 1 && sorted.rank == values.rank) {
      fits = true;
      for (std::size_t d = 0; d + 1 < sorted.rank; ++d) fits = fits && sorted[d] == values[d];
    }
    if (fits) return {};
    return text("searchsorted: boundaries ", sorted, " for values ", values,
                ": expected one dimension, or the same leading ones");
  }
  template<class Out, class S, class V>
  static void run(std::int64_t* out, const typename S::scalar* sorted, const typename V::scalar* values,
                  Index batch, std::byte*) {
    constexpr Index n = S::extents.back();
    constexpr Index row = S::extents.rank == 1 ? 0 : V::extents.back();
    const Index count = detail::elements(V::extents, batch);
    for (Index i = 0; i < count; ++i) {
      const auto* const first = row > 0 ? sorted + i / row * n : sorted;
      const auto value = values[i];
      // NaN is the largest.
      const auto less = [](auto a, auto b) { return a < b || (b != b && a == a); };
      Index low = 0, high = n;
      while (low < high) {
        const Index middle = (low + high) / 2;
        if (Right ? !less(value, first[middle]) : less(first[middle], value))
          low = middle + 1;
        else
          high = middle;
      }
      out[i] = low;
    }
  }
};

/// index [...] as [..., Classes]: 1 at the number of the class, otherwise 0.
template<Index Classes>
struct OneHot {
  static constexpr std::string_view name = "OneHot";
  static constexpr int checked_operand = 0;
  template<class T>
  using scalar = std::int64_t;
  static constexpr Extents shape(const Extents& index) {
    Extents e = index;
    e.push_back(Classes);
    return e;
  }
  static constexpr Text type_requirement(DType index) {
    return detail::index_type_requirement("one_hot", index);
  }
  static constexpr Text requirement(const Extents& index) {
    if (Classes < 1) return text("one_hot: there are ", Classes, " classes, expected at least 1");
    if (index.rank == max_rank) return text("one_hot: indices ", index, " have too many dimensions");
    return {};
  }
  template<class I>
  static void check(const typename I::scalar* index, Index batch) {
    detail::check_indices("one_hot", index, detail::elements(I::extents, batch), Classes);
  }
  template<class Out, class I>
  static void run(std::int64_t* out, const typename I::scalar* index, Index batch, std::byte*) {
    check<I>(index, batch);
    const Index count = detail::elements(I::extents, batch);
    std::fill_n(out, count * Classes, 0);
    for (Index i = 0; i < count; ++i) out[i * Classes + index[i]] = 1;
  }
};

} // namespace ops

/// `argsort<Dim, Descending>(x)`: the numbers of the elements of a dimension in order, int64; equal ones stay
/// in their order, NaN is the largest. torch.argsort.
template<Index Dim = -1, bool Descending = false>
inline constexpr operation<ops::Argsort<Dim, Descending, -1>> argsort;
/// `auto [values, indices] = sort<Dim, Descending>(x)`: the elements of a dimension in order and their
/// numbers, as argsort says; torch.sort.
template<Index Dim = -1, bool Descending = false, Operand X>
constexpr auto sort(X&& operand) {
  decltype(auto) x = ops::detail::reusable(std::forward<X>(operand));
  const auto order = argsort<Dim, Descending>(x);
  return std::tuple(operation<ops::Gather<Dim>>{}(x, order), order);
}
/// The elements of dimension 0 in order; torch.msort.
template<Operand X>
constexpr auto msort(X&& x) {
  return std::get<0>(sort<0>(std::forward<X>(x)));
}
/// `auto [values, indices] = topk<K, Dim, Largest>(x)`: the K largest (or smallest) elements of a dimension
/// in order, and their numbers; torch.topk.
template<Index K, Index Dim = -1, bool Largest = true, Operand X>
constexpr auto topk(X&& operand) {
  static_assert(K >= 0, "stator: topk: the number of elements is negative");
  decltype(auto) x = ops::detail::reusable(std::forward<X>(operand));
  const auto order = operation<ops::Argsort<Dim, Largest, K>>{}(x);
  return std::tuple(operation<ops::Gather<Dim>>{}(x, order), order);
}
/// `searchsorted<Right>(sorted, values)`: how many elements of sorted [n] or [..., n] are less than each
/// value [..., m]; with Right, not greater. int64. torch.searchsorted.
template<bool Right = false>
inline constexpr operation<ops::Searchsorted<Right>> searchsorted;
/// `bucketize<Right>(values, boundaries)`: searchsorted with boundaries [n]; torch.bucketize.
template<bool Right = false, Operand V, Operand B>
constexpr auto bucketize(V&& values, B&& boundaries) {
  return searchsorted<Right>(std::forward<B>(boundaries), std::forward<V>(values));
}
namespace nn {
/// `nn::one_hot<Classes>(index)`: int64 [..., Classes], 1 at the number of the class. Throws ValueError at an
/// index that is not a class. torch.nn.functional.one_hot.
template<Index Classes>
inline constexpr operation<ops::OneHot<Classes>> one_hot;
} // namespace nn

} // namespace stator::inline v0_2
