// SPDX-License-Identifier: BSL-1.0
// Reports in a compiler error what cannot be a network, and where in the network it is.
#pragma once

#include "stator/core/compile_error.hpp"
#include "stator/module/structure.hpp"

namespace stator::detail {

/// The types that a class template was given: std::map<K, V>, std::variant<A, B>, std::span<T, N>.
template<class... A>
struct type_list {};
template<class F>
struct template_arguments {
  using type = type_list<>;
};
template<template<class...> class C, class... A>
struct template_arguments<C<A...>> {
  using type = type_list<A...>;
};
template<template<class, auto, class...> class C, class A, auto N, class... B>
struct template_arguments<C<A, N, B...>> {
  using type = type_list<A, B...>;
};

/// What a container, an optional or a pointer, smart or not, holds; void for all else.
template<class F>
consteval auto held_type() {
  if constexpr (std::is_pointer_v<F>)
    return std::type_identity<std::remove_pointer_t<F>>{};
  else if constexpr (requires { typename F::mapped_type; })
    return std::type_identity<typename F::mapped_type>{};
  else if constexpr (requires { typename F::value_type; })
    return std::type_identity<typename F::value_type>{};
  else if constexpr (requires { typename F::element_type; })
    return std::type_identity<typename F::element_type>{};
  else
    return std::type_identity<void>{};
}

/// Whether there can be modules or parameters in an F. Seen: the types around it, for those that hold
/// themselves.
template<class F, class... Seen>
consteval bool may_hold_parts() {
  using T = std::remove_cv_t<F>;
  const auto any_of = []<class... A>(type_list<A...>) { return (may_hold_parts<A, T, Seen...>() || ...); };
  if constexpr ((std::is_same_v<T, Seen> || ...) || !requires { sizeof(T); }) {
    return false;
  } else if constexpr (std::is_pointer_v<T>) {
    return any_of(type_list<std::remove_pointer_t<T>>{});
  } else if constexpr (!std::is_class_v<T>) {
    return false;
  } else if constexpr (Part<T>) {
    return true;
  } else if constexpr (std::is_empty_v<T> || requires { T::absent_leaf; }) {
    return false;
  } else if constexpr (any_of(type_list<typename decltype(held_type<T>())::type>{}) ||
                       any_of(typename template_arguments<T>::type{})) {
    return true;
  } else if constexpr (reflect::Reflectable<T> && !list_traits<T>::is_list) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return any_of(type_list<reflect::field_t<T, I>...>{});
    }(std::make_index_sequence<reflect::field_count<T>>{});
  } else {
    return false;
  }
}

/// What hides modules in a field that is none; empty when nothing does. `path` is that of the field.
template<class F>
constexpr Text find_hidden(const Text& path) {
  if constexpr (Part<F> || list_traits<F>::is_list || !may_hold_parts<F>()) {
    return {};
  } else if constexpr (may_hold_parts<typename decltype(held_type<F>())::type>()) {
    return text("stator: ", path, ": how many modules it holds is known only at run time: use std::array, ",
                "std::tuple, nn::ModuleList, or stator::Absent for what is not there");
  } else {
    return text("stator: ", path,
                ": the modules in it are hidden from the network: make them fields, or use ",
                "std::array, std::tuple, nn::ModuleList or nn::ModuleDict");
  }
}

/// get_extra_state() alone is of no use.
template<class M>
consteval bool lacks_a_setter() {
  if constexpr (HasExtraState<M>)
    return !requires(M& m) {
      m.set_extra_state(std::remove_cvref_t<decltype(m.get_extra_state())>(m.get_extra_state()));
    };
  else
    return false;
}

/// What is wrong with M or something in it; empty when nothing is. `path` is where M is.
template<class M>
constexpr Text find_refusal(const Text& path) {
  const auto inside = [&](const auto& name) {
    Text p(path);
    if (!p.empty()) p += ".";
    p += name;
    return p;
  };
  if constexpr (lacks_a_setter<M>()) {
    return text("stator: ", reflect::class_name<M>(), path.empty() ? "" : " at ", path,
                ": get_extra_state() needs a set_extra_state() that takes what it returns");
  } else if constexpr (Container<M>) {
    return find_refusal<decltype(M::elements)>(path);
  } else if constexpr (list_traits<M>::is_list) {
    Text found;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      [[maybe_unused]] const auto look = [&]<class E>(std::type_identity<E>, std::size_t i) {
        if (!found.empty()) return;
        found = find_hidden<E>(inside(i));
        if constexpr (Module<E>)
          if (found.empty()) found = find_refusal<E>(inside(i));
      };
      (look(std::type_identity<std::tuple_element_t<I, M>>{}, I), ...);
    }(std::make_index_sequence<requires { typename M::value_type; } ? (list_traits<M>::size > 0)
                                                                    : list_traits<M>::size>{});
    return found;
  } else if constexpr (!reflect::Reflectable<M>) {
    Text found = text("stator: ", reflect::class_name<M>(), path.empty() ? "" : " at ", path, ": ");
    found += reflect::detail::fault_text(reflect::detail::fault<M>);
    return found;
  } else {
    Text found;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      [[maybe_unused]] const auto look = [&]<class F>(std::type_identity<F>, std::string_view name) {
        if (!found.empty()) return;
        found = find_hidden<F>(inside(name));
        if constexpr (Module<F> || list_traits<F>::is_list)
          if (found.empty()) found = find_refusal<F>(inside(name));
      };
      (look(std::type_identity<reflect::field_t<M, I>>{}, reflect::field_name<M, I>), ...);
    }(std::make_index_sequence<reflect::field_count<M>>{});
    return found;
  }
}

template<class Net>
struct refusal {
  static consteval Text message() {
    Text found = find_refusal<Net>(Text());
    if (found.empty() && !Module<Net>)
      found = text("stator: ", reflect::class_name<Net>(),
                   " is not a module: it has neither `forward` nor parameters, buffers or modules");
    return found;
  }
};

} // namespace stator::detail
