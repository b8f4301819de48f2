// SPDX-License-Identifier: BSL-1.0
// Shared weights, declared in the struct that holds both:
//   using ties = stator::ties<stator::tie<"lm_head.weight", "wte.weight">>;
#pragma once

#include "stator/core/fixed_string.hpp"

#include <string_view>

namespace stator::inline v0_2 {

/// The first path becomes another name for what the second path names: a parameter, a buffer or a whole
/// module. Paths are relative to the struct that declares the tie.
template<fixed_string Alias, fixed_string Target>
struct tie {
  static constexpr std::string_view alias = Alias.view();   ///< the other name
  static constexpr std::string_view target = Target.view(); ///< what it names
};

/// The list of a struct's ties.
template<class... T>
struct ties {
  /// Calls `f(alias, target)` for each tie.
  static constexpr void for_each(auto&& f) { (f(T::alias, T::target), ...); }
};

} // namespace stator::inline v0_2
