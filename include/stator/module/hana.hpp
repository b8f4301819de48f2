// SPDX-License-Identifier: BSL-1.0
// Every network struct models hana::Struct: hana::for_each, fold, keys and members work on it, and with
// <boost/hana.hpp>, which is four times as much to compile, everything else that Hana does with a Struct:
// at_key, to_map, ...
#pragma once

#include "stator/module/structure.hpp"
#include "stator/module/table_draft.hpp"
#include "stator/reflect/hana.hpp"

#include <boost/hana/concept/struct.hpp>
#include <boost/hana/fold.hpp>
#include <boost/hana/fold_left.hpp>
#include <boost/hana/for_each.hpp>
#include <boost/hana/keys.hpp>
#include <boost/hana/members.hpp>

namespace stator::detail {
/// Hana asks this of every type, of incomplete ones as well.
template<class T>
concept HanaStruct = requires { sizeof(T); } && Module<T> && !Container<T> && reflect::Reflectable<T>;
template<class T>
concept HanaContainer =
    requires { sizeof(T); } && Container<T> && requires { std::tuple_size<decltype(T::elements)>::value; };

/// The name of an element of a container: "conv", or "3".
template<class M, std::size_t I>
inline constexpr auto element_name = [] {
  if constexpr (NamedContainer<M>)
    return fixed_string<M::element_names[I].size()>(M::element_names[I]);
  else
    return fixed_string<name_size(I)>(text(I).view());
}();

template<std::size_t I>
struct element_accessor {
  template<class M>
  constexpr decltype(auto) operator()(M&& module) const {
    return std::get<I>(std::forward<M>(module).elements);
  }
};

template<class M>
struct container_accessors {
  template<std::size_t I>
  static constexpr auto accessor = []<std::size_t... C>(std::index_sequence<C...>) {
    return boost::hana::make_pair(boost::hana::string_c<element_name<M, I>.data[C]...>,
                                  element_accessor<I>{});
  }(std::make_index_sequence<element_name<M, I>.size()>{});

  static constexpr auto apply() {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return boost::hana::make_tuple(accessor<I>...);
    }(std::make_index_sequence<std::tuple_size_v<decltype(M::elements)>>{});
  }
};
} // namespace stator::detail

namespace boost::hana {

template<class M>
struct accessors_impl<M, when<stator::detail::HanaStruct<M>>> : stator::reflect::detail::hana_accessors<M> {};

template<class M>
struct accessors_impl<M, when<stator::detail::HanaContainer<M>>> : stator::detail::container_accessors<M> {};

} // namespace boost::hana
