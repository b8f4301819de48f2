// SPDX-License-Identifier: BSL-1.0
// Objects of several types side by side. Every expression holds its operands so and every trace its symbols:
// a std::tuple, with its constraints on constructors and what std::apply asks about exceptions, takes a
// compiler longer than the rest of such an expression.
#pragma once

#include "stator/core/requirements.hpp"

#include <cstddef>
#include <utility>

namespace stator::detail {

/// One object of a Pack; of its own type for each place, so that it can be a base.
template<std::size_t I, class T>
struct PackItem {
  T value;
};
template<class Indices, class... T>
struct PackOf;
template<std::size_t... I, class... T>
struct PackOf<std::index_sequence<I...>, T...> : PackItem<I, T>... {};

/// An aggregate: `Pack<A, B>{{a}, {b}}` evaluates a before b.
template<class... T>
using Pack = PackOf<std::index_sequence_for<T...>, T...>;

/// Object I of a pack.
template<std::size_t I, class T>
constexpr const T& pack_item(const PackItem<I, T>& item) {
  return item.value;
}
template<std::size_t I, class T>
constexpr T& pack_item(PackItem<I, T>& item) {
  return item.value;
}

/// f(objects...)
template<class F, std::size_t... I, class... T>
constexpr auto unpack(const F& f, const PackOf<std::index_sequence<I...>, T...>& pack) {
  return f(static_cast<const PackItem<I, T>&>(pack).value...);
}

} // namespace stator::detail
