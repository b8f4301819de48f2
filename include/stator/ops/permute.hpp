// SPDX-License-Identifier: BSL-1.0
// permute and transpose: dimensions in another order, copied.
#pragma once

#include "stator/core/parallel.hpp"
#include "stator/ops/shapes.hpp"
#include "stator/trace/operation.hpp"

#include <algorithm>

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

  /// What the kernel runs through: the dimensions of the result, neighbours of x merged.
  struct Loops {
    std::size_t count = 0;
    std::array<Index, max_rank> extent{}, stride{};
  };
  static constexpr Loops loops(const Extents& x) {
    Loops l;
    for (std::size_t d = 0; d < rank; ++d) {
      const std::size_t from = order[d];
      if (x[from] == 1) continue;
      const Index stride = x.product(from + 1, x.rank);
      // The batch is one loop of its own: its extent is not known here.
      if (l.count > 0 && l.stride[l.count - 1] == stride * x[from] && l.extent[l.count - 1] != dynamic) {
        l.extent[l.count - 1] *= x[from];
        l.stride[l.count - 1] = stride;
      } else {
        l.extent[l.count] = x[from];
        l.stride[l.count] = stride;
        ++l.count;
      }
    }
    return l;
  }

  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte*) {
    static constexpr Loops l = loops(X::extents);
    static constexpr Index inside =
        X::extents.numel() / (l.count > 0 && l.extent[0] != dynamic ? l.extent[0] : 1);
    if constexpr (l.count == 0) {
      std::copy_n(x, X::extents.numel(), out);
    } else {
      const Index outer = l.extent[0] == dynamic ? batch : l.extent[0];
      parallel_for(outer, std::max<Index>((Index{1} << 15) / inside, 1), [&](Index first, Index last, int) {
        if constexpr (l.count == 1) {
          copy<l.stride[0]>(x + first * l.stride[0], last - first, out + first);
        } else {
          for (Index i = first; i < last; ++i) nest<Loops, &l, 1>(x + i * l.stride[0], out + i * inside);
        }
      });
    }
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

private:
  template<Index Stride, class T>
  static void copy(const T* from, Index count, T* to) {
    if constexpr (Stride == 1)
      std::copy_n(from, count, to);
    else
      for (Index i = 0; i < count; ++i) to[i] = from[i * Stride];
  }
  template<class L, const L* l, std::size_t D, class T>
  static T* nest(const T* from, T* to) {
    if constexpr (D + 1 == l->count) {
      copy<l->stride[D]>(from, l->extent[D], to);
      return to + l->extent[D];
    } else {
      for (Index i = 0; i < l->extent[D]; ++i) to = nest<L, l, D + 1>(from + i * l->stride[D], to);
      return to;
    }
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
