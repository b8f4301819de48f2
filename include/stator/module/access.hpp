// SPDX-License-Identifier: BSL-1.0
// Parameters, buffers and modules by a path that the compiler checks: get<"blocks.3.fc1.weight">(net).
#pragma once

#include "stator/module/table.hpp"

namespace stator::inline v0_2 {

namespace detail {

/// The part of a path before the first dot, and what follows it.
constexpr std::string_view head(std::string_view path) { return path.substr(0, path.find('.')); }
constexpr std::string_view tail(std::string_view path) {
  const std::size_t dot = path.find('.');
  return dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
}

/// The index of a field or element by name; `not_found` when there is none.
template<class M>
consteval std::size_t field_index(std::string_view name) {
  if constexpr (NamedContainer<M>) {
    for (std::size_t i = 0; i < M::element_names.size(); ++i)
      if (M::element_names[i] == name) return i;
    return not_found;
  } else if constexpr (Container<M>) {
    return field_index<decltype(M::elements)>(name);
  } else if constexpr (list_traits<M>::is_list) {
    std::size_t n = 0;
    for (const char c : name) {
      if (c < '0' || c > '9') return not_found;
      n = n * 10 + static_cast<std::size_t>(c - '0');
    }
    return name.empty() || n >= list_traits<M>::size ? not_found : n;
  } else {
    std::size_t found = not_found;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((found = reflect::field_name<M, I> == name ? I : found), ...);
    }(std::make_index_sequence<reflect::field_count<M>>{});
    return found;
  }
}

template<fixed_string Path, class M>
constexpr auto& descend(M& m) {
  if constexpr (Path.size() == 0) {
    return m;
  } else {
    using T = std::remove_cv_t<M>;
    constexpr std::size_t index = field_index<T>(head(Path.view()));
    constexpr std::size_t rest = tail(Path.view()).size();
    constexpr fixed_string<rest> behind{tail(Path.view())};
    if constexpr (Container<T>)
      return descend<behind>(std::get<index>(m.elements));
    else if constexpr (list_traits<T>::is_list)
      return descend<behind>(std::get<index>(m));
    else
      return descend<behind>(reflect::get<index>(m));
  }
}

template<class Net, fixed_string Path>
struct path_error {
  static consteval Text message() {
    using T = table<Net>;
    if (T::find_leaf(Path.view()) != not_found || T::find_module(Path.view()) != not_found) return {};
    Text result("stator: ");
    result += text(reflect::class_name<Net>(), " has no parameter, buffer or module ", Path.view());
    result += nearest_name(Path.view(), T::leaves, T::modules);
    return result;
  }
};

template<class Net, fixed_string Path>
struct leaf_error {
  static consteval Text message() {
    if (table<Net>::find_leaf(Path.view()) == not_found && table<Net>::find_module(Path.view()) != not_found)
      return text("stator: ", Path.view(), " is a module, expected a parameter or buffer");
    return path_error<Net, Path>::message();
  }
};

} // namespace detail

/// The parameter, buffer or module at `Path`. A path that does not exist does not compile; the error names
/// the nearest ones.
template<fixed_string Path, Module Net>
constexpr auto& get(Net& net) {
  using T = std::remove_cv_t<Net>;
  if constexpr (check<detail::path_error<T, Path>>()) return detail::descend<Path>(net);
}

} // namespace stator::inline v0_2
