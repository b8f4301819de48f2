// SPDX-License-Identifier: BSL-1.0
// Typed traversals: every parameter, buffer or module with its static type and its path as a constant.
//   stator::for_each_parameter(model, [](auto name, auto& p) { std::cout << name << p.shape() << '\n'; });
#pragma once

#include "stator/model/ranges.hpp"

#include <ostream>
#include <string_view>

namespace stator::inline v0_2 {

/// A path as a type: `name.value`, `name == "fc1.weight"` and `name` itself are constants.
template<class Tables, std::size_t I, bool IsModule = false>
struct path_constant {
  static constexpr std::size_t index = I; ///< the row in the table of the network
  /// The path: "fc1.weight".
  static constexpr std::string_view value = [] {
    if constexpr (IsModule)
      return Tables::modules[I].path;
    else
      return Tables::leaves[I].name;
  }();
  /// Its row in the tables.
  static constexpr const auto& entry() {
    if constexpr (IsModule)
      return Tables::modules[I];
    else
      return Tables::leaves[I];
  }
  constexpr operator std::string_view() const { return value; }
  friend constexpr bool operator==(path_constant, std::string_view text) { return value == text; }
  friend std::ostream& operator<<(std::ostream& out, path_constant) { return out << value; }
};

namespace detail {

/// Calls `f(field)` for each field or element; unlike for_each_field every element is a statement of its own.
template<class M, class F>
constexpr void unrolled(M& m, F&& f) {
  using T = std::remove_cv_t<M>;
  if constexpr (Container<T>) {
    unrolled(m.elements, f);
  } else if constexpr (list_traits<T>::is_list) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f(std::get<I>(m), std::integral_constant<std::size_t, I>{}), ...);
    }(std::make_index_sequence<list_traits<T>::size>{});
  } else {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f(reflect::get<I>(m), std::integral_constant<std::size_t, I>{}), ...);
    }(std::make_index_sequence<reflect::field_count<T>>{});
  }
}

/// For each field of T: how many leaves (modules) come before it in the tables of T, in the order of `walk`.
struct FieldPlace {
  std::size_t leaf = 0, module = 0;
};
template<class F>
consteval FieldPlace field_size(LeafKind kind) {
  if constexpr (Leaf<F>) {
    const bool is_parameter = F::leaf_kind == LeafKind::parameter;
    return {is_parameter == (kind == LeafKind::parameter) ? std::size_t{1} : std::size_t{0}, 0};
  } else {
    return {};
  }
}
template<class F>
consteval FieldPlace child_size() {
  if constexpr (!Leaf<F> && Module<F>)
    return {table_sizes<F>.leaves, table_sizes<F>.modules};
  else
    return {};
}

template<class T>
struct fields_of {
  template<std::size_t I>
  using type = reflect::field_t<T, I>;
  static constexpr std::size_t count = reflect::field_count<T>;
};
template<class T>
  requires(list_traits<T>::is_list)
struct fields_of<T> {
  template<std::size_t I>
  using type = std::tuple_element_t<I, T>;
  static constexpr std::size_t count = list_traits<T>::size;
};
template<Container T>
struct fields_of<T> : fields_of<decltype(T::elements)> {};

/// places<T>[i]: where field i begins, relative to T.
template<class T>
inline constexpr auto places = [] {
  constexpr std::size_t n = fields_of<T>::count;
  std::array<FieldPlace, n + 1> at{};
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    FieldPlace end{0, 1};
    const auto put = [&](std::size_t i, bool there, FieldPlace size) {
      if (!there) return;
      at[i] = end;
      end.leaf += size.leaf, end.module += size.module;
    };
    (put(I, field_size<typename fields_of<T>::template type<I>>(LeafKind::parameter).leaf > 0, {1, 0}), ...);
    (put(I, field_size<typename fields_of<T>::template type<I>>(LeafKind::buffer).leaf > 0, {1, 0}), ...);
    (put(I, child_size<typename fields_of<T>::template type<I>>().module > 0,
         child_size<typename fields_of<T>::template type<I>>()),
     ...);
  }(std::make_index_sequence<n>{});
  return at;
}();

/// Calls `f(constant leaf index, leaf)` and `g(constant module index, module)`, a module before what is
/// inside.
template<std::size_t FirstLeaf, std::size_t FirstModule, class M, class F, class G>
constexpr void walk_typed(M& m, F& f, G& g) {
  using T = std::remove_cv_t<M>;
  g(std::integral_constant<std::size_t, FirstModule>{}, m);
  const auto leaves = [&](auto& field, auto index) {
    using Field = std::remove_cvref_t<decltype(field)>;
    if constexpr (Leaf<Field>)
      f(std::integral_constant<std::size_t, FirstLeaf + places<T>[index].leaf>{}, field);
  };
  const auto children = [&](auto& field, auto index) {
    using Field = std::remove_cvref_t<decltype(field)>;
    if constexpr (!Leaf<Field> && Module<Field>)
      walk_typed<FirstLeaf + places<T>[index].leaf, FirstModule + places<T>[index].module>(field, f, g);
  };
  unrolled(m, leaves);
  unrolled(m, children);
}

template<class M>
constexpr auto& network_of(M& m) {
  if constexpr (requires { m.module(); })
    return m.module();
  else
    return m;
}
template<class M>
struct tables_of {
  using type = table<M>;
};
template<class M>
  requires requires { typename M::tables; }
struct tables_of<M> {
  using type = typename M::tables;
};

} // namespace detail

/// Calls `f(name, parameter)` for each parameter of a model or module, shared ones once, by their first name.
template<class M, class F>
constexpr void for_each_parameter(M& model, F&& f) {
  using T = typename detail::tables_of<std::remove_cv_t<M>>::type;
  const auto visit = [&](auto index, auto& leaf) {
    if constexpr (T::leaves[index].is_parameter() && T::leaves[index].owner == index)
      f(path_constant<T, index>{}, leaf);
  };
  const auto skip = [](auto, auto&) {};
  detail::walk_typed<0, 0>(detail::network_of(model), visit, skip);
}

/// Calls `f(name, buffer)` for each buffer.
template<class M, class F>
constexpr void for_each_buffer(M& model, F&& f) {
  using T = typename detail::tables_of<std::remove_cv_t<M>>::type;
  const auto visit = [&](auto index, auto& leaf) {
    if constexpr (!T::leaves[index].is_parameter() && T::leaves[index].owner == index)
      f(path_constant<T, index>{}, leaf);
  };
  const auto skip = [](auto, auto&) {};
  detail::walk_typed<0, 0>(detail::network_of(model), visit, skip);
}

/// Calls `f(name, module)` for each module, itself first, shared ones once.
template<class M, class F>
constexpr void for_each_module(M& model, F&& f) {
  using T = typename detail::tables_of<std::remove_cv_t<M>>::type;
  const auto skip = [](auto, auto&) {};
  const auto visit = [&](auto index, auto& module) {
    if constexpr (T::modules[index].owner == index) f(path_constant<T, index, true>{}, module);
  };
  detail::walk_typed<0, 0>(detail::network_of(model), skip, visit);
}

/// Calls `f(name, child)` for each module directly inside, shared ones once.
template<class M, class F>
constexpr void for_each_child(M& model, F&& f) {
  using T = typename detail::tables_of<std::remove_cv_t<M>>::type;
  for_each_module(model, [&](auto path, auto& module) {
    if constexpr (detail::selections<T>::is_child(path.index)) f(path, module);
  });
}

} // namespace stator::inline v0_2
