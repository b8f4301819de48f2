// SPDX-License-Identifier: BSL-1.0
// What the type of a model adds to its network: Model<Net, freeze<"backbone.*">, eval_mode<"backbone">>.
#pragma once

#include "stator/core/fixed_string.hpp"
#include "stator/core/glob.hpp"
#include "stator/module/entries.hpp"
#include "stator/module/nearest.hpp"

#include <array>

namespace stator::inline v0_2 {

namespace detail {

template<fixed_string... Pattern>
struct patterns {
  static constexpr std::array<std::string_view, sizeof...(Pattern)> list{Pattern.view()...};
  static constexpr bool match(std::string_view name) { return (glob_match(Pattern.view(), name) || ...); }
};

} // namespace detail

/// requires_grad_(False) for the parameters whose path, or the path of a module around them, matches
/// a pattern. They get no gradient storage and no gradient code. A name of a shared parameter freezes all of
/// it.
template<fixed_string... Pattern>
struct freeze : detail::patterns<Pattern...> {
  static constexpr bool freezes = true; ///< what marks this option
};

/// module.eval() for the modules whose path matches a pattern, whatever the mode of the model is: no
/// dropout, running statistics.
template<fixed_string... Pattern>
struct eval_mode : detail::patterns<Pattern...> {
  static constexpr bool evaluates = true; ///< what marks this option
};

namespace detail {

template<class Option>
concept Freezing = requires { Option::freezes; };
template<class Option>
concept Evaluating = requires { Option::evaluates; };

template<class Option>
constexpr bool freezes(std::string_view path) {
  if constexpr (Freezing<Option>)
    return Option::match(path);
  else
    return false;
}
template<class Option>
constexpr bool evaluates(std::string_view path) {
  if constexpr (Evaluating<Option>)
    return Option::match(path);
  else
    return false;
}

/// Whether `names(path)` for the path of a leaf or that of a module around it.
constexpr bool names_leaf(const auto& modules, const LeafEntry& leaf, const auto& names) {
  if (names(leaf.name)) return true;
  for (std::size_t m = leaf.module; m != 0; m = modules[m].parent)
    if (names(modules[m].path)) return true;
  return false;
}
template<class Option>
constexpr bool freezes_leaf(const auto& modules, const LeafEntry& leaf) {
  return names_leaf(modules, leaf, [](std::string_view path) { return freezes<Option>(path); });
}
constexpr bool matches_leaf(std::string_view pattern, const auto& modules, const LeafEntry& leaf) {
  return names_leaf(modules, leaf, [pattern](std::string_view path) { return glob_match(pattern, path); });
}

/// ", did you mean ...?" out of all names of a network.
constexpr Text nearest_name(std::string_view path, const auto& leaves, const auto& modules) {
  return nearest(path, leaves.size() + modules.size(), [&](std::size_t i) {
    return i < leaves.size() ? leaves[i].name : modules[i - leaves.size()].path;
  });
}

/// The first pattern of an option that selects nothing in a network.
template<class Table, class Option>
constexpr Text useless_pattern() {
  static_assert(Freezing<Option> || Evaluating<Option>,
                "stator: the options of a Model are freeze and eval_mode");
  for (const std::string_view pattern : Option::list) {
    bool any = false;
    if constexpr (Freezing<Option>) {
      for (const LeafEntry& leaf : Table::leaves) {
        any = any || (leaf.is_parameter() && glob_match(pattern, leaf.name));
        for (std::size_t m = leaf.module; m != 0 && leaf.is_parameter(); m = Table::modules[m].parent)
          any = any || glob_match(pattern, Table::modules[m].path);
      }
    } else {
      for (const ModuleEntry& module : Table::modules) any = any || glob_match(pattern, module.path);
    }
    if (any) continue;
    Text found = text("stator: ", Freezing<Option> ? "freeze" : "eval_mode", "<\"", pattern,
                      "\">: ", Table::modules[0].type, " has no ", Freezing<Option> ? "parameter" : "module",
                      " of that name");
    found += nearest_name(pattern, Table::leaves, Table::modules);
    return found;
  }
  return {};
}

/// A pattern of `requires_grad_<"...">` that names nothing is a mistake.
template<class Table, fixed_string Pattern>
struct requires_grad_error {
  static consteval Text message() {
    for (const LeafEntry& leaf : Table::leaves)
      if (leaf.is_parameter() && matches_leaf(Pattern.view(), Table::modules, leaf)) return {};
    Text found = text("stator: requires_grad_<\"", Pattern.view(), "\">: ", Table::modules[0].type,
                      " has no parameter of that name");
    found += nearest_name(Pattern.view(), Table::leaves, Table::modules);
    return found;
  }
};

template<class Table, class... Options>
struct option_error {
  static consteval Text message() {
    Text found;
    ((found.empty() ? void(found += useless_pattern<Table, Options>()) : void()), ...);
    return found;
  }
};

} // namespace detail

} // namespace stator::inline v0_2
