// SPDX-License-Identifier: BSL-1.0
// Parts of tensors and tensors from parts: narrow, select, slice, chunk, split, unbind, cat, stack, squeeze,
// unsqueeze. The dimension that is cut or joined is never a dynamic batch.
#pragma once

#include "stator/ops/piped.hpp"
#include "stator/ops/reduce.hpp"

#include <algorithm>

namespace stator::inline v0_2 {

namespace ops {

namespace detail {
/// Blocks before dimension `dim` of X, the batch included.
template<class X>
Index blocks(std::size_t dim, Index batch) {
  return X::extents.product(0, dim) * (X::extents.is_dynamic() ? batch : 1);
}
/// Calls `copy(i)` for each block of a tensor of type All, several at a time where that is much to copy.
template<class All, class Copy>
void for_blocks(std::size_t dim, Index batch, const Copy& copy) {
  constexpr Index enough = Index{1} << 15;
  const Index count = blocks<All>(dim, batch);
  if constexpr (All::extents.is_dynamic() || All::extents.numel() > enough) {
    const Index elements = std::max<Index>(All::extents.product(dim, All::extents.rank), 1);
    parallel_for(count, count * elements > enough ? std::max<Index>(enough / 4 / elements, 1) : count,
                 [&](Index first, Index last, int) {
                   for (Index i = first; i < last; ++i) copy(i);
                 });
  } else {
    for (Index i = 0; i < count; ++i) copy(i);
  }
}
} // namespace detail

template<Index Dim, Index Start, Index Length>
struct Narrow;

/// Zeros around x along a dimension: the derivative of narrow.
template<Index Dim, Index Before, Index After>
struct ZeroAround {
  static constexpr std::string_view name = "SliceBackward";
  static constexpr Extents shape(const Extents& x) {
    Extents e = x;
    e[wrap(Dim, x.rank)] += Before + After;
    return e;
  }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte*) {
    constexpr std::size_t dim = wrap(Dim, X::extents.rank);
    constexpr Index inner = X::extents.product(dim + 1, X::extents.rank), row = X::extents[dim] * inner;
    constexpr Index block = row + (Before + After) * inner;
    detail::for_blocks<Out>(dim, batch, [&](Index i) {
      auto* to = std::fill_n(out + i * block, Before * inner, typename Out::scalar{});
      to = std::copy_n(x + i * row, row, to);
      std::fill_n(to, After * inner, typename Out::scalar{});
    });
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(operation<Narrow<Dim, Before, X::extents[wrap(Dim, X::extents.rank)]>>{}(g));
  }
};

/// Length elements of dimension Dim from Start on.
template<Index Dim, Index Start, Index Length>
struct Narrow {
  static constexpr std::string_view name = "Slice";
  static constexpr std::string_view backward_name = "SliceBackward0";
  static constexpr Extents shape(const Extents& x) {
    Extents e = x;
    e[wrap(Dim, x.rank)] = Length;
    return e;
  }
  static constexpr Index begin(const Extents& x) { return Start < 0 ? Start + x[wrap(Dim, x.rank)] : Start; }
  static constexpr Text requirement(const Extents& x) {
    Text no = static_dim_requirement("narrow", Dim, x);
    if (!no.empty()) return no;
    if (begin(x) >= 0 && Length >= 0 && begin(x) + Length <= x[wrap(Dim, x.rank)]) return {};
    return text("narrow: elements ", Start, " to ", Start + Length, " are not in dimension ", Dim, " of ", x);
  }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte*) {
    constexpr std::size_t dim = wrap(Dim, X::extents.rank);
    constexpr Index inner = X::extents.product(dim + 1, X::extents.rank);
    constexpr Index block = Length * inner;
    detail::for_blocks<Out>(dim, batch, [&](Index i) {
      std::copy_n(x + (i * X::extents[dim] + begin(X::extents)) * inner, block, out + i * block);
    });
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    constexpr Index first = begin(X::extents), all = X::extents[wrap(Dim, X::extents.rank)];
    return gradients(operation<ZeroAround<Dim, first, all - first - Length>>{}(g));
  }
};

/// One element of dimension Dim, which disappears.
template<Index Dim, Index At>
struct Select {
  static constexpr std::string_view name = "Select";
  static constexpr std::string_view backward_name = "SelectBackward0";
  using Base = Narrow<Dim, At, 1>;
  static constexpr Extents shape(const Extents& x) { return reduced(x, 1u << wrap(Dim, x.rank), false); }
  static constexpr Text requirement(const Extents& x) { return Base::requirement(x); }
  template<class Out, class X>
  static void run(typename Out::scalar* out, const typename X::scalar* x, Index batch, std::byte* scratch) {
    Base::template run<Out, X>(out, x, batch, scratch);
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y y, X x) {
    constexpr Extents kept = Base::shape(X::extents);
    return Base::vjp(reshape_to<kept>(g), y, x);
  }
};

/// Tensors one after another along dimension Dim.
template<Index Dim>
struct Cat {
  static constexpr std::string_view name = "Cat";
  static constexpr std::string_view backward_name = "CatBackward0";
  static constexpr Promotion promotion = Promotion::common;
  static constexpr Extents shape(const Extents& first, const auto&... rest) {
    Extents e = first;
    [[maybe_unused]] const std::size_t dim = wrap(Dim, e.rank);
    ((e[dim] += rest[dim]), ...);
    return e;
  }
  static constexpr Text requirement(const Extents& first, const auto&... rest) {
    Text no = static_dim_requirement("cat", Dim, first);
    [[maybe_unused]] const auto look = [&](const Extents& e) {
      bool fits = e.rank == first.rank;
      for (std::size_t d = 0; fits && d < e.rank; ++d) fits = e[d] == first[d] || d == wrap(Dim, e.rank);
      if (!fits && no.empty()) no = text("cat: ", first, " and ", e, " differ in more than dimension ", Dim);
    };
    (look(rest), ...);
    return no;
  }
  template<class Out, class... X>
  static void run(typename Out::scalar* out, const typename X::scalar*... x, Index batch, std::byte*) {
    constexpr std::size_t dim = wrap(Dim, Out::extents.rank);
    detail::for_blocks<Out>(dim, batch, [&](Index i) {
      auto* to = out + i * Out::extents.product(dim, Out::extents.rank);
      ((to = std::copy_n(x + i * X::extents.product(dim, X::extents.rank),
                         X::extents.product(dim, X::extents.rank), to)),
       ...);
    });
  }
  template<class G, class Y, class... X>
  static constexpr auto vjp(G g, Y, X...) {
    constexpr std::size_t dim = wrap(Dim, G::extents.rank);
    constexpr std::array<Index, sizeof...(X)> lengths{X::extents[dim]...};
    constexpr auto starts = [lengths](std::size_t k) {
      Index s = 0;
      for (std::size_t i = 0; i < k; ++i) s += lengths[i];
      return s;
    };
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return gradients(operation<Narrow<Dim, starts(I), lengths[I]>>{}(g)...);
    }(std::index_sequence_for<X...>{});
  }
};

/// An extent of one before dimension Dim.
template<Index Dim>
struct Unsqueeze {
  static constexpr std::string_view name = "Unsqueeze";
  static constexpr std::string_view backward_name = "UnsqueezeBackward0";
  static constexpr bool is_view = true;
  static constexpr Extents shape(const Extents& x) {
    const std::size_t dim = wrap(Dim, x.rank + 1);
    Extents e;
    for (std::size_t d = 0; d <= x.rank; ++d) e.push_back(d < dim ? x[d] : d == dim ? 1 : x[d - 1]);
    return e;
  }
  static constexpr Text requirement(const Extents& x) {
    if (x.is_dynamic() && wrap(Dim, x.rank + 1) == 0)
      return text("unsqueeze: the batch of ", x, " must stay the leading dimension");
    if (wrap(Dim, x.rank + 1) > x.rank) return text("unsqueeze: ", x, " has no dimension ", Dim);
    return {};
  }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(reshape_to<X::extents>(g));
  }
};

/// Dimension Dim, which has extent one, removed.
template<Index Dim>
struct Squeeze {
  static constexpr std::string_view name = "Squeeze";
  static constexpr std::string_view backward_name = "SqueezeBackward1";
  static constexpr bool is_view = true;
  static constexpr Extents shape(const Extents& x) {
    return x[wrap(Dim, x.rank)] == 1 ? reduced(x, 1u << wrap(Dim, x.rank), false) : x;
  }
  static constexpr Text requirement(const Extents& x) { return static_dim_requirement("squeeze", Dim, x); }
  template<class G, class Y, class X>
  static constexpr auto vjp(G g, Y, X) {
    return gradients(reshape_to<X::extents>(g));
  }
};

/// Tensors of one shape as elements of a new dimension.
template<Index Dim>
struct Stack {
  static constexpr std::string_view name = "Stack";
  static constexpr bool is_composite = true;
  template<class... X>
  static constexpr auto compose(X... x) {
    return operation<Cat<Dim>>{}(operation<Unsqueeze<Dim>>{}(x)...);
  }
};

} // namespace ops

/// `narrow<Dim, Start, Length>(x)`: elements [Start, Start + Length) of a dimension; torch.narrow.
template<Index Dim, Index Start, Index Length>
inline constexpr operation<ops::Narrow<Dim, Start, Length>> narrow;
/// `cat<Dim>(a, b, ...)`: one after the other along a dimension; torch.cat.
template<Index Dim = 0>
inline constexpr operation<ops::Cat<Dim>> cat;
/// `stack<Dim>(a, b, ...)`: one after the other along a new dimension; torch.stack.
template<Index Dim = 0>
inline constexpr operation<ops::Stack<Dim>> stack;
/// `squeeze<Dim>(x)`: without a dimension of extent 1; torch.squeeze.
template<Index Dim>
inline constexpr operation<ops::Squeeze<Dim>> squeeze;
/// `unsqueeze<Dim>(x)`: with a new dimension of extent 1; torch.unsqueeze.
template<Index Dim>
inline constexpr operation<ops::Unsqueeze<Dim>> unsqueeze;
/// `select<Dim, At>(x)`: element At of a dimension, without that dimension; torch.select.
template<Index Dim, Index At, Operand X>
constexpr auto select(X&& x) {
  return operation<ops::Select<Dim, At>>{}(std::forward<X>(x));
}
/// `x | select<Dim, At>`
template<Index Dim, Index At>
constexpr ops::Piped<ops::Select<Dim, At>> select(ops::Piped<ops::Select<Dim, At>> piped) {
  return piped;
}

namespace ops::detail {
/// An operand that is used several times: a temporary tensor becomes an expression, whose copies share it.
template<class X>
constexpr decltype(auto) reusable(X&& x) {
  if constexpr (requires { std::remove_cvref_t<X>::owns_elements; } && !std::is_lvalue_reference_v<X>)
    return operation<Reshape<std::remove_cvref_t<X>::shape_type::extents>>{}(std::forward<X>(x));
  else
    return std::as_const(x);
}
} // namespace ops::detail

/// x cut along a dimension into pieces of the given lengths, as a tuple: `auto [q, k, v] = split<-1, 8, 8,
/// 8>(x)`.
template<Index Dim, Index... Lengths, Operand X>
constexpr auto split(X&& operand) {
  decltype(auto) x = ops::detail::reusable(std::forward<X>(operand));
  constexpr std::array<Index, sizeof...(Lengths)> lengths{Lengths...};
  constexpr auto start = [lengths](std::size_t k) {
    Index s = 0;
    for (std::size_t i = 0; i < k; ++i) s += lengths[i];
    return s;
  };
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::tuple(narrow<Dim, start(I), lengths[I]>(x)...);
  }(std::make_index_sequence<sizeof...(Lengths)>{});
}
/// x cut along a dimension into Count equal pieces, as a tuple: `auto [q, k, v] = chunk<3, -1>(x)`.
template<std::size_t Count, Index Dim = 0, Operand X>
constexpr auto chunk(X&& operand) {
  constexpr Extents extents = detail::operand_typed<std::remove_cvref_t<X>>::type::extents;
  constexpr Index all = extents[ops::wrap(Dim, extents.rank)], each = all / static_cast<Index>(Count);
  static_assert(all % static_cast<Index>(Count) == 0,
                "stator: chunk: the extent is not a multiple of the number of pieces");
  decltype(auto) x = ops::detail::reusable(std::forward<X>(operand));
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::tuple(narrow<Dim, static_cast<Index>(I) * each, each>(x)...);
  }(std::make_index_sequence<Count>{});
}
/// The elements of a dimension as a tuple: torch.unbind.
template<Index Dim = 0, Operand X>
constexpr auto unbind(X&& operand) {
  constexpr Extents extents = detail::operand_typed<std::remove_cvref_t<X>>::type::extents;
  static_assert(extents[ops::wrap(Dim, extents.rank)] != dynamic,
                "stator: unbind: the batch is known only when the program runs");
  decltype(auto) x = ops::detail::reusable(std::forward<X>(operand));
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::tuple(stator::select<Dim, static_cast<Index>(I)>(x)...);
  }(std::make_index_sequence<static_cast<std::size_t>(extents[ops::wrap(Dim, extents.rank)])>{});
}

} // namespace stator::inline v0_2
