// SPDX-License-Identifier: BSL-1.0
// Says in a compiler error what cannot be a network, and where in the network it is.
#pragma once

#include "stator/core/compile_error.hpp"
#include "stator/module/structure.hpp"

namespace stator::detail {

/// Something that holds modules or parameters, but how many is known only at run time.
template<class F>
consteval bool is_run_time_container() {
  if constexpr (Part<F> || list_traits<F>::is_list)
    return false;
  else if constexpr (std::is_pointer_v<F>)
    return Part<std::remove_cv_t<std::remove_pointer_t<F>>>;
  else if constexpr (requires { typename F::value_type; })
    return Part<typename F::value_type>;
  else if constexpr (requires { typename F::element_type; })
    return Part<typename F::element_type>;
  else
    return false;
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
        if constexpr (is_run_time_container<F>()) {
          found = text("stator: ", inside(name),
                       ": how many modules it holds is known only at run time: use std::array, ",
                       "std::tuple, nn::ModuleList, or stator::Absent for what is not there");
        } else if constexpr (Module<F>) {
          found = find_refusal<F>(inside(name));
        }
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
                   " is no module: it has neither `forward` nor parameters, buffers or modules");
    return found;
  }
};

} // namespace stator::detail
