// SPDX-License-Identifier: BSL-1.0
// Fields of plain aggregates: how many, which one, by reference. The only file that knows Boost.PFR.
//
// Everything else in Stator is built on `field_count<T>` and `get<I>(object)`. What PFR miscounts or refuses
// with a page of its own internals is refused here first, in our words.
#pragma once

#include "stator/core/compile_error.hpp"
#include "stator/reflect/bindings.hpp"

#include <boost/pfr/core.hpp>
#include <boost/pfr/tuple_size.hpp>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

namespace stator::reflect {

/// The most fields that one struct may have.
inline constexpr std::size_t max_fields = 200;

namespace detail {

#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-internal"
#endif
/// Converts to anything but `Self`: stands for an initialiser of a field.
template<class Self>
struct any_field {
  std::size_t ignored = 0;
  template<class T>
    requires(!std::is_same_v<T, Self> && !std::is_base_of_v<T, Self>)
  operator T() const noexcept;
};

/// Converts only to a base class of `Self`.
template<class Self>
struct any_base {
  template<class T>
    requires(std::is_base_of_v<T, Self> && !std::is_same_v<T, Self>)
  operator T() const noexcept;
};

#ifdef __clang__
#pragma clang diagnostic pop
#endif

template<class T>
concept HasBase = std::is_aggregate_v<T> && requires { T{any_base<T>{}}; };

/// Whether some of the `Count` initialisers that T takes are elements of C arrays: between parentheses, every
/// initialiser is that of a field.
template<class T, std::size_t Count>
consteval bool has_c_array() {
  if constexpr (Count < 2)
    return false;
  else
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return !requires { T(any_field<T>{I}...); };
    }(std::make_index_sequence<Count>{});
}

/// Converts to numbers and pointers only.
struct any_number {
  std::size_t ignored = 0;
  template<class T>
    requires(std::is_scalar_v<T>)
  operator T() const noexcept;
};

/// All fields, those of C arrays included, are numbers: options, no modules.
template<class T, std::size_t Count>
consteval bool only_numbers() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return requires { T{any_number{I}...}; };
  }(std::make_index_sequence<Count>{});
}

/// Whether T can be initialised with N fields.
template<class T, std::size_t N>
consteval bool takes() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return requires { T{any_field<T>{I}...}; };
  }(std::make_index_sequence<N>{});
}

/// The most fields that T can be initialised with, which is at least Low and less than High. Elements of C
/// arrays count one by one.
template<class T, std::size_t Low, std::size_t High>
consteval std::size_t count_between() {
  if constexpr (High - Low <= 1)
    return Low;
  else if constexpr (takes<T, (Low + High) / 2>())
    return count_between<T, (Low + High) / 2, High>();
  else
    return count_between<T, Low, (Low + High) / 2>();
}
/// The most fields of a struct whose last field must be initialised.
inline constexpr std::size_t most_required = 32;
/// The count of a T that cannot be initialised with fewer than a number of fields, which is at least Next.
template<class T, std::size_t Next, bool Found = false>
consteval std::size_t count_required() {
  if constexpr (takes<T, Next>())
    return count_required<T, Next + 1, true>();
  else if constexpr (Found || Next >= most_required)
    return Found ? Next - 1 : 0;
  else
    return count_required<T, Next + 1>();
}
/// Boost.PFR's count of an aggregate, found from below: its search between 0 and 8 * sizeof(T) took half of
/// the time that the tables of a network need.
template<class T, std::size_t Low = 0, std::size_t Next = 1>
consteval std::size_t count_initialisers() {
  if constexpr (Next == 1 && !takes<T, 1>() && !takes<T, 0>())
    return count_required<T, 2>();
  else if constexpr (!takes<T, Next>())
    return count_between<T, Low, Next>();
  else if constexpr (Next > max_fields)
    return Next;
  else
    return count_initialisers<T, Next, (2 * Next <= max_fields ? 2 * Next : max_fields + 1)>();
}

/// Why a class cannot be reflected.
enum class Fault {
  none,
  not_a_struct,
  base_class,
  not_an_aggregate,
  c_array,
  numbers_only_c_array,
  too_many_fields
};

template<class T>
consteval Fault find_fault() {
  if constexpr (!std::is_class_v<T>) {
    return Fault::not_a_struct;
  } else if constexpr (HasBase<T>) {
    return Fault::base_class;
  } else if constexpr (!std::is_aggregate_v<T>) {
    return Fault::not_an_aggregate;
  } else {
    constexpr std::size_t n = count_initialisers<T>();
    if constexpr (n > max_fields)
      return Fault::too_many_fields;
    else if constexpr (!has_c_array<T, n>())
      return Fault::none;
    else
      return only_numbers<T, n>() ? Fault::numbers_only_c_array : Fault::c_array;
  }
}

/// The text after "stator: ".
constexpr std::string_view fault_text(Fault fault) {
  switch (fault) {
  case Fault::not_a_struct:
    return "a module is a struct";
  case Fault::base_class:
    return "a module cannot have a base class: make the base a field instead";
  case Fault::not_an_aggregate:
    return "a module must be a plain aggregate, this one has a constructor, a virtual function, or a private "
           "or "
           "protected field: remove it, and initialise fields where they are declared";
  case Fault::c_array:
  case Fault::numbers_only_c_array:
    return "a module cannot have a C array as a field: use std::array instead";
  case Fault::too_many_fields:
    return "a module can have at most 200 fields: group them in structs";
  default:
    return {};
  }
}

template<class T>
inline constexpr Fault fault = find_fault<T>();

/// The fields of T, none where it cannot be reflected.
template<class T>
consteval std::size_t count_fields() {
  if constexpr (fault<T> == Fault::none)
    return count_initialisers<T>();
  else
    return 0;
}

template<class T>
struct fault_message {
  static consteval Text message() {
    if (fault<T> == Fault::none) return {};
    return text("stator: ", fault_text(fault<T>));
  }
};

} // namespace detail

/// Whether T can be reflected.
template<class T>
concept Reflectable = detail::fault<std::remove_cv_t<T>> == detail::Fault::none;

/// Number of fields of the aggregate T.
template<class T>
inline constexpr std::size_t field_count = [] {
  if constexpr (check<detail::fault_message<std::remove_cv_t<T>>>())
    return detail::count_fields<std::remove_cv_t<T>>();
  else
    return std::size_t{0};
}();

/// The field I of `object`, by reference.
template<std::size_t I, class T>
  requires(I < field_count<T>)
constexpr auto& get(T& object) {
  // With our count; boost::pfr::get, should PFR change inside, counts once more.
  if constexpr (field_count<T> <= 100 && requires {
                  boost::pfr::detail::tie_as_tuple(object, boost::pfr::detail::size_t_<field_count<T>>{});
                })
    return boost::pfr::detail::sequence_tuple::get<I>(
        boost::pfr::detail::tie_as_tuple(object, boost::pfr::detail::size_t_<field_count<T>>{}));
  else if constexpr (field_count<T> <= 100)
    return boost::pfr::get<I>(object);
  else
    return detail::pick<I>(detail::bind_fields<field_count<T>>(object));
}

/// The type of field I of T.
template<class T, std::size_t I>
using field_t = std::remove_cvref_t<decltype(reflect::get<I>(std::declval<T&>()))>;

} // namespace stator::reflect
