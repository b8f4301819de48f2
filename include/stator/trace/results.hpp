// SPDX-License-Identifier: BSL-1.0
// What a forward returns: one value, or several in a std::tuple, std::pair, std::array or a struct, and these
// inside of each other. Values are numbered from left to right; they are called as in Python, "0", "state.1",
// "hidden". A struct is a template with a parameter for the type of each field,
//   template<class Y, class H> struct Encoded { Y output; H hidden; };
// which holds symbols in forward, expressions in model(x), views in hooks and tensors after a run; where it
// cannot, a std::tuple does.
#pragma once

#include "stator/expr/expression.hpp"
#include "stator/reflect/names.hpp"
#include "stator/trace/signature.hpp"

#include <array>
#include <tuple>
#include <utility>

namespace stator::detail {

/// What a type is to results.
enum class ResultKind {
  none,  ///< neither a value nor made of values
  one,   ///< a value: a symbol, an expression, a tensor, or what stands for the gradient of a value that has
         ///< none
  list,  ///< std::tuple, std::pair, std::array
  record ///< a struct
};

template<class Y>
consteval ResultKind result_kind();

/// How many parts there are, and which; parts of parts do not count.
template<class Y>
consteval std::size_t result_parts() {
  if constexpr (requires { std::tuple_size<Y>::value; })
    return std::tuple_size_v<Y>;
  else
    return reflect::field_count<Y>;
}
template<class Y, std::size_t I>
struct result_part_of {
  using type = reflect::field_t<Y, I>;
};
template<class Y, std::size_t I>
  requires requires { std::tuple_size<Y>::value; }
struct result_part_of<Y, I> {
  using type = std::remove_cvref_t<std::tuple_element_t<I, Y>>;
};
template<class Y, std::size_t I>
using result_part = typename result_part_of<Y, I>::type;
template<std::size_t I, class Y>
constexpr auto& get_result_part(Y& y) {
  if constexpr (requires { std::tuple_size<Y>::value; })
    return std::get<I>(y);
  else
    return reflect::get<I>(y);
}

template<class Y>
consteval ResultKind result_kind() {
  constexpr auto all_are = []<std::size_t... I>(std::index_sequence<I...>) {
    return ((result_kind<result_part<Y, I>>() != ResultKind::none) && ...);
  };
  if constexpr (AnySymbol<Y>) {
    return ResultKind::one;
  } else if constexpr (std::is_base_of_v<expr::Evaluated<Y>, Y> || std::is_same_v<Y, NoGradient> ||
                       requires { typename Y::shape_type; }) {
    return ResultKind::one;
  } else if constexpr (requires { std::tuple_size<Y>::value; }) {
    return all_are(std::make_index_sequence<std::tuple_size_v<Y>>{}) ? ResultKind::list : ResultKind::none;
  } else if constexpr (std::is_class_v<Y> && std::is_aggregate_v<Y> && !std::is_empty_v<Y>) {
    if constexpr (reflect::Reflectable<Y>)
      return all_are(std::make_index_sequence<reflect::field_count<Y>>{}) ? ResultKind::record
                                                                          : ResultKind::none;
    else
      return ResultKind::none;
  } else {
    return ResultKind::none;
  }
}

/// How many values are in a result, and how many before its part I.
template<class Y, std::size_t End = static_cast<std::size_t>(-1)>
consteval std::size_t result_count() {
  if constexpr (result_kind<Y>() == ResultKind::one)
    return 1;
  else
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (result_count<result_part<Y, I>>() + ... + std::size_t{0});
    }(std::make_index_sequence<std::min(End, result_parts<Y>())>{});
}

/// The type that holds parts of the types M where Y holds its own: the same template, if its parameters say
/// the types of its fields, otherwise a std::tuple.
template<class Y, class... M>
struct rebound_result {
  using type = std::tuple<M...>;
};
template<class A, class B, class M, class N>
struct rebound_result<std::pair<A, B>, M, N> {
  using type = std::pair<M, N>;
};
template<class T, std::size_t N, class First, class... M>
  requires(std::is_same_v<First, M> && ...)
struct rebound_result<std::array<T, N>, First, M...> {
  using type = std::array<First, N>;
};
template<template<class...> class R, class... A, class... M>
  requires(result_kind<R<A...>>() == ResultKind::record && sizeof...(M) == result_parts<R<A...>>())
struct rebound_result<R<A...>, M...> {
  /// What parameter K becomes: what a field of its type does, that in its place if there is one.
  template<std::size_t K>
  struct parameter {
    using Old = std::tuple_element_t<K, std::tuple<A...>>;
    static constexpr std::size_t field = []<std::size_t... I>(std::index_sequence<I...>) {
      constexpr std::array same{std::is_same_v<Old, result_part<R<A...>, I>>...};
      if (K < same.size() && same[K < same.size() ? K : 0]) return K;
      std::size_t i = 0;
      while (i < same.size() && !same[i]) ++i;
      return i;
    }(std::index_sequence_for<M...>{});
    using type = std::tuple_element_t<field, std::tuple<M..., Old>>;
  };
  template<class Other>
  static consteval bool fits() {
    return requires { Other{std::declval<M>()...}; };
  }
  template<std::size_t... K>
  static auto choose(std::index_sequence<K...>) {
    if constexpr (requires { typename R<typename parameter<K>::type...>; })
      if constexpr (fits<R<typename parameter<K>::type...>>())
        return std::type_identity<R<typename parameter<K>::type...>>{};
      else
        return std::type_identity<std::tuple<M...>>{};
    else
      return std::type_identity<std::tuple<M...>>{};
  }
  using type = typename decltype(choose(std::index_sequence_for<A...>{}))::type;
};

/// f(std::integral_constant of its number, value) of each value, from left to right, in the place of the
/// value.
template<std::size_t First = 0, class Y, class F>
constexpr auto mapped_results(const Y& y, const F& f) {
  if constexpr (result_kind<Y>() == ResultKind::one) {
    return f(std::integral_constant<std::size_t, First>{}, y);
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      using Same = std::bool_constant<(
          std::is_same_v<decltype(mapped_results<First + result_count<Y, I>()>(get_result_part<I>(y), f)),
                         result_part<Y, I>> &&
          ...)>;
      using R =
          typename std::conditional_t<Same::value, std::type_identity<Y>,
                                      rebound_result<Y, decltype(mapped_results<First + result_count<Y, I>()>(
                                                            get_result_part<I>(y), f))...>>::type;
      // Braces: from left to right.
      if constexpr (requires {
                      typename R::value_type;
                      std::tuple_size<R>::value;
                    })
        return R{{mapped_results<First + result_count<Y, I>()>(get_result_part<I>(y), f)...}};
      else
        return R{mapped_results<First + result_count<Y, I>()>(get_result_part<I>(y), f)...};
    }(std::make_index_sequence<result_parts<Y>()>{});
  }
}

/// f(value), or f(std::integral_constant of its number, value), for each value, from left to right.
template<std::size_t First = 0, class Y, class F>
constexpr void each_result(const Y& y, const F& f) {
  if constexpr (result_kind<Y>() == ResultKind::one) {
    if constexpr (requires { f(std::integral_constant<std::size_t, First>{}, y); })
      f(std::integral_constant<std::size_t, First>{}, y);
    else
      f(y);
  } else {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (each_result<First + result_count<Y, I>()>(get_result_part<I>(y), f), ...);
    }(std::make_index_sequence<result_parts<Y>()>{});
  }
}

/// Whether the shape of a value depends on the batch; Y is made of symbols.
template<class Y>
consteval bool any_dynamic() {
  if constexpr (result_kind<Y>() == ResultKind::one)
    return Y::extents.is_dynamic();
  else
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (any_dynamic<result_part<Y, I>>() || ...);
    }(std::make_index_sequence<result_parts<Y>()>{});
}

/// The type of value I.
template<std::size_t I, class Y>
struct result_type {
  static constexpr std::size_t part = [] {
    return []<std::size_t... P>(std::index_sequence<P...>) {
      return ((result_count<Y, P + 1>() <= I ? 1u : 0u) + ... + std::size_t{0});
    }(std::make_index_sequence<result_parts<Y>()>{});
  }();
  using type = typename result_type<I - result_count<Y, part>(), result_part<Y, part>>::type;
};
template<std::size_t I, class Y>
  requires(result_kind<Y>() == ResultKind::one)
struct result_type<I, Y> {
  using type = Y;
};

/// What a part is called: the name of the field, or its number.
template<class Y, std::size_t I>
constexpr Text result_name() {
  if constexpr (result_kind<Y>() == ResultKind::record)
    return Text(reflect::field_name<Y, I>);
  else
    return text(static_cast<Index>(I));
}

/// The constants of a type of several results, see graph::Returned.
template<class Y>
struct returned {
  static constexpr std::size_t find(std::string_view name) {
    std::size_t found = result_count<Y>();
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto look = [&]<std::size_t P>(std::integral_constant<std::size_t, P>) {
        const Text part = result_name<Y, P>();
        if (!name.starts_with(part.view())) return;
        const std::string_view rest = name.substr(part.size());
        using Part = result_part<Y, P>;
        if constexpr (result_kind<Part>() == ResultKind::one) {
          if (rest.empty()) found = result_count<Y, P>();
        } else if (rest.starts_with('.')) {
          const std::size_t inside = returned<Part>::find(rest.substr(1));
          if (inside < result_count<Part>()) found = result_count<Y, P>() + inside;
        }
      };
      (look(std::integral_constant<std::size_t, I>{}), ...);
    }(std::make_index_sequence<result_parts<Y>()>{});
    return found;
  }
  static constexpr Extents extents(std::size_t which) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::array{result_type<I, Y>::type::extents...}[which];
    }(std::make_index_sequence<result_count<Y>()>{});
  }
  static constexpr Text shapes() {
    constexpr bool record = result_kind<Y>() == ResultKind::record;
    Text all;
    if constexpr (record) all += reflect::class_name<Y>();
    all += "(";
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto add = [&]<std::size_t P>(std::integral_constant<std::size_t, P>) {
        if (P > 0) all += ", ";
        if constexpr (record) all += text(reflect::field_name<Y, P>, "=");
        using Part = result_part<Y, P>;
        if constexpr (result_kind<Part>() == ResultKind::one)
          all += Part::extents;
        else
          all += returned<Part>::shapes();
      };
      (add(std::integral_constant<std::size_t, I>{}), ...);
    }(std::make_index_sequence<result_parts<Y>()>{});
    all += !record && result_parts<Y>() == 1 ? ",)" : ")";
    return all;
  }
  static constexpr graph::Returned value{result_count<Y>(), &find, &extents, &shapes};
};

} // namespace stator::detail
