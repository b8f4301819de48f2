// SPDX-License-Identifier: BSL-1.0
// view and flatten: the same elements under another shape, no copy.
#pragma once

#include "stator/ops/reduce.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// The extents E with its -1 replaced by what is left of `x`; a batch stays a batch.
constexpr Extents infer_view(const Extents& x, Extents e) {
  if (x.is_dynamic()) {
    // The leading extent is the batch, whether written as -1 or as the operand's own.
    if (e.rank > 0 && e[0] == -1) {
      e[0] = dynamic;
      return e;
    }
  }
  Index known = 1;
  std::size_t open = max_rank;
  for (std::size_t d = 0; d < e.rank; ++d)
    if (e[d] == -1)
      open = d;
    else
      known *= e[d];
  if (open < max_rank && known > 0) e[open] = x.numel() / known;
  return e;
}

/// torch.Tensor.view. One extent may be -1; for a dynamic batch it is the leading one.
template<Index... E>
struct View {
  static constexpr std::string_view name = "View";
  static constexpr std::string_view backward_name = "ViewBackward0";
  static constexpr bool is_view = true;
  static constexpr Extents shape(const Extents& x) { return infer_view(x, Extents(E...)); }
  static constexpr Text requirement(const Extents& x) {
    const Extents to = shape(x);
    if (x.numel() == to.numel() && x.is_dynamic() == to.is_dynamic()) return {};
    const Text no = text("view: a tensor of shape ", x, " cannot be seen as ", Extents(E...));
    if (!x.is_dynamic()) return no;
    return text(no, ": a batch that is known only when the program runs stays a dimension of its own");
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(reshape_to<X::extents>(g));
  }
};

/// torch.flatten(x, Start, End): merges the dimensions Start to End, both included.
template<Index Start, Index End>
struct Flatten {
  static constexpr std::string_view name = "Flatten";
  static constexpr std::string_view backward_name = "ReshapeAliasBackward0";
  static constexpr bool is_view = true;
  static constexpr Extents shape(const Extents& x) {
    const std::size_t first = wrap(Start, x.rank), last = wrap(End, x.rank);
    Extents result;
    for (std::size_t d = 0; d < first; ++d) result.push_back(x[d]);
    result.push_back(first == 0 && x.is_dynamic() && last == 0 ? dynamic : x.product(first, last + 1));
    for (std::size_t d = last + 1; d < x.rank; ++d) result.push_back(x[d]);
    return result;
  }
  static constexpr Text requirement(const Extents& x) {
    if (wrap(Start, x.rank) > wrap(End, x.rank) || wrap(End, x.rank) >= x.rank)
      return text("flatten: dimensions ", Start, " to ", End, " are not in a tensor of shape ", x);
    if (x.is_dynamic() && wrap(Start, x.rank) == 0 && x.rank > 1)
      return text("flatten: the batch of ", x, " is known only at run time: flatten from dimension 1 on");
    return {};
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(reshape_to<X::extents>(g));
  }
};

/// The first elements of a value that is laid out as its kernel wants, as a tensor of shape E; no copy.
template<Extents E>
struct Beginning {
  static constexpr std::string_view name = "Slice";
  static constexpr std::string_view backward_name = "SliceBackward0";
  static constexpr bool is_view = true;
  static constexpr Extents shape(const Extents&) { return E; }
};

} // namespace ops

/// `view<-1, 784>(x)`: torch.Tensor.view.
template<Index... E>
inline constexpr operation<ops::View<E...>> view;

/// `flatten<1>(x)`: torch.flatten(x, 1).
template<Index Start = 0, Index End = -1>
inline constexpr operation<ops::Flatten<Start, End>> flatten;

} // namespace stator::inline v0_2
