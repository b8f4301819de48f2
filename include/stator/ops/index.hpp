// SPDX-License-Identifier: BSL-1.0
// PyTorch's names for elements by their numbers: gather, scatter, scatter_add, scatter_reduce, index_select,
// index_add, index_copy, index_fill, index_reduce, masked_fill, take, take_along_dim.
#pragma once

#include "stator/core/fixed_string.hpp"
#include "stator/ops/compare.hpp"
#include "stator/ops/indexing.hpp"
#include "stator/ops/view.hpp"

namespace stator::inline v0_2 {

namespace ops {

namespace detail {
/// A tensor of extents E that holds a number; x says where.
template<Extents E, class X>
constexpr auto filled(const X& x, double value) {
  return operation<Expand<E>>{}(to_symbol<typename X::scalar, X::order>(x.builder, value));
}
/// The source of a scatter: a single element stands for as many as there are indices.
template<class X, class I, class S>
constexpr auto source_of(const S& source) {
  const auto same = cast_to<typename X::scalar>(source);
  if constexpr (S::extents.rank == 0 && I::extents.rank > 0)
    return operation<Expand<I::extents>>{}(same);
  else
    return same;
}
/// The indices [k] of slices of x along Dim as those of their elements.
template<Index Dim, class X, class I>
constexpr auto element_indices(const I& index) {
  static_assert(I::extents.rank == 1, "stator: the indices of slices have one dimension");
  constexpr std::size_t dim = wrap(Dim, X::extents.rank);
  constexpr Extents column = [] {
    Extents e = X::extents;
    for (std::size_t d = 0; d < e.rank; ++d) e[d] = d == dim ? I::extents[0] : 1;
    return e;
  }();
  constexpr Extents all = [] {
    Extents e = X::extents;
    e[dim] = I::extents[0];
    return e;
  }();
  return operation<Expand<all>>{}(reshape_to<column>(index));
}
} // namespace detail

/// torch.scatter: Scatter whose source may be a number.
template<Index Dim>
struct ScatterAny {
  static constexpr std::string_view name = "Scatter";
  static constexpr bool is_composite = true;
  template<class X, class I, class S>
  static constexpr auto compose(X x, I index, S source) {
    return operation<Scatter<Dim, Scattering::assign>>{}(x, index, detail::source_of<X, I>(source));
  }
};

/// torch.scatter_reduce; without IncludeSelf the elements of x that something is scattered to do not count.
template<Index Dim, fixed_string Reduction, bool IncludeSelf>
struct ScatterReduce {
  static constexpr std::string_view name = "ScatterReduce";
  static constexpr bool is_composite = true;
  static constexpr std::string_view reduction = Reduction.view();
  static constexpr bool mean = reduction == "mean", sum = reduction == "sum" || mean;
  static_assert(sum || reduction == "prod" || reduction == "amax" || reduction == "amin",
                "stator: scatter_reduce: the reductions are sum, prod, mean, amax and amin");
  static constexpr Scattering how = sum                   ? Scattering::add
                                    : reduction == "prod" ? Scattering::multiply
                                    : reduction == "amax" ? Scattering::amax
                                                          : Scattering::amin;
  static constexpr double neutral = sum                   ? 0
                                    : reduction == "prod" ? 1
                                    : reduction == "amax" ? -std::numeric_limits<double>::infinity()
                                                          : std::numeric_limits<double>::infinity();
  template<class X, class I, class S>
  static constexpr auto compose(X x, I index, S source) {
    const auto self = [&] {
      if constexpr (IncludeSelf)
        return x;
      else
        return operation<Scatter<Dim, Scattering::assign>>{}(x, index,
                                                             detail::filled<I::extents>(x, neutral));
    }();
    const auto all = operation<Scatter<Dim, how>>{}(self, index, source);
    if constexpr (mean) {
      const auto ones = detail::filled<X::extents>(x, 1);
      const auto each = detail::filled<I::extents>(x, 1);
      const auto count = operation<Scatter<Dim, Scattering::add>>{}(ones, index, each);
      if constexpr (IncludeSelf)
        return div(all, count);
      else
        return div(all, maximum(sub(count, 1), 1));
    } else {
      return all;
    }
  }
};

/// x with slices replaced, torch.index_copy; the source may be a number, torch.index_fill.
template<Index Dim>
struct IndexCopy {
  static constexpr std::string_view name = "IndexCopy";
  static constexpr bool is_composite = true;
  template<class X, class I, class S>
  static constexpr auto compose(X x, I index, S source) {
    const auto elements = detail::element_indices<Dim, X>(index);
    return operation<ScatterAny<Dim>>{}(x, elements, source);
  }
};

/// torch.index_reduce: ScatterReduce of slices.
template<Index Dim, fixed_string Reduction, bool IncludeSelf>
struct IndexReduce {
  static constexpr std::string_view name = "IndexReduce";
  static constexpr bool is_composite = true;
  template<class X, class I, class S>
  static constexpr auto compose(X x, I index, S source) {
    return operation<ScatterReduce<Dim, Reduction, IncludeSelf>>{}(x, detail::element_indices<Dim, X>(index),
                                                                   source);
  }
};

/// x with `value` where the mask holds.
struct MaskedFill {
  static constexpr std::string_view name = "MaskedFill";
  static constexpr bool is_composite = true;
  template<class X, class M, class V>
  static constexpr auto compose(X x, M mask, V value) {
    static_assert(V::extents.rank == 0,
                  "stator: masked_fill: the value is a number or a tensor without dimensions");
    static_assert(broadcast(X::extents, M::extents) == X::extents,
                  "stator: masked_fill: the mask does not expand to the shape of the tensor");
    return operation<Where>{}(mask, cast_to<typename X::scalar>(value), x);
  }
};

/// Elements of x as if they were in one row; negative numbers count from its end.
struct Take {
  static constexpr std::string_view name = "Take";
  static constexpr bool is_composite = true;
  template<class X, class I>
  static constexpr auto compose(X x, I index) {
    const auto row = operation<View<-1>>{}(index);
    const auto from_start = add(row, mul(cast_to<typename I::scalar>(lt(row, 0)), X::extents.numel()));
    return reshape_to<I::extents>(operation<Gather<0>>{}(operation<View<-1>>{}(x), from_start));
  }
};

/// Gather whose operands broadcast in the other dimensions.
template<Index Dim>
struct TakeAlongDim {
  static constexpr std::string_view name = "TakeAlongDim";
  static constexpr bool is_composite = true;
  template<class X, class I>
  static constexpr auto compose(X x, I index) {
    static_assert(X::extents.rank == I::extents.rank,
                  "stator: take_along_dim: the indices have other dimensions");
    constexpr std::size_t dim = wrap(Dim, X::extents.rank);
    constexpr auto with = [](Index n) {
      Extents a = X::extents, b = I::extents;
      a[dim] = b[dim] = 1;
      Extents e = broadcast(a, b);
      e[dim] = n;
      return e;
    };
    constexpr Extents from = with(X::extents[dim]), to = with(I::extents[dim]);
    return operation<Gather<Dim>>{}(expanded<from>(x), expanded<to>(index));
  }
  template<Extents E, class X>
  static constexpr auto expanded(const X& x) {
    if constexpr (X::extents == E)
      return x;
    else
      return operation<Expand<E>>{}(x);
  }
};

} // namespace ops

/// `gather<1>(x, index)`: out[i, j] = x[i, index[i, j]]; x and index have as many dimensions, and index is
/// not larger in the others. Throws ValueError at an index that is not in the dimension. torch.gather.
template<Index Dim>
inline constexpr operation<ops::Gather<Dim>> gather;
/// `scatter<1>(x, index, source)`: x with source[i, j] at [i, index[i, j]]; source has the shape of index or
/// is a number. Of several at one place the last counts. Throws ValueError. torch.scatter.
template<Index Dim>
inline constexpr operation<ops::ScatterAny<Dim>> scatter;
/// `scatter_add<1>(x, index, source)`: source[i, j] added to x[i, index[i, j]]. Throws ValueError.
/// torch.scatter_add.
template<Index Dim>
inline constexpr operation<ops::Scatter<Dim, ops::Scattering::add>> scatter_add;
/// `scatter_reduce<1, "amax">(x, index, source)`: the sum, prod, mean, amax or amin of x[i, k] (unless
/// IncludeSelf is false) and of all source[i, j] with index[i, j] = k. Throws ValueError.
/// torch.scatter_reduce.
template<Index Dim, fixed_string Reduction, bool IncludeSelf = true>
inline constexpr operation<ops::ScatterReduce<Dim, Reduction, IncludeSelf>> scatter_reduce;
/// `index_select<0>(x, index)`: the slices of a dimension that index [k] names. Throws ValueError.
/// torch.index_select.
template<Index Dim>
inline constexpr operation<ops::IndexSelect<Dim>> index_select;
/// `index_add<0>(x, index, source)`: the slices of source added to those of x that index [k] names. Throws
/// ValueError. torch.index_add.
template<Index Dim>
inline constexpr operation<ops::IndexAdd<Dim>> index_add;
/// `index_copy<0>(x, index, source)`: these slices of x replaced by those of source. Throws ValueError.
/// torch.index_copy.
template<Index Dim>
inline constexpr operation<ops::IndexCopy<Dim>> index_copy;
/// `index_fill<0>(x, index, value)`: these slices of x filled with a number. Throws ValueError.
/// torch.index_fill.
template<Index Dim>
inline constexpr operation<ops::IndexCopy<Dim>> index_fill;
/// `index_reduce<0, "amax">(x, index, source)`: as scatter_reduce, of slices. Throws ValueError.
/// torch.index_reduce.
template<Index Dim, fixed_string Reduction, bool IncludeSelf = true>
inline constexpr operation<ops::IndexReduce<Dim, Reduction, IncludeSelf>> index_reduce;
/// `masked_fill(x, mask, value)`: value where mask, of bool elements, holds, otherwise x. torch.masked_fill.
inline constexpr operation<ops::MaskedFill> masked_fill;
/// `take(x, index)`: elements of x as if they were in one row, in the shape of index. Throws ValueError.
/// torch.take.
inline constexpr operation<ops::Take> take;
/// `take_along_dim<1>(x, index)`: as gather, the other dimensions broadcast. Throws ValueError.
/// torch.take_along_dim.
template<Index Dim>
inline constexpr operation<ops::TakeAlongDim<Dim>> take_along_dim;

} // namespace stator::inline v0_2
