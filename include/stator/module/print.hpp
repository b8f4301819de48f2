// SPDX-License-Identifier: BSL-1.0
// The text of `print(model)` in PyTorch 1.13.
#pragma once

#include "stator/module/structure.hpp"
#include "stator/module/table.hpp"

#include <string>

namespace stator::inline v0_2 {

namespace detail {

/// "  (0): Parameter containing: [torch.float32 of size 2x3]", as ParameterList and ParameterDict print.
template<class L>
std::string leaf_repr(std::string_view name, bool named) {
  constexpr bool doubles = std::is_same_v<typename L::scalar, double>;
  std::string line = "  (" + std::string(name) + "): ";
  line += L::leaf_kind == LeafKind::parameter ? "Parameter" : "Tensor";
  line += " containing: [torch.";
  line += named ? (doubles ? "DoubleTensor" : "FloatTensor")
                : std::string(to_string(dtype_of<typename L::scalar>));
  line += " of size ";
  const Extents e = L::shape_tag::extents;
  for (std::size_t d = 0; d < e.rank; ++d) line += (d > 0 ? "x" : "") + std::to_string(e[d]);
  return line + "]";
}

/// A module's own line of text; containers of parameters list them.
template<class M>
std::string extra_repr_of(const M& module) {
  std::string lines;
  if constexpr (requires { module.extra_repr(); }) {
    lines = std::string(module.extra_repr());
  } else if constexpr (Container<M> || list_traits<M>::is_list) {
    for_each_field(module, [&](const auto& field, const auto& name) {
      using F = std::remove_cvref_t<decltype(field)>;
      if constexpr (Leaf<F>)
        lines += (lines.empty() ? "" : "\n") + leaf_repr<F>(text(name).view(), NamedContainer<M>);
    });
  }
  return lines;
}

inline std::string indented(std::string_view text) {
  std::string result;
  for (const char c : text) {
    result += c;
    if (c == '\n') result += "  ";
  }
  return result;
}

} // namespace detail

/// repr(module): a module's class, its extra_repr(), and its children indented by two.
template<Module M>
std::string repr(const M& module) {
  const std::string extra = detail::extra_repr_of(module);
  std::string children;
  detail::for_each_field(module, [&](const auto& field, const auto& name) {
    using F = std::remove_cvref_t<decltype(field)>;
    if constexpr (!Leaf<F> && Module<F>)
      children += "\n  (" + std::string(text(name).view()) + "): " + detail::indented(repr(field));
    else if constexpr (std::is_same_v<F, AbsentModule>)
      children += "\n  (" + std::string(text(name).view()) + "): None";
  });
  std::string result(detail::FillVisitor::type_name<M>());
  result += '(';
  if (children.empty() && extra.find('\n') == std::string::npos) {
    result += extra;
  } else {
    if (!extra.empty()) result += "\n  " + detail::indented(extra);
    result += children + '\n';
  }
  return result + ')';
}

} // namespace stator::inline v0_2
