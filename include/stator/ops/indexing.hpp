// SPDX-License-Identifier: BSL-1.0
// Elements by their numbers along a dimension: gather, index_select, and tensors with such elements replaced,
// or others added to them: scatter, scatter_add, index_add. A number that is not in the dimension is a
// ValueError.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/error.hpp"
#include "stator/ops/compare.hpp"
#include "stator/ops/strided.hpp"

#include <cstdint>
#include <string>

namespace stator::inline v0_2 {

namespace ops {

namespace detail {

/// Why the second operand cannot be numbers of elements.
constexpr Text index_type_requirement(std::string_view name, DType index) {
  if (!is_floating_point(index) && index != DType::boolean) return {};
  return text(name, ": the indices are ", to_string(index), ", expected int64: convert them, ",
              "stator::to<std::int64_t>(x)");
}
STATOR_COLD inline void refuse_index(std::string_view name, std::int64_t index, Index at, Index extent) {
  raise(ValueError(std::string(name) + ": index " + std::to_string(index) + " at position " +
                   std::to_string(at) + " is out of range, the dimension has " + std::to_string(extent) +
                   " elements"));
}
/// Throws ValueError at the first of `count` numbers that is not one of `extent` elements.
template<class I>
void check_indices(std::string_view name, const I* index, Index count, Index extent) {
  for (Index i = 0; i < count; ++i)
    if (index[i] < 0 || index[i] >= extent)
      refuse_index(name, static_cast<std::int64_t>(index[i]), i, extent);
}

/// Calls element(place in x of the elements with number 0 along dimension Dim, i) for each i of the index.
template<class X, class I, Index Dim, class T, class Element>
void for_indexed(Index batch, T* x, const Element& element) {
  static constexpr kernel::StridedLoops loops = [] {
    kernel::StridedLoops l = in_order(X::extents);
    for (std::size_t d = 0; d < l.count; ++d) l.extent[d] = I::extents[d];
    l.step[wrap(Dim, X::extents.rank)] = 0;
    return l.merged();
  }();
  kernel::for_strided(loops, batch, x, [&](T& first, Index i) { element(&first, i); });
}

} // namespace detail

/// A base of operations on (x, index, ...) along dimension Dim: index has as many dimensions as x and is not
/// larger in the others.
template<Index Dim>
struct Indexed {
  static constexpr int checked_operand = 1;
  static constexpr Text index_requirement(std::string_view name, const Extents& x, const Extents& index) {
    Text no = static_dim_requirement(name, Dim, x);
    if (!no.empty()) return no;
    bool fits = x.rank == index.rank && x.is_dynamic() == index.is_dynamic();
    for (std::size_t d = 0; fits && d < x.rank; ++d)
      fits = d == wrap(Dim, x.rank) || index[d] == x[d] || (index[d] < x[d] && !x.is_dynamic());
    if (fits) return {};
    return text(name, ": indices ", index, " do not fit ", x, ": they may be larger in dimension ", Dim,
                " only");
  }
  template<class X, class I>
  static void check_index(std::string_view name, const typename I::scalar* index, Index batch) {
    detail::check_indices(name, index, detail::elements(I::extents, batch),
                          X::extents[wrap(Dim, X::extents.rank)]);
  }
  /// From one element of dimension Dim to the next.
  template<class X>
  static constexpr Index step = X::extents.product(wrap(Dim, X::extents.rank) + 1, X::extents.rank);
};

template<Index Dim>
struct Gather;

/// Adds each element of g to where gather took it from; the last operand gives the shape only.
template<Index Dim>
struct GatherBackward : Indexed<Dim> {
  static constexpr std::string_view name = "GatherBackward";
  using Base = Indexed<Dim>;
  static constexpr Extents shape(const Extents&, const Extents&, const Extents& x) { return x; }
  template<class G, class I, class X>
  static void check(const typename I::scalar* index, Index batch) {
    Base::template check_index<X, I>("gather", index, batch);
  }
  template<class Out, class G, class I, class X>
  static void accumulate(typename Out::scalar* dx, const typename G::scalar* g,
                         const typename I::scalar* index, const typename X::scalar*, Index batch,
                         std::byte*) {
    check<G, I, X>(index, batch);
    detail::for_indexed<X, I, Dim>(batch, dx,
                                   [=](auto* to, Index i) { to[index[i] * Base::template step<X>] += g[i]; });
  }
  template<class Out, class G, class I, class X>
  static void run(typename Out::scalar* dx, const typename G::scalar* g, const typename I::scalar* index,
                  const typename X::scalar* x, Index batch, std::byte* scratch) {
    std::fill_n(dx, detail::elements(X::extents, batch), typename Out::scalar{});
    accumulate<Out, G, I, X>(dx, g, index, x, batch, scratch);
  }
  template<class GG, class Y, class G, class I, class X>
  static constexpr auto vjp(GG g, Y, G, I index, X) {
    return gradients(operation<Gather<Dim>>{}(g, index), no_gradient, no_gradient);
  }
};

/// out[a, i, c] = x[a, index[a, i, c], c], where the middle stands for dimension Dim.
template<Index Dim>
struct Gather : Indexed<Dim> {
  static constexpr std::string_view name = "Gather";
  static constexpr std::string_view backward_name = "GatherBackward0";
  using Base = Indexed<Dim>;
  static constexpr Extents shape(const Extents&, const Extents& index) { return index; }
  static constexpr Text type_requirement(DType, DType index) {
    return detail::index_type_requirement("gather", index);
  }
  static constexpr Text requirement(const Extents& x, const Extents& index) {
    return Base::index_requirement("gather", x, index);
  }
  template<class X, class I>
  static void check(const typename I::scalar* index, Index batch) {
    Base::template check_index<X, I>("gather", index, batch);
  }
  template<class Out, class X, class I>
  static void run(typename Out::scalar* out, const typename X::scalar* x, const typename I::scalar* index,
                  Index batch, std::byte*) {
    check<X, I>(index, batch);
    detail::for_indexed<X, I, Dim>(
        batch, x, [=](const auto* from, Index i) { out[i] = from[index[i] * Base::template step<X>]; });
  }
  template<class G, class Y, class X, class I>
  static constexpr auto vjp(G g, Y, X x, I index) {
    return gradients(operation<GatherBackward<Dim>>{}(g, index, x), no_gradient);
  }
};

/// What becomes of an element and one that is scattered to it.
enum class Scattering { assign, add, multiply, amax, amin };

/// x with elements of the source scattered to [a, index[a, i, c], c]; of several that meet, as `How` says,
/// and of those that are assigned the last.
template<Index Dim, Scattering How>
struct Scatter : Indexed<Dim> {
  static constexpr std::string_view name = How == Scattering::assign ? "Scatter"
                                           : How == Scattering::add  ? "ScatterAdd"
                                                                     : "ScatterReduce";
  static constexpr std::string_view backward_name = How == Scattering::assign ? "ScatterBackward0"
                                                    : How == Scattering::add  ? "ScatterAddBackward0"
                                                                              : "ScatterReduceBackward0";
  static constexpr std::string_view called = How == Scattering::assign ? "scatter"
                                             : How == Scattering::add  ? "scatter_add"
                                                                       : "scatter_reduce";
  using Base = Indexed<Dim>;
  static constexpr Extents shape(const Extents& x, const Extents&, const Extents&) { return x; }
  static constexpr Text type_requirement(DType x, DType index, DType source) {
    if (x != source)
      return text(called, ": elements of ", to_string(source), " do not go into a tensor of ", to_string(x),
                  ": convert them, stator::to<", scalar_name(x), ">(x)");
    return detail::index_type_requirement(called, index);
  }
  static constexpr Text requirement(const Extents& x, const Extents& index, const Extents& source) {
    const Text no = Base::index_requirement(called, x, index);
    if (!no.empty() || source == index) return no;
    return text(called, ": the source has shape ", source, ", the indices ", index, ", they must be equal");
  }
  template<class X, class I, class S>
  static void check(const typename I::scalar* index, Index batch) {
    Base::template check_index<X, I>(called, index, batch);
  }
  template<class Out, class X, class I, class S>
  static void run(typename Out::scalar* out, const typename X::scalar* x, const typename I::scalar* index,
                  const typename S::scalar* source, Index batch, std::byte*) {
    using T = typename Out::scalar;
    check<X, I, S>(index, batch);
    std::copy_n(x, detail::elements(X::extents, batch), out);
    detail::for_indexed<X, I, Dim>(batch, out, [=](T* first, Index i) {
      T& to = first[index[i] * Base::template step<X>];
      const T from = source[i];
      if constexpr (How == Scattering::assign)
        to = from;
      else if constexpr (How == Scattering::add)
        to = static_cast<T>(to + from);
      else if constexpr (How == Scattering::multiply)
        to = static_cast<T>(to * from);
      else if (from != from || (How == Scattering::amax ? from > to : from < to))
        to = from;
    });
  }
  template<class G, class Y, class X, class I, class S>
  static constexpr auto vjp(G g, Y y, X x, I index, S source) {
    constexpr operation<Gather<Dim>> gather;
    constexpr operation<Expand<I::extents>> everywhere;
    if constexpr (How == Scattering::assign) {
      const auto none = everywhere(detail::to_symbol<typename G::scalar, G::order>(g.builder, 0.0));
      return gradients(operation<Scatter>{}(g, index, none), no_gradient, gather(g, index));
    } else if constexpr (How == Scattering::add) {
      return gradients(g, no_gradient, gather(g, index));
    } else if constexpr (How == Scattering::multiply) {
      // A factor that is zero has the product of the others as its slope: that without the zeros, where it is
      // the only one.
      constexpr operation<Scatter<Dim, Scattering::add>> count;
      constexpr operation<Mask<Comparison::eq>> equal;
      constexpr operation<Choose> choose;
      const auto x_zero = equal(x, 0);
      const auto s_zero = equal(source, 0);
      const auto zeros = count(x_zero, index, s_zero);
      const auto others = operation<Scatter>{}(choose(x_zero, 1, x), index, choose(s_zero, 1, source));
      const auto none = mul(equal(zeros, 0), mul(g, others)), one = mul(equal(zeros, 1), mul(g, others));
      const auto dx = choose(x_zero, one, div(none, choose(x_zero, 1, x)));
      const auto ds = choose(s_zero, gather(one, index), div(gather(none, index), choose(s_zero, 1, source)));
      return gradients(dx, no_gradient, ds);
    } else {
      constexpr operation<Mask<Comparison::eq>> equal;
      const auto x_is = equal(x, y);
      const auto s_is = equal(source, gather(y, index));
      const auto each = div(g, operation<Scatter<Dim, Scattering::add>>{}(x_is, index, s_is));
      return gradients(operation<Choose>{}(x_is, each, 0), no_gradient, mul(s_is, gather(each, index)));
    }
  }
};

/// A base of operations on (x, index [k], ...) along dimension Dim: whole slices of x by their numbers.
template<Index Dim>
struct IndexedSlices {
  static constexpr int checked_operand = 1;
  static constexpr Text index_requirement(std::string_view name, const Extents& x, const Extents& index) {
    const Text no = static_dim_requirement(name, Dim, x);
    if (!no.empty() || (index.rank == 1 && !index.is_dynamic())) return no;
    return text(name, ": the indices have shape ", index, ", expected one static dimension");
  }
  template<class X, class I>
  static void check_index(std::string_view name, const typename I::scalar* index) {
    detail::check_indices(name, index, I::extents[0], X::extents[wrap(Dim, X::extents.rank)]);
  }
  /// Calls row(place in x, place in the other tensor, length) for each row of elements behind dimension Dim.
  template<class X, class I, class Row>
  static void for_rows(const typename I::scalar* index, Index batch, const Row& row) {
    constexpr std::size_t dim = wrap(Dim, X::extents.rank);
    constexpr Index inner = X::extents.product(dim + 1, X::extents.rank), k = I::extents[0];
    const Index blocks = X::extents.product(0, dim) * (X::extents.is_dynamic() ? batch : 1);
    for (Index b = 0; b < blocks; ++b)
      for (Index i = 0; i < k; ++i) row((b * X::extents[dim] + index[i]) * inner, (b * k + i) * inner, inner);
  }
  static constexpr Extents selected(const Extents& x, const Extents& index) {
    Extents e = x;
    e[wrap(Dim, x.rank)] = index[0];
    return e;
  }
};

template<Index Dim>
struct IndexSelect;

/// x with the slices of the source added to those that the index names.
template<Index Dim>
struct IndexAdd : IndexedSlices<Dim> {
  static constexpr std::string_view name = "IndexAdd";
  static constexpr std::string_view backward_name = "IndexAddBackward0";
  using Base = IndexedSlices<Dim>;
  static constexpr Extents shape(const Extents& x, const Extents&, const Extents&) { return x; }
  static constexpr Text type_requirement(DType x, DType index, DType source) {
    if (x == source) return detail::index_type_requirement("index_add", index);
    return text("index_add: elements of ", to_string(source), " are not added to a tensor of ", to_string(x));
  }
  static constexpr Text requirement(const Extents& x, const Extents& index, const Extents& source) {
    const Text no = Base::index_requirement("index_add", x, index);
    if (!no.empty() || source == Base::selected(x, index)) return no;
    return text("index_add: the source has shape ", source, ", expected ", Base::selected(x, index));
  }
  template<class X, class I, class S>
  static void check(const typename I::scalar* index, Index) {
    Base::template check_index<X, I>("index_add", index);
  }
  template<class Out, class X, class I, class S>
  static void run(typename Out::scalar* out, const typename X::scalar* x, const typename I::scalar* index,
                  const typename S::scalar* source, Index batch, std::byte*) {
    check<X, I, S>(index, batch);
    std::copy_n(x, detail::elements(X::extents, batch), out);
    Base::template for_rows<X, I>(index, batch, [=](Index to, Index from, Index n) {
      for (Index i = 0; i < n; ++i)
        out[to + i] = static_cast<typename Out::scalar>(out[to + i] + source[from + i]);
    });
  }
  template<class G, class Y, class X, class I, class S>
  static constexpr auto vjp(G g, Y, X, I index, S) {
    return gradients(g, no_gradient, operation<IndexSelect<Dim>>{}(g, index));
  }
};

/// The slices that the index names, one after another.
template<Index Dim>
struct IndexSelect : IndexedSlices<Dim> {
  static constexpr std::string_view name = "IndexSelect";
  static constexpr std::string_view backward_name = "IndexSelectBackward0";
  using Base = IndexedSlices<Dim>;
  static constexpr Extents shape(const Extents& x, const Extents& index) { return Base::selected(x, index); }
  static constexpr Text type_requirement(DType, DType index) {
    return detail::index_type_requirement("index_select", index);
  }
  static constexpr Text requirement(const Extents& x, const Extents& index) {
    return Base::index_requirement("index_select", x, index);
  }
  template<class X, class I>
  static void check(const typename I::scalar* index, Index) {
    Base::template check_index<X, I>("index_select", index);
  }
  template<class Out, class X, class I>
  static void run(typename Out::scalar* out, const typename X::scalar* x, const typename I::scalar* index,
                  Index batch, std::byte*) {
    check<X, I>(index, batch);
    Base::template for_rows<X, I>(index, batch,
                                  [=](Index from, Index to, Index n) { std::copy_n(x + from, n, out + to); });
  }
  template<class G, class Y, class X, class I>
  static constexpr auto vjp(G g, Y, X, I index) {
    const auto none =
        operation<Expand<X::extents>>{}(detail::to_symbol<typename G::scalar, G::order>(g.builder, 0.0));
    return gradients(operation<IndexAdd<Dim>>{}(none, index, g), no_gradient);
  }
};

} // namespace ops

} // namespace stator::inline v0_2
