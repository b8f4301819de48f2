// SPDX-License-Identifier: BSL-1.0
// What counts as a module, and the one traversal of a network that everything else uses.
//
// `walk(module, visitor)` calls, in PyTorch's order (a module, its parameters, its buffers, then its
// children):
//   visitor.module(m)             for each module, itself first
//   visitor.leaf(name, leaf)      for each parameter or buffer
//   visitor.enter(name), leave(name)  around each child; `name` is a string_view or, in lists, an index
#pragma once

#include "stator/expr/parameter.hpp"
#include "stator/reflect/names.hpp"

#include <array>
#include <tuple>
#include <type_traits>

namespace stator::inline v0_2 {

namespace detail {
struct forward_fallback {
  int forward;
};
template<class T>
struct forward_probe : T, forward_fallback {};
/// T has a member called `forward`: the name is then ambiguous in the probe. Works for templates as well.
template<class T>
concept HasForward = std::is_class_v<T> && !std::is_final_v<T> && !requires { &forward_probe<T>::forward; };

/// A struct whose children are the elements of its field `elements` (a std::tuple or std::array), not its
/// fields: nn::Sequential, nn::ModuleDict. `element_names`, if there, names them; numbers do otherwise.
template<class T>
concept Container = requires { T::is_container; };
template<class T>
concept NamedContainer = Container<T> && requires { T::element_names; };

template<class T>
struct list_traits {
  static constexpr bool is_list = false;
};
template<class T, std::size_t N>
struct list_traits<std::array<T, N>> {
  static constexpr bool is_list = true;
  static constexpr std::size_t size = N;
};
template<class... T>
struct list_traits<std::tuple<T...>> {
  static constexpr bool is_list = true;
  static constexpr std::size_t size = sizeof...(T);
};

template<class T>
consteval bool holds_leaves();
} // namespace detail

/// `std::array` or `std::tuple` of modules or parameters: PyTorch's ModuleList and ParameterList.
template<class T>
concept List =
    detail::list_traits<std::remove_cv_t<T>>::is_list && detail::holds_leaves<std::remove_cv_t<T>>();

/// A struct with `forward`, or one that holds parameters, buffers or modules.
template<class T>
concept Module = !Leaf<T> && std::is_class_v<T> &&
                 (detail::HasForward<std::remove_cv_t<T>> || detail::holds_leaves<std::remove_cv_t<T>>());

namespace detail {
/// A module with state that is not a tensor of its own, see state/state_target.hpp.
template<class M>
concept HasExtraState = requires(const M& m) { m.get_extra_state(); };

template<class T>
concept Part = Leaf<T> || Module<T>;

template<class T>
consteval bool holds_leaves() {
  if constexpr (list_traits<T>::is_list) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (Part<std::tuple_element_t<I, T>> || ...);
    }(std::make_index_sequence<(list_traits<T>::size > 0 && requires {
      typename T::value_type;
    }) ? 1 : list_traits<T>::size>{});
  } else if constexpr (HasForward<T> || Container<T>) {
    return true;
  } else if constexpr (!std::is_class_v<T> || requires { T::absent_leaf; }) {
    return false;
  } else if constexpr (!reflect::Reflectable<T>) {
    // What may hold parameters is taken for a module: module/network_requirements.hpp then says what is wrong
    // with it.
    return reflect::detail::fault<T> == reflect::detail::Fault::c_array ||
           reflect::detail::fault<T> == reflect::detail::Fault::too_many_fields;
  } else {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (Part<reflect::field_t<T, I>> || ...);
    }(std::make_index_sequence<reflect::field_count<T>>{});
  }
}

template<class M, class V>
constexpr void walk_fields(M& m, V& v);
} // namespace detail

/// The traversal. `module` may be const or the prototype of constant evaluation.
template<class M, class V>
constexpr void walk(M& module, V& visitor) {
  visitor.module(module);
  detail::walk_fields(module, visitor);
}

namespace detail {
// Which fields a walk visits. The others are passed over by their types: getting a field costs a constant
// evaluation more than what most visitors do with it.
struct EveryField {
  template<class F>
  static consteval bool wants() {
    return true;
  }
};
template<bool Parameter>
struct Leaves {
  template<class F>
  static consteval bool wants() {
    if constexpr (Leaf<F>)
      return (F::leaf_kind == LeafKind::parameter) == Parameter;
    else
      return false;
  }
};
struct Children {
  template<class F>
  static consteval bool wants() {
    return Module<F>;
  }
};

/// The type of field I of a struct, or of element I of a list.
template<class T, std::size_t I, bool IsList = list_traits<T>::is_list>
struct field_type : std::type_identity<reflect::field_t<T, I>> {};
template<class T, std::size_t I>
struct field_type<T, I, true> : std::tuple_element<I, T> {};

/// The numbers of the wanted ones: found once for all visitors.
template<class Wanted, class T, class Numbers>
struct wanted_among;
template<class Wanted, class T, std::size_t... I>
struct wanted_among<Wanted, T, std::index_sequence<I...>> {
  static constexpr std::size_t count =
      (std::size_t{0} + ... + Wanted::template wants<typename field_type<T, I>::type>());
  static constexpr std::array<std::size_t, count> numbers = [] {
    std::array<std::size_t, count> result{};
    std::size_t n = 0;
    ((Wanted::template wants<typename field_type<T, I>::type>() ? void(result[n++] = I) : void()), ...);
    return result;
  }();
};
template<class Of, class Numbers = std::make_index_sequence<Of::count>>
struct wanted_numbers;
template<class Of, std::size_t... K>
struct wanted_numbers<Of, std::index_sequence<K...>>
    : std::type_identity<std::index_sequence<Of::numbers[K]...>> {};
template<class Wanted, class T, std::size_t Count>
using wanted_fields = typename wanted_numbers<wanted_among<Wanted, T, std::make_index_sequence<Count>>>::type;

template<class M, class F, std::size_t... I>
constexpr void visit_fields(M& m, F& visit, std::index_sequence<I...>) {
  (visit(reflect::get<I>(m), reflect::field_name<std::remove_cv_t<M>, I>), ...);
}
template<class M, class F, std::size_t... I>
constexpr void visit_elements(M& m, F& visit, std::index_sequence<I...>) {
  (visit(std::get<I>(m), I), ...);
}
template<class T, class M, class F, std::size_t... I>
constexpr void visit_named(M& m, F& visit, std::index_sequence<I...>) {
  (visit(std::get<I>(m), T::element_names[I]), ...);
}

/// Calls `visit(field, name)` for each field of a struct or element of a list that is wanted.
template<class Wanted = EveryField, class M, class F>
constexpr void for_each_field(M& m, F&& visit) {
  using T = std::remove_cv_t<M>;
  if constexpr (NamedContainer<T>)
    visit_named<T>(
        m.elements, visit,
        wanted_fields<Wanted, std::remove_cvref_t<decltype(m.elements)>, T::element_names.size()>{});
  else if constexpr (Container<T>)
    for_each_field<Wanted>(m.elements, visit);
  else if constexpr (requires { typename T::value_type; } && list_traits<T>::is_list) {
    if constexpr (Wanted::template wants<typename T::value_type>())
      for (std::size_t i = 0; i < m.size(); ++i) visit(m[i], i);
  } else if constexpr (list_traits<T>::is_list)
    visit_elements(m, visit, wanted_fields<Wanted, T, list_traits<T>::size>{});
  else
    visit_fields(m, visit, wanted_fields<Wanted, T, reflect::field_count<T>>{});
}

template<class M, class V>
constexpr void walk_fields(M& m, V& v) {
  for_each_field<Leaves<true>>(m, [&](auto& field, const auto& name) { v.leaf(name, field); });
  for_each_field<Leaves<false>>(m, [&](auto& field, const auto& name) { v.leaf(name, field); });
  for_each_field<Children>(m, [&](auto& field, const auto& name) {
    v.enter(name);
    walk(field, v);
    v.leave(name);
  });
}

/// A visitor that does nothing: visitors derive from it and say what they care for.
struct visitor_base {
  constexpr void module(const auto&) {}
  constexpr void leaf(const auto&, auto&) {}
  constexpr void enter(const auto&) {}
  constexpr void leave(const auto&) {}
};
} // namespace detail

/// Calls `f` on every module, children before parents, in the order of declaration: torch.nn.Module.apply.
template<Module M, class F>
constexpr void apply(M& module, F&& f) {
  detail::for_each_field(module, [&](auto& field, const auto&) {
    if constexpr (Module<std::remove_cvref_t<decltype(field)>>) stator::apply(field, f);
  });
  f(module);
}

} // namespace stator::inline v0_2
