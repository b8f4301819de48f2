// SPDX-License-Identifier: BSL-1.0
// Containers of modules and of parameters: ModuleList, ModuleDict, ParameterList, ParameterDict. They hold,
// name and print; what is done with the elements is written in `forward`. std::array<Block, 12> and
// std::tuple<A, B> as fields are a ModuleList (ParameterList) as well.
#pragma once

#include "stator/core/compile_error.hpp"
#include "stator/core/fixed_string.hpp"
#include "stator/module/structure.hpp"

namespace stator::nn {

/// An element with a name: `ModuleDict<entry<"conv", Conv2d<3, 8, 3>>, entry<"pool", MaxPool2d<2>>>`.
template<fixed_string Name, class T>
struct entry {
  static_assert(Name.size() > 0, "stator: the name of an entry is empty");
  static_assert(Name.view().find('.') == std::string_view::npos,
                "stator: the name of an entry contains a \".\"");
  static constexpr std::string_view name = Name.view(); ///< as a part of paths
  /// The module or parameter.
  using type = T;
};

namespace detail {

/// Position of a name among those of a container; its size where there is none.
constexpr std::size_t position(const auto& names, std::string_view name) {
  std::size_t i = 0;
  while (i < names.size() && names[i] != name) ++i;
  return i;
}
template<class... Entry>
consteval bool distinct() {
  constexpr std::array<std::string_view, sizeof...(Entry)> names{Entry::name...};
  for (std::size_t i = 0; i < names.size(); ++i)
    if (position(names, names[i]) != i) return false;
  return true;
}

/// What containers of elements without names have in common: ModuleList, ParameterList, Sequential.
template<class... T>
struct ElementList {
  static constexpr bool is_container = true;
  std::tuple<T...> elements{};

  static constexpr std::size_t size() { return sizeof...(T); }
  /// The element at position I.
  template<std::size_t I>
  constexpr auto& get() {
    return std::get<I>(elements);
  }
  template<std::size_t I>
  constexpr const auto& get() const {
    return std::get<I>(elements);
  }
  /// Calls `f(element)` for each, in order.
  constexpr void for_each(auto&& f) const {
    std::apply([&](const auto&... e) { (f(e), ...); }, elements);
  }
};

/// A container has no entry of a name.
template<fixed_string Container, fixed_string Name, class... Entry>
struct entry_error {
  static constexpr Text message() {
    constexpr std::array<std::string_view, sizeof...(Entry)> names{Entry::name...};
    if (position(names, Name.view()) < names.size()) return {};
    return text("stator: the ", Container.view(), " has no entry of that name: \"", Name.view(), "\"");
  }
};

/// What ModuleDict and ParameterDict have in common; keeps the order of the entries.
template<fixed_string Container, class... Entry>
struct EntryDict {
  static_assert(distinct<Entry...>(), "stator: two entries of a container have one name");
  static constexpr bool is_container = true;
  static constexpr std::array<std::string_view, sizeof...(Entry)> element_names{Entry::name...};
  std::tuple<typename Entry::type...> elements{};

  static constexpr std::size_t size() { return sizeof...(Entry); }
  /// The element of this name; an unknown one does not compile.
  template<fixed_string Name>
  constexpr auto& get() {
    return std::get<index<Name>>(elements);
  }
  template<fixed_string Name>
  constexpr const auto& get() const {
    return std::get<index<Name>>(elements);
  }
  /// Calls `f(name, element)` for each entry.
  constexpr void for_each(auto&& f) const {
    std::apply([&](const auto&... e) { (f(Entry::name, e), ...); }, elements);
  }

  /// Position of an entry.
  template<fixed_string Name>
  static constexpr std::size_t index = [] {
    static_assert(check<entry_error<Container, Name, Entry...>>());
    return position(element_names, Name.view());
  }();
};

} // namespace detail

/// torch.nn.ModuleList of modules of different types: `layers.get<0>()`.
template<class... T>
struct ModuleList : detail::ElementList<T...> {
  static_assert((Module<T> && ...), "stator: the elements of a ModuleList are modules");
};

/// torch.nn.ModuleDict: `choices.get<"conv">()`.
template<class... Entry>
struct ModuleDict : detail::EntryDict<"ModuleDict", Entry...> {
  static_assert((Module<typename Entry::type> && ...), "stator: the elements of a ModuleDict are modules");
};

/// torch.nn.ParameterList: `ParameterList<Parameter<float, 3>, Parameter<float, 3, 4>>`.
template<class... T>
struct ParameterList : detail::ElementList<T...> {
  static_assert((Leaf<T> && ...), "stator: the elements of a ParameterList are parameters");
};

/// torch.nn.ParameterDict: `ParameterDict<entry<"left", Parameter<float, 3>>>`. Keeps the order of the
/// entries.
template<class... Entry>
struct ParameterDict : detail::EntryDict<"ParameterDict", Entry...> {
  static_assert((Leaf<typename Entry::type> && ...),
                "stator: the elements of a ParameterDict are parameters");
};

} // namespace stator::nn
