// SPDX-License-Identifier: BSL-1.0
// einsum: an equation of letters, read by the compiler, as diagonals, sums, permutations and products of
// matrices.
#pragma once

#include "stator/core/fixed_string.hpp"
#include "stator/ops/bmm.hpp"
#include "stator/ops/einsum_equation.hpp"
#include "stator/ops/permute.hpp"
#include "stator/ops/strided.hpp"

namespace stator::inline v0_2 {

namespace ops {

namespace detail {

/// x, whose dimensions have the letters L, in the order To, which are the same letters.
template<Letters L, Letters To, class X>
constexpr auto ordered(const X& x) {
  if constexpr (L == To)
    return x;
  else
    return [&]<std::size_t... D>(std::index_sequence<D...>) {
      return operation<Permute<static_cast<Index>(L.find(To.of[D]))...>>{}(x);
    }(std::make_index_sequence<To.count>{});
}

/// A tensor and the letters of its dimensions.
template<Letters L, class X>
struct Lettered {
  static constexpr Letters letters = L;
  X x;
};

template<Letters L, class X>
constexpr Lettered<L, X> lettered(const X& x) {
  return {x};
}

/// Diagonals of letters that occur twice; sums over those that are not in Keep.
template<Letters Keep, Letters L, class X>
constexpr auto tidied(const X& x) {
  constexpr std::size_t twice = [] {
    std::size_t d = 0;
    while (d < L.count && L.find(L.of[d], d + 1) == L.count) ++d;
    return d;
  }();
  constexpr std::size_t lost = [] {
    std::size_t d = 0;
    while (d < L.count && Keep.has(L.of[d])) ++d;
    return d;
  }();
  if constexpr (twice < L.count) {
    constexpr std::size_t second = L.find(L.of[twice], twice + 1);
    constexpr Letters left = [] {
      Letters l = L.without(second).without(twice);
      l.push_back(L.of[twice]);
      return l;
    }();
    constexpr auto d1 = static_cast<Index>(twice), d2 = static_cast<Index>(second);
    return tidied<Keep, left>(operation<Diagonal<0, d1, d2>>{}(x));
  } else if constexpr (lost < L.count) {
    return tidied<Keep, L.without(lost)>(operation<Sum<false, static_cast<Index>(lost)>>{}(x));
  } else {
    return lettered<L>(x);
  }
}

/// x with the extents of one that other operands have more of in the same letter.
template<Letters L, Letters M, Extents Other, class X>
constexpr auto matched(const X& x) {
  constexpr Extents to = [] {
    Extents e = X::extents;
    for (std::size_t d = 0; d < L.count; ++d)
      if (const std::size_t m = M.find(L.of[d]); m < M.count && e[d] == 1) e[d] = Other[m];
    return e;
  }();
  if constexpr (to == X::extents)
    return x;
  else
    return operation<Expand<to>>{}(x);
}

/// The letters of A that are (or are not) in B and in Keep.
constexpr Letters chosen(const Letters& a, const Letters& b, bool in_b, const Letters& keep, bool in_keep) {
  Letters l;
  for (std::size_t i = 0; i < a.count; ++i)
    if (b.has(a.of[i]) == in_b && keep.has(a.of[i]) == in_keep) l.push_back(a.of[i]);
  return l;
}
constexpr Letters together(Letters a, const Letters& b) {
  for (std::size_t i = 0; i < b.count; ++i) a.push_back(b.of[i]);
  return a;
}
/// The extents of the letters Of in a tensor X with the letters L.
constexpr Extents extents_of(const Letters& of, const Letters& l, const Extents& x) {
  Extents e;
  for (std::size_t i = 0; i < of.count; ++i) e.push_back(x[l.find(of.of[i])]);
  return e;
}
constexpr Extents joined(Extents a, const Extents& b) {
  for (std::size_t d = 0; d < b.rank; ++d) a.push_back(b[d]);
  return a;
}
/// One extent for all of e, which is dynamic only if it is that of one dimension.
constexpr Index as_one(const Extents& e) { return e.rank == 1 ? e[0] : e.numel(); }

/// The product of two tensors, summed over the letters that both have and Keep has not.
template<Letters Keep, Letters L, Letters M, class A, class B>
constexpr auto contracted(const A& first, const B& second) {
  constexpr Letters stack = chosen(L, M, true, Keep, true), summed = chosen(L, M, true, Keep, false);
  constexpr Letters rows = chosen(L, M, false, Keep, true), columns = chosen(M, L, false, Keep, true);
  constexpr Letters result = together(together(stack, rows), columns);
  static_assert(result.count <= max_rank, "stator: einsum: a product has more than eight dimensions");
  const auto a = matched<L, M, B::extents>(first);
  const auto b = matched<M, L, A::extents>(second);
  constexpr Extents ea = std::remove_const_t<decltype(a)>::extents,
                    eb = std::remove_const_t<decltype(b)>::extents;
  constexpr Extents es = extents_of(stack, L, ea), er = extents_of(rows, L, ea),
                    ec = extents_of(columns, M, eb);
  constexpr Extents ek = extents_of(summed, L, ea);
  if constexpr (summed.count == 0 || (rows.count == 0 && columns.count == 0)) {
    // elementwise; what both sum over comes last
    constexpr auto ones = [](std::size_t n) {
      Extents e;
      while (e.rank < n) e.push_back(1);
      return e;
    };
    constexpr Extents ta = joined(joined(joined(es, er), ones(columns.count)), ek);
    constexpr Extents tb = joined(joined(joined(es, ones(rows.count)), ec), ek);
    const auto left = reshape_to<ta>(ordered<L, together(together(stack, rows), summed)>(a));
    const auto right = reshape_to<tb>(ordered<M, together(together(stack, columns), summed)>(b));
    return tidied<Keep, together(result, summed)>(mul(left, right));
  } else {
    // Transposed matrices are read where they stand.
    constexpr bool ta = L == together(together(stack, summed), rows) && rows.count > 0;
    constexpr bool tb = M == together(together(stack, columns), summed);
    constexpr Index m = as_one(er), n = as_one(ec), k = as_one(ek);
    constexpr Extents xa = joined(es, ta ? Extents(k, m) : Extents(m, k));
    constexpr Extents xb = joined(es, tb ? Extents(n, k) : Extents(k, n));
    constexpr Letters oa = ta ? L : together(together(stack, rows), summed);
    constexpr Letters ob = tb ? M : together(together(stack, summed), columns);
    constexpr Extents to = joined(joined(es, er), ec);
    if constexpr (stack.count == 0 && er.is_dynamic() && rows.count > 1) {
      // A batch in front of other rows stays what it is.
      const auto left = reshape_to<joined(er, Extents(k))>(ordered<L, together(rows, summed)>(a));
      const auto right = reshape_to<Extents(k, n)>(ordered<M, together(summed, columns)>(b));
      return lettered<result>(reshape_to<to>(operation<Matmul>{}(left, right)));
    } else {
      const auto left = reshape_to<xa>(ordered<L, oa>(a));
      const auto right = reshape_to<xb>(ordered<M, ob>(b));
      if constexpr (stack.count == 0)
        return lettered<result>(reshape_to<to>(operation<Mm<ta, tb>>{}(left, right)));
      else
        return lettered<result>(reshape_to<to>(operation<Bmm<ta, tb>>{}(left, right)));
    }
  }
}

} // namespace detail

/// torch.einsum.
template<fixed_string Written>
struct Einsum {
  static constexpr std::string_view name = "Einsum";
  static constexpr bool is_composite = true;

  template<class... X>
  static constexpr auto compose(X... x) {
    constexpr auto e = detail::read_equation<sizeof...(X)>(Written.view(), {X::extents.rank...});
    const auto& first = std::get<0>(std::tie(x...));
    if constexpr (e.error != detail::EquationError::none) {
      first.builder->fail(text("einsum: ", Written.view(), " has ", detail::to_string(e.error), " ",
                               std::string_view(&e.culprit, 1)));
      return first;
    } else if constexpr (!agree<X...>()) {
      first.builder->fail(mismatch<X...>());
      return first;
    } else {
      return next<1, e>(tidy<0, e, e.operand[0]>(first), std::tie(x...));
    }
  }

private:
  /// Extents of one letter that differ.
  template<class... X>
  static constexpr Text mismatch() {
    constexpr auto e = detail::read_equation<sizeof...(X)>(Written.view(), {X::extents.rank...});
    constexpr std::array<Extents, sizeof...(X)> extents{X::extents...};
    std::array<Index, 128> found{};
    for (std::size_t n = 0; n < sizeof...(X); ++n)
      for (std::size_t d = 0; d < extents[n].rank; ++d) {
        Index& known = found[static_cast<std::size_t>(e.operand[n].of[d])];
        const Index here = extents[n][d];
        if (known != 0 && known != here && known != 1 && here != 1)
          return text("einsum: ", Written.view(), ": the extents ", known, " and ", here, " of ",
                      std::string_view(&e.operand[n].of[d], 1), " differ");
        if (known == 0 || known == 1) known = here;
      }
    return {};
  }
  template<class... X>
  static consteval bool agree() {
    return mismatch<X...>().empty();
  }
  /// What operands from number From on, or the result, have a use for.
  template<std::size_t N>
  static constexpr detail::Letters kept(const detail::Equation<N>& e, std::size_t from, std::size_t other) {
    detail::Letters all = e.result;
    const auto append = [&](std::size_t n) {
      for (std::size_t i = 0; i < e.operand[n].count; ++i)
        if (const char c = e.operand[n].of[i]; !all.has(c)) all.push_back(c);
    };
    if (other < N) append(other);
    for (std::size_t n = from; n < N; ++n) append(n);
    return all;
  }
  template<std::size_t Number, auto E, detail::Letters L, class X>
  static constexpr auto tidy(const X& x) {
    return detail::tidied<kept(E, Number + 1, E.operand.size()), L>(x);
  }
  template<std::size_t Number, auto E, class A, class Operands>
  static constexpr auto next(const A& a, const Operands& operands) {
    if constexpr (Number == E.operand.size()) {
      return detail::ordered<A::letters, E.result>(a.x);
    } else {
      const auto& x = std::get<Number>(operands);
      using X = std::remove_cvref_t<decltype(x)>;
      // A letter of this operand alone that nothing else needs is summed before the product.
      constexpr detail::Letters own = [] {
        detail::Letters l = kept(E, Number + 1, E.operand.size());
        for (std::size_t i = 0; i < A::letters.count; ++i)
          if (!l.has(A::letters.of[i])) l.push_back(A::letters.of[i]);
        return l;
      }();
      const auto b = detail::tidied<own, E.operand[Number], X>(x);
      using B = std::remove_const_t<decltype(b)>;
      constexpr detail::Letters keep = kept(E, Number + 1, E.operand.size());
      return next<Number + 1, E>(detail::contracted<keep, A::letters, B::letters>(a.x, b.x), operands);
    }
  }
};

} // namespace ops

/// `einsum<"bij,bjk->bik">(a, b)`: products of any number of tensors, summed over the letters that the result
/// does not have; "ii->i" is a diagonal, "..." stands for leading dimensions, which broadcast. Without "->"
/// the result has the letters that occur once, in the order of the alphabet. From left to right, two at a
/// time. torch.einsum.
template<fixed_string Equation>
inline constexpr operation<ops::Einsum<Equation>> einsum;

} // namespace stator::inline v0_2
