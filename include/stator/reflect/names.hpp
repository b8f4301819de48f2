// SPDX-License-Identifier: BSL-1.0
// Names of fields and types, and the one object whose subobjects' addresses stand for a network's fields
// in constant evaluation.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/fixed_string.hpp"
#include "stator/core/text.hpp"
#include "stator/reflect/fields.hpp"

#include <string_view>
#include <type_traits>
#if __has_include(<boost/pfr/core_name.hpp>)
#include <boost/pfr/core_name.hpp>
#endif

namespace stator::reflect {

namespace detail {
template<class T>
struct wrapper {
  T value;
};

#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-var-template"
#pragma clang diagnostic ignored "-Wundefined-internal"
#endif
/// Never defined: only addresses inside it are used, and they are constants.
template<class T>
extern const wrapper<T> fake;
} // namespace detail

/// An object of type T that exists only in constant evaluation. Its fields can be called and their addresses
/// compared, never read.
template<class T>
constexpr const T& prototype() {
  // Functions of constants are compiled as well, where their address is in one: without this they would not
  // link.
  if (__builtin_is_constant_evaluated()) return detail::fake<T>.value;
  STATOR_UNREACHABLE();
}

namespace detail {
template<auto Pointer>
consteval auto pointer_text() { // `auto`: g++ would append what a named return type stands for
#if defined(__clang__) || defined(__GNUC__)
  return std::string_view(STATOR_FUNCTION_SIGNATURE);
#else
#error "stator: field names need g++ 12 or clang 19, or newer"
#endif
}

/// The last identifier of "...Pointer = (& fake<Net>.wrapper<Net>::value.Net::fc1)]" or
/// "...&fake.value.fc1]". Looks from the end, since the text is long where types are.
consteval std::string_view last_identifier(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0 && (text[end - 1] == ']' || text[end - 1] == ')' || text[end - 1] == ' ')) --end;
  std::size_t begin = end;
  while (begin > 0 && text[begin - 1] != '.' && text[begin - 1] != ':') --begin;
  return text.substr(begin, end - begin);
}

template<class T, std::size_t I>
consteval std::string_view field_name() {
#if defined(BOOST_PFR_CORE_NAME_ENABLED) && BOOST_PFR_CORE_NAME_ENABLED
  return boost::pfr::get_name<I, T>();
#else
  return last_identifier(pointer_text<&reflect::get<I>(fake<T>.value)>());
#endif
}
#ifdef __clang__
#pragma clang diagnostic pop
#endif

template<class T, std::size_t I>
struct stored_name {
  static constexpr std::string_view found = field_name<T, I>();
  static constexpr fixed_string<found.size()> text{found};
};

template<class T>
consteval std::string_view type_text() {
  std::string_view text = STATOR_FUNCTION_SIGNATURE;
  text = text.substr(text.find("T = ") + 4);
  // The name ends at the "]" or ";" that is outside of its own brackets.
  std::size_t depth = 0, end = 0;
  for (; end < text.size(); ++end) {
    const char c = text[end];
    if (c == '<' || c == '[' || c == '(' || c == '{') ++depth;
    if (depth == 0 && (c == ';' || c == ']')) break;
    if (c == '>' || c == ']' || c == ')' || c == '}') --depth;
  }
  return text.substr(0, end);
}
} // namespace detail

/// Name of field I of T, with static storage: "fc1".
template<class T, std::size_t I>
inline constexpr std::string_view field_name = detail::stored_name<T, I>::text.view();

namespace detail {

/// The name of the type in its text.
template<class T>
consteval std::string_view name_in_type_text() {
  std::string_view text = type_text<T>();
  std::size_t depth = 0, begin = 0, end = text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '<' || c == '(' || c == '{') {
      if (depth == 0 && c == '<') end = i;
      ++depth;
    } else if (c == '>' || c == ')' || c == '}') {
      --depth;
    } else if (depth == 0 && c == ':') {
      begin = i + 1;
      end = text.size();
    }
  }
  return text.substr(begin, end - begin);
}

} // namespace detail

/// The class's own name, without namespaces, enclosing functions and template arguments: "Linear"; or what
/// its static `class_name()` says.
template<class T>
consteval std::string_view class_name() {
  if constexpr (requires { T::class_name(); })
    return T::class_name();
  else
    return detail::name_in_type_text<T>();
}

/// The class's name with its leading integer arguments, as an author writes it: "Linear<784, 128>".
template<class T>
constexpr Text short_type_name() {
  const std::string_view all = detail::type_text<T>(), name = detail::name_in_type_text<T>();
  Text result{name};
  const auto begin = static_cast<std::size_t>(name.data() - all.data()) + name.size();
  if (begin >= all.size() || all[begin] != '<') return result;
  // Takes whole arguments that are integers, until the first that is not.
  std::string_view rest = all.substr(begin + 1);
  bool any = false;
  for (;;) {
    const std::size_t end = rest.find_first_of(",>");
    if (end == std::string_view::npos || end == 0) break;
    if (rest.substr(0, end).find_first_not_of("-0123456789") != std::string_view::npos) break;
    result += any ? ", " : "<";
    result += rest.substr(0, end);
    any = true;
    if (rest[end] == '>') break;
    rest = rest.substr(end + 2);
  }
  if (any) result += ">";
  return result;
}

} // namespace stator::reflect
