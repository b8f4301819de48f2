// SPDX-License-Identifier: BSL-1.0
// What is wrong with a `forward`, or with what a module is called with, in words: checked before anything of
// the call is instantiated.
#pragma once

#include "stator/core/compile_error.hpp"
#include "stator/expr/expression.hpp"
#include "stator/module/structure.hpp"
#include "stator/trace/results.hpp"

namespace stator::detail {

/// A module's class in messages: "Linear<784, 128>".
template<class M>
constexpr Text display_name() {
  if constexpr (requires { M::class_name(); })
    return Text(M::class_name());
  else
    return reflect::short_type_name<M>();
}

/// What `forward` may return: a tensor, an expression of parameters alone, or several of them, see
/// trace/results.hpp.
template<class Y>
consteval bool is_result() {
  if constexpr (AnySymbol<Y>)
    return true;
  else if constexpr (result_kind<Y>() == ResultKind::none)
    return false;
  else if constexpr (result_kind<Y>() == ResultKind::one)
    return std::is_base_of_v<expr::Evaluated<Y>, Y>;
  else
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (is_result<result_part<Y, I>>() && ...);
    }(std::make_index_sequence<result_parts<Y>()>{});
}

/// Why `module.forward(x...)` cannot be recorded; X are symbols.
template<class M, class... X>
struct forward_error {
  static constexpr std::string_view right = "`constexpr auto forward(auto x) const`";

  static constexpr Text message() {
    const auto say = [](const auto&... parts) { return text("stator: ", display_name<M>(), parts...); };
    if constexpr (!HasForward<M>) {
      return say(" has no forward: write ", right);
    } else if constexpr (requires(const M& m, const X&... x) { m.forward(x...); }) {
      using Y = std::remove_cvref_t<decltype(std::declval<const M&>().forward(std::declval<const X&>()...))>;
      if constexpr (!is_result<Y>())
        return say(": forward returns ", reflect::detail::type_text<Y>(),
                   ", expected a tensor, or a std::tuple of tensors, an array or a struct of them");
      else
        return {};
    } else if constexpr (requires(M& m, const X&... x) { m.forward(x...); }) {
      return say(": forward is not const: write ", right);
    } else if constexpr (requires { &M::forward; }) {
      return say(
          ": forward names the types of its inputs, but is called with symbols while it is compiled: write ",
          right);
    } else {
      return say(": forward cannot be called with ", sizeof...(X), sizeof...(X) == 1 ? " input" : " inputs",
                 " of these types");
    }
  }
};

} // namespace stator::detail
