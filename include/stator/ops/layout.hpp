// SPDX-License-Identifier: BSL-1.0
// What consists of views, permutations and parts: reshape, unflatten, movedim, repeat, roll, rot90, diag,
// trace, sum_to_size, tensor_split; and tril and triu.
#pragma once

#include "stator/ops/permute.hpp"
#include "stator/ops/slicing.hpp"
#include "stator/ops/strided.hpp"
#include "stator/ops/view.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// The matrices of the last two dimensions with zeros above (Lower) or below the diagonal Offset.
template<bool Lower, Index Offset>
struct Triangle {
  static constexpr std::string_view name = Lower ? "Tril" : "Triu";
  static constexpr std::string_view backward_name = Lower ? "TrilBackward0" : "TriuBackward0";
  static constexpr Extents shape(const Extents& x) { return x; }
  static constexpr Text requirement(const Extents& x) {
    return detail::dims_requirement(Lower ? "tril" : "triu", x, {-2, -1});
  }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte*) {
    constexpr Index rows = X::extents[X::extents.rank - 2], columns = X::extents.back();
    for (Index k = detail::blocks<X>(X::extents.rank - 2, batch); k-- > 0;)
      for (Index r = 0; r < rows; ++r, x += columns, out += columns) {
        const Index edge = std::clamp<Index>(r + Offset + (Lower ? 1 : 0), 0, columns);
        std::fill_n(out + (Lower ? edge : 0), Lower ? columns - edge : edge, typename Out::scalar{});
        std::copy_n(x + (Lower ? 0 : edge), Lower ? edge : columns - edge, out + (Lower ? 0 : edge));
      }
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(operation<Triangle>{}(g));
  }
};

/// One dimension seen as several; one of them may be -1.
template<Index Dim, Index... E>
struct Unflatten {
  static constexpr std::string_view name = "Unflatten";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    constexpr std::size_t dim = wrap(Dim, X::extents.rank);
    static_assert(dim < X::extents.rank, "stator: unflatten: there is no such dimension");
    constexpr Extents to = [] {
      const Extents parts = infer_view(Extents(X::extents[dim]), Extents(E...));
      Extents e;
      for (std::size_t d = 0; d < dim; ++d) e.push_back(X::extents[d]);
      for (std::size_t d = 0; d < parts.rank; ++d) e.push_back(parts[d]);
      for (std::size_t d = dim + 1; d < X::extents.rank; ++d) e.push_back(X::extents[d]);
      return e;
    }();
    return operation<Reshape<to>>{}(x);
  }
};

/// Dimension From at the place To, the others in their order.
template<Index From, Index To>
struct Movedim {
  static constexpr std::string_view name = "Movedim";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    constexpr std::size_t rank = X::extents.rank, from = wrap(From, rank), to = wrap(To, rank);
    static_assert(from < rank && to < rank, "stator: movedim: there is no such dimension");
    constexpr auto source = [](std::size_t d) {
      if (d == to) return static_cast<Index>(from);
      const std::size_t other = d < to ? d : d - 1; // its number among those that are not moved
      return static_cast<Index>(other < from ? other : other + 1);
    };
    return [&]<std::size_t... D>(std::index_sequence<D...>) {
      return operation<Permute<source(D)...>>{}(x);
    }(std::make_index_sequence<rank>{});
  }
};

/// Every element Times times in a row along a dimension, without one along all as if they were in one row.
template<Index Times, Index... Dim>
struct RepeatInterleave {
  static constexpr std::string_view name = "RepeatInterleave";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    if constexpr (sizeof...(Dim) == 0) {
      return operation<Repeat<true, Times>>{}(operation<View<-1>>{}(x));
    } else {
      constexpr std::size_t rank = X::extents.rank, dim = wrap((Dim + ...), rank);
      static_assert(dim < rank, "stator: repeat_interleave: there is no such dimension");
      return [&]<std::size_t... D>(std::index_sequence<D...>) {
        return operation<Repeat<true, (D == dim ? Times : 1)...>>{}(x);
      }(std::make_index_sequence<rank>{});
    }
  }
};

/// x moved along a dimension by Shift places, what leaves it enters at its other end; without a dimension as
/// if all were in one row.
template<Index Shift, Index... Dim>
struct Roll {
  static constexpr std::string_view name = "Roll";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    if constexpr (sizeof...(Dim) == 0) {
      return reshape_to<X::extents>(operation<Roll<Shift, 0>>{}(operation<View<-1>>{}(x)));
    } else {
      constexpr Index dim = (Dim + ...), n = X::extents[wrap(dim, X::extents.rank)];
      constexpr Index by = n > 0 ? (Shift % n + n) % n : 0;
      if constexpr (by == 0)
        return x;
      else
        return operation<Cat<dim>>{}(operation<Narrow<dim, n - by, by>>{}(x),
                                     operation<Narrow<dim, 0, n - by>>{}(x));
    }
  }
};

/// x turned by Turns times 90 degrees, from dimension D1 towards D2.
template<Index Turns, Index D1, Index D2>
struct Rot90 {
  static constexpr std::string_view name = "Rot90";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    constexpr Index turns = (Turns % 4 + 4) % 4;
    if constexpr (turns == 0)
      return x;
    else if constexpr (turns == 1)
      return operation<Transpose<D1, D2>>{}(operation<Flip<D2>>{}(x));
    else if constexpr (turns == 2)
      return operation<Flip<D1, D2>>{}(x);
    else
      return operation<Flip<D2>>{}(operation<Transpose<D1, D2>>{}(x));
  }
};

/// Matrices in the dimensions D1 and D2 of the result that are zero but for a diagonal, the last dimension of
/// x.
template<Index Offset, Index D1, Index D2>
struct DiagEmbed {
  static constexpr std::string_view name = "DiagEmbed";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    constexpr Extents to = [] {
      const std::size_t rank = X::extents.rank + 1;
      const Index n = X::extents.back() + (Offset < 0 ? -Offset : Offset);
      Extents e;
      for (std::size_t d = 0, from = 0; d < rank; ++d)
        e.push_back(d == wrap(D1, rank) || d == wrap(D2, rank) ? n : X::extents[from++]);
      return e;
    }();
    return operation<StridedBackward<Diagonal<Offset, D1, D2>, to>>{}(x);
  }
};

/// Of a matrix a diagonal, of a vector the matrix that has it.
template<Index Offset>
struct Diag {
  static constexpr std::string_view name = "Diag";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    if constexpr (X::extents.rank == 1) {
      return operation<DiagEmbed<Offset, 0, 1>>{}(x);
    } else {
      static_assert(X::extents.rank == 2, "stator: diag: expected a vector or a matrix");
      return operation<Diagonal<Offset, 0, 1>>{}(x);
    }
  }
};

/// The matrix with all elements of x on a diagonal.
template<Index Offset>
struct Diagflat {
  static constexpr std::string_view name = "Diagflat";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    return operation<DiagEmbed<Offset, 0, 1>>{}(operation<View<-1>>{}(x));
  }
};

/// The sum of the diagonal of a matrix.
struct Trace {
  static constexpr std::string_view name = "Trace";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    static_assert(X::extents.rank == 2, "stator: trace: expected a matrix");
    return operation<Sum<false>>{}(operation<Diagonal<0, 0, 1>>{}(x));
  }
};

/// x summed to extents that broadcast to its own.
template<Index... E>
struct SumToSize {
  static constexpr std::string_view name = "SumToSize";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    static_assert(broadcast(Extents(E...), X::extents) == X::extents,
                  "stator: sum_to_size: these extents do not expand to those of the operand");
    return sum_to<Typed<typename X::scalar, Shape<E...>>>(x);
  }
};

} // namespace ops

/// `reshape<-1, 6>(x)`: the same elements under other extents, one of which may be -1; torch.reshape.
template<Index... E>
inline constexpr operation<ops::View<E...>> reshape;
/// `unflatten<1, 2, -1>(x)`: dimension 1 seen as two; torch.Tensor.unflatten.
template<Index Dim, Index... E>
inline constexpr operation<ops::Unflatten<Dim, E...>> unflatten;
/// `movedim<From, To>(x)`: one dimension at another place; torch.movedim. Several at once: `permute`.
template<Index From, Index To>
inline constexpr operation<ops::Movedim<From, To>> movedim;
/// `repeat<2, 3>(x)`: x twice along the last dimension but one, three times along the last;
/// torch.Tensor.repeat.
template<Index... Times>
inline constexpr operation<ops::Repeat<false, Times...>> repeat;
/// `repeat_interleave<Times, Dim>(x)`: every element of a dimension Times times in a row; without Dim all
/// elements as if they were in one row. torch.repeat_interleave.
template<Index Times, Index... Dim>
inline constexpr operation<ops::RepeatInterleave<Times, Dim...>> repeat_interleave;
/// `roll<Shift, Dim>(x)`: elements moved along a dimension, round its end; without Dim as if all were in one
/// row. torch.roll.
template<Index Shift, Index... Dim>
inline constexpr operation<ops::Roll<Shift, Dim...>> roll;
/// `rot90<Turns, D1, D2>(x)`: turned from dimension D1 towards D2; torch.rot90.
template<Index Turns = 1, Index D1 = 0, Index D2 = 1>
inline constexpr operation<ops::Rot90<Turns, D1, D2>> rot90;
/// `tril<Offset>(x)`: x [..., m, n] with zeros above a diagonal; torch.tril.
template<Index Offset = 0>
inline constexpr operation<ops::Triangle<true, Offset>> tril;
/// `triu<Offset>(x)`: x [..., m, n] with zeros below a diagonal; torch.triu.
template<Index Offset = 0>
inline constexpr operation<ops::Triangle<false, Offset>> triu;
/// `diag<Offset>(x)`: a diagonal of a matrix, or the matrix with this diagonal; torch.diag.
template<Index Offset = 0>
inline constexpr operation<ops::Diag<Offset>> diag;
/// `diag_embed<Offset, D1, D2>(x)`: x [..., n] as diagonals of matrices in the dimensions D1 and D2 of the
/// result; torch.diag_embed.
template<Index Offset = 0, Index D1 = -2, Index D2 = -1>
inline constexpr operation<ops::DiagEmbed<Offset, D1, D2>> diag_embed;
/// `diagflat<Offset>(x)`: the matrix with all elements of x on a diagonal; torch.diagflat.
template<Index Offset = 0>
inline constexpr operation<ops::Diagflat<Offset>> diagflat;
/// torch.trace: the sum of the diagonal of x [m, n].
inline constexpr operation<ops::Trace> trace;
/// `sum_to_size<3, 1>(x)`: summed to extents that expand to those of x; torch.Tensor.sum_to_size.
template<Index... E>
inline constexpr operation<ops::SumToSize<E...>> sum_to_size;

/// x cut along a dimension into Count pieces as a tuple, the first ones longer by one where it does not
/// divide; torch.tensor_split.
template<std::size_t Count, Index Dim = 0, Operand X>
constexpr auto tensor_split(X&& operand) {
  constexpr Extents extents = detail::operand_typed<std::remove_cvref_t<X>>::type::extents;
  constexpr Index all = extents[ops::wrap(Dim, extents.rank)], count = static_cast<Index>(Count);
  decltype(auto) x = ops::detail::reusable(std::forward<X>(operand));
  constexpr auto start = [](std::size_t k) {
    const auto i = static_cast<Index>(k);
    return i * (all / count) + std::min(i, all % count);
  };
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::tuple(narrow<Dim, start(I), start(I + 1) - start(I)>(x)...);
  }(std::make_index_sequence<Count>{});
}
/// x cut into Count equal pieces along dimension 1, a vector along its only one; torch.hsplit.
template<std::size_t Count, Operand X>
constexpr auto hsplit(X&& x) {
  constexpr std::size_t rank = detail::operand_typed<std::remove_cvref_t<X>>::type::extents.rank;
  return chunk < Count, rank == 1 ? 0 : 1 > (std::forward<X>(x));
}
/// x cut into Count equal pieces along dimension 0; torch.vsplit.
template<std::size_t Count, Operand X>
constexpr auto vsplit(X&& x) {
  return chunk<Count, 0>(std::forward<X>(x));
}
/// x cut into Count equal pieces along dimension 2; torch.dsplit.
template<std::size_t Count, Operand X>
constexpr auto dsplit(X&& x) {
  return chunk<Count, 2>(std::forward<X>(x));
}

} // namespace stator::inline v0_2
