// SPDX-License-Identifier: BSL-1.0
// Elements at other places: flip, repeat, tile, repeat_interleave, diagonal, unfold, their derivatives, and
// the same places overwritten: select_scatter, slice_scatter, diagonal_scatter. Each operation says where the
// elements of its result stand in its operand; the dimension that is rearranged is never a dynamic batch.
#pragma once

#include "stator/kernel/strided.hpp"
#include "stator/ops/reduce.hpp"

namespace stator::inline v0_2 {

namespace ops {

namespace detail {
/// Elements of a tensor with these extents.
constexpr Index elements(const Extents& e, Index batch) { return e.numel() * (e.is_dynamic() ? batch : 1); }
/// Loops over x in its own order.
constexpr kernel::StridedLoops in_order(const Extents& x) {
  kernel::StridedLoops l;
  for (std::size_t d = 0; d < x.rank; ++d) l.push_back(x[d], x.product(d + 1, x.rank));
  return l;
}
/// Why one of these dimensions of x cannot be taken.
constexpr Text dims_requirement(std::string_view name, const Extents& x, std::initializer_list<Index> dims) {
  for (const Index d : dims)
    if (const Text no = static_dim_requirement(name, d, x); !no.empty()) return no;
  return {};
}
} // namespace detail

/// Adds each element of the operand to the place in a tensor of extents Of, otherwise zero, from where Map
/// takes it: the derivative of Strided<Map>, and what puts a vector on a diagonal.
template<class Map, Extents Of>
struct StridedBackward {
  static constexpr std::string_view name = Map::scattered_name;
  static constexpr Extents shape(const Extents&) { return Of; }
  template<class Out, class G>
  static void accumulate(typename Out::scalar* dx, const typename G::scalar* g, Index batch, std::byte*) {
    static constexpr kernel::StridedLoops loops = Map::loops(Of).merged();
    using T = typename Out::scalar;
    kernel::for_strided(loops, batch, dx, [g](T& to, Index i) {
      if constexpr (std::is_same_v<T, bool>)
        to = g[i];
      else
        to = static_cast<T>(to + g[i]);
    });
  }
  template<class Out, class G>
  static void run(typename Out::scalar* dx, const typename G::scalar* g, Index batch, std::byte* scratch) {
    std::fill_n(dx, detail::elements(Of, batch), typename Out::scalar{});
    accumulate<Out, G>(dx, g, batch, scratch);
  }
  template<class GG, class Y, class G>
  static constexpr auto vjp(GG g, Y, G) {
    return gradients(operation<Map>{}(g));
  }
};

/// A base of operations whose result is elements of the operand, at the places that `Map::loops` gives. Map
/// has name, backward_name, scattered_name, requirement, loops(x), and shape(x) with as many elements.
template<class Map>
struct Strided {
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte*) {
    static constexpr kernel::StridedLoops loops = Map::loops(X::extents).merged();
    kernel::strided_copy(loops, batch, x, out);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(operation<StridedBackward<Map, X::extents>>{}(g));
  }
};

/// x with zeros where Map takes elements from: the derivative of overwriting them.
template<class Map>
struct StridedZero {
  static constexpr std::string_view name = "StridedZero";
  static constexpr Extents shape(const Extents& x) { return x; }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte*) {
    static constexpr kernel::StridedLoops loops = Map::loops(X::extents).merged();
    using T = typename Out::scalar;
    std::copy_n(x, detail::elements(X::extents, batch), out);
    kernel::for_strided(loops, batch, out, [](T& to, Index) { to = T{}; });
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(operation<StridedZero>{}(g));
  }
};

/// x with the elements that Map takes replaced by those of a second operand.
template<class Map>
struct StridedAssign {
  static constexpr std::string_view name = Map::assigned_name;
  static constexpr std::string_view backward_name = Map::assigned_backward_name;
  static constexpr Promotion promotion = Promotion::common;
  static constexpr Extents shape(const Extents& x, const Extents&) { return x; }
  static constexpr Text requirement(const Extents& x, const Extents& source) {
    Text no = Map::requirement(x);
    if (!no.empty() || Map::shape(x) == source) return no;
    return text(name, ": the second operand has shape ", source, ", expected ", Map::shape(x));
  }
  template<class Out, class X, class S>
  static void run(typename Out::scalar* out, const typename X::scalar* x, const typename S::scalar* source,
                  Index batch, std::byte*) {
    static constexpr kernel::StridedLoops loops = Map::loops(X::extents).merged();
    using T = typename Out::scalar;
    std::copy_n(x, detail::elements(X::extents, batch), out);
    kernel::for_strided(loops, batch, out, [source](T& to, Index i) { to = source[i]; });
  }
  template<class G, class Y, class X, class S>
  static constexpr auto vjp(G g, Y, X, S) {
    return gradients(operation<StridedZero<Map>>{}(g), operation<Map>{}(g));
  }
};

/// The dimensions Dims in reverse.
template<Index... Dims>
struct Flip : Strided<Flip<Dims...>> {
  static constexpr std::string_view name = "Flip";
  static constexpr std::string_view backward_name = "FlipBackward0";
  static constexpr std::string_view scattered_name = "FlipBackward";
  static constexpr Extents shape(const Extents& x) { return x; }
  static constexpr Text requirement(const Extents& x) {
    return detail::dims_requirement("flip", x, {Dims...});
  }
  static constexpr kernel::StridedLoops loops(const Extents& x) {
    kernel::StridedLoops l = detail::in_order(x);
    for (const Index dim : {Dims...}) {
      const std::size_t d = wrap(dim, x.rank);
      l.offset += l.step[d] * (x[d] - 1);
      l.step[d] = -l.step[d];
    }
    return l;
  }
};

/// x as often along each dimension as Times says; Each: every element that often, otherwise the whole. With
/// fewer numbers than dimensions those on the left are one, with fewer dimensions these are.
template<bool Each, Index... Times>
struct Repeat : Strided<Repeat<Each, Times...>> {
  static constexpr std::string_view name = Each ? "RepeatInterleave" : "Repeat";
  static constexpr std::string_view backward_name = Each ? "IndexSelectBackward0" : "RepeatBackward0";
  static constexpr std::string_view scattered_name = "RepeatBackward";
  static constexpr Extents times{Times...};
  static constexpr Extents shape(const Extents& x) {
    Extents e;
    e.rank = std::max(x.rank, times.rank);
    for (std::size_t d = 0; d < e.rank; ++d) {
      const Index n = from_right(x, d), t = from_right(times, d);
      e[e.rank - 1 - d] = n == dynamic ? dynamic : n * t;
    }
    return e;
  }
  static constexpr Text requirement(const Extents& x) {
    constexpr std::string_view called = Each ? "repeat_interleave" : "repeat";
    for (std::size_t d = 0; d < times.rank; ++d)
      if (times[d] < 0) return text(called, ": ", times, " is less than no times");
    if (x.is_dynamic() && (times.rank > x.rank || from_right(times, x.rank - 1) != 1))
      return text(called, ": the batch of ", x, " is known only at run time, it cannot be repeated");
    return {};
  }
  static constexpr kernel::StridedLoops loops(const Extents& x) {
    kernel::StridedLoops l;
    for (std::size_t d = std::max(x.rank, times.rank); d-- > 0;) {
      const Index n = from_right(x, d), t = from_right(times, d);
      const Index step = d < x.rank ? x.product(x.rank - d, x.rank) : 1;
      if (!Each && t != 1) l.push_back(t, 0);
      l.push_back(n, step);
      if (Each && t != 1) l.push_back(t, 0);
    }
    return l;
  }
};

/// The elements of the matrices of dimensions D1 and D2 whose column is Offset more than their row, as a last
/// dimension; these two disappear.
template<Index Offset, Index D1, Index D2>
struct Diagonal : Strided<Diagonal<Offset, D1, D2>> {
  static constexpr std::string_view name = "Diagonal";
  static constexpr std::string_view backward_name = "DiagonalBackward0";
  static constexpr std::string_view scattered_name = "DiagEmbed";
  static constexpr std::string_view assigned_name = "diagonal_scatter";
  static constexpr std::string_view assigned_backward_name = "DiagonalScatterBackward0";
  static constexpr Index length(const Extents& x) {
    const Index rows = x[wrap(D1, x.rank)], columns = x[wrap(D2, x.rank)];
    return std::max<Index>(Offset < 0 ? std::min(rows + Offset, columns) : std::min(rows, columns - Offset),
                           0);
  }
  static constexpr Extents shape(const Extents& x) {
    Extents e = reduced(x, dim_mask(x.rank, {D1, D2}), false);
    e.push_back(length(x));
    return e;
  }
  static constexpr Text requirement(const Extents& x) {
    const Text no = detail::dims_requirement("diagonal", x, {D1, D2});
    if (!no.empty() || wrap(D1, x.rank) != wrap(D2, x.rank)) return no;
    return text("diagonal: the two dimensions ", D1, " and ", D2, " of ", x, " are the same");
  }
  static constexpr kernel::StridedLoops loops(const Extents& x) {
    const kernel::StridedLoops all = detail::in_order(x);
    const std::size_t rows = wrap(D1, x.rank), columns = wrap(D2, x.rank);
    kernel::StridedLoops l;
    for (std::size_t d = 0; d < x.rank; ++d)
      if (d != rows && d != columns) l.push_back(x[d], all.step[d]);
    l.push_back(length(x), all.step[rows] + all.step[columns]);
    if (length(x) > 0) l.offset = Offset < 0 ? -Offset * all.step[rows] : Offset * all.step[columns];
    return l;
  }
};

/// A dimension cut into windows of Size elements, Step apart; they become a last dimension.
template<Index Dim, Index Size, Index Step>
struct Windows : Strided<Windows<Dim, Size, Step>> {
  static constexpr std::string_view name = "Unfold";
  static constexpr std::string_view backward_name = "UnfoldBackward0";
  static constexpr std::string_view scattered_name = "UnfoldBackward";
  static constexpr Extents shape(const Extents& x) {
    Extents e = x;
    Index& n = e[wrap(Dim, x.rank)];
    n = (n - Size) / Step + 1;
    e.push_back(Size);
    return e;
  }
  static constexpr Text requirement(const Extents& x) {
    Text no = static_dim_requirement("unfold", Dim, x);
    if (!no.empty()) return no;
    if (Size < 0 || Step < 1 || Size > x[wrap(Dim, x.rank)])
      return text("unfold: windows of ", Size, " elements, ", Step, " apart, are not in dimension ", Dim,
                  " of ", x);
    if (x.rank == max_rank) return text("unfold: ", x, " has no room for another dimension");
    return {};
  }
  static constexpr kernel::StridedLoops loops(const Extents& x) {
    kernel::StridedLoops l = detail::in_order(x);
    const std::size_t dim = wrap(Dim, x.rank);
    const Index step = l.step[dim];
    l.extent[dim] = shape(x)[dim];
    l.step[dim] *= Step;
    l.push_back(Size, step);
    return l;
  }
};

/// Elements Start, Start + Step, ... before End of dimension Dim, in which negative bounds count from the end
/// and those that are too large mean the end; One: a single element, whose dimension disappears.
template<bool One, Index Dim, Index Start, Index End, Index Step>
struct Part : Strided<Part<One, Dim, Start, End, Step>> {
  static constexpr std::string_view name = One ? "Select" : "Slice";
  static constexpr std::string_view backward_name = One ? "SelectBackward0" : "SliceBackward0";
  static constexpr std::string_view scattered_name = "SliceBackward";
  static constexpr std::string_view assigned_name = One ? "select_scatter" : "slice_scatter";
  static constexpr std::string_view assigned_backward_name =
      One ? "SelectScatterBackward0" : "SliceScatterBackward0";
  static constexpr Index bound(Index at, Index n) { return std::clamp<Index>(at < 0 ? at + n : at, 0, n); }
  static constexpr Index length(Index n) {
    if (One) return 1;
    return std::max<Index>((bound(End, n) - bound(Start, n) + Step - 1) / Step, 0);
  }
  static constexpr Extents shape(const Extents& x) {
    const std::size_t dim = wrap(Dim, x.rank);
    Extents e = x;
    e[dim] = length(x[dim]);
    return One ? reduced(e, 1u << dim, false) : e;
  }
  static constexpr Text requirement(const Extents& x) {
    Text no = static_dim_requirement(assigned_name, Dim, x);
    if (!no.empty()) return no;
    const Index n = x[wrap(Dim, x.rank)];
    if (Step < 1) return text(assigned_name, ": the step is ", Step, ", expected at least 1");
    if (One && (Start < -n || Start >= n))
      return text(assigned_name, ": element ", Start, " is not in dimension ", Dim, " of ", x);
    return {};
  }
  static constexpr kernel::StridedLoops loops(const Extents& x) {
    kernel::StridedLoops l = detail::in_order(x);
    const std::size_t dim = wrap(Dim, x.rank);
    l.extent[dim] = length(x[dim]);
    l.offset = bound(Start, x[dim]) * l.step[dim];
    l.step[dim] *= Step;
    return l;
  }
};

} // namespace ops

/// `flip<0, 2>(x)`: these dimensions in reverse; torch.flip.
template<Index... Dims>
inline constexpr operation<ops::Flip<Dims...>> flip;
/// torch.fliplr: x [m, n, ...], dimension 1 in reverse.
inline constexpr operation<ops::Flip<1>> fliplr;
/// torch.flipud: x [n, ...], dimension 0 in reverse.
inline constexpr operation<ops::Flip<0>> flipud;
/// `tile<2, 3>(x)`: x twice along the last dimension but one, three times along the last; torch.tile.
template<Index... Times>
inline constexpr operation<ops::Repeat<false, Times...>> tile;
/// `diagonal<Offset, D1, D2>(x)`: the elements of dimensions D1 and D2 whose second index is Offset more than
/// the first, as a last dimension; torch.diagonal.
template<Index Offset = 0, Index D1 = 0, Index D2 = 1>
inline constexpr operation<ops::Diagonal<Offset, D1, D2>> diagonal;
/// `diagonal_scatter<Offset, D1, D2>(x, source)`: x with that diagonal replaced; torch.diagonal_scatter.
template<Index Offset = 0, Index D1 = 0, Index D2 = 1>
inline constexpr operation<ops::StridedAssign<ops::Diagonal<Offset, D1, D2>>> diagonal_scatter;
/// `select_scatter<Dim, At>(x, source)`: x with element At of a dimension replaced; torch.select_scatter.
template<Index Dim, Index At>
inline constexpr operation<ops::StridedAssign<ops::Part<true, Dim, At, At, 1>>> select_scatter;
/// `slice_scatter<Dim, Start, End, Step>(x, source)`: x with the elements Start, Start + Step, ... before End
/// replaced; torch.slice_scatter.
template<Index Dim = 0, Index Start = 0, Index End = std::numeric_limits<Index>::max(), Index Step = 1>
inline constexpr operation<ops::StridedAssign<ops::Part<false, Dim, Start, End, Step>>> slice_scatter;
/// `unfold<Dim, Size, Step>(x)`: windows of Size elements, Step apart, as a last dimension;
/// torch.Tensor.unfold.
template<Index Dim, Index Size, Index Step>
inline constexpr operation<ops::Windows<Dim, Size, Step>> unfold;

} // namespace stator::inline v0_2
