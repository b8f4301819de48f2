// SPDX-License-Identifier: BSL-1.0
// Boost.Hana's accessors of a struct, made from its reflected fields: what BOOST_HANA_ADAPT_STRUCT would
// write. The only file that knows how Hana models a struct.
#pragma once

#include "stator/reflect/names.hpp"

#include <boost/hana/accessors.hpp>
#include <boost/hana/fwd/core/when.hpp>
#include <boost/hana/pair.hpp>
#include <boost/hana/string.hpp>
#include <boost/hana/tuple.hpp>

namespace stator::reflect {

/// The name of field I as a hana::string.
template<class T, std::size_t I>
inline constexpr auto hana_name = []<std::size_t... C>(std::index_sequence<C...>) {
  return boost::hana::string_c<field_name<T, I>[C]...>;
}(std::make_index_sequence<field_name<T, I>.size()>{});

namespace detail {

/// Reads field I. Hana's algorithms pass the struct as const; parameters and buffers are handles, so what
/// they refer to can be written all the same.
template<std::size_t I>
struct field_accessor {
  template<class T>
  constexpr decltype(auto) operator()(T&& object) const {
    if constexpr (std::is_lvalue_reference_v<T>)
      return reflect::get<I>(object);
    else
      return std::move(reflect::get<I>(object));
  }
};

template<class T>
struct hana_accessors {
  static constexpr auto apply() {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return boost::hana::make_tuple(boost::hana::make_pair(hana_name<T, I>, field_accessor<I>{})...);
    }(std::make_index_sequence<field_count<T>>{});
  }
};

} // namespace detail

} // namespace stator::reflect
