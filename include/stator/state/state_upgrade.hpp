// SPDX-License-Identifier: BSL-1.0
// How the modules of a network upgrade the state of older programs.
#pragma once

#include "stator/module/table.hpp"
#include "stator/state/state_dict.hpp"

#include <array>

namespace stator::inline v0_2 {

/// `static void upgrade_state(StateDict& state, std::string_view prefix)` of a module: puts into the state of
/// an older program what that did not have yet. `prefix` is the module's path and a dot, "" for the network.
using StateUpgrade = void (*)(StateDict& state, std::string_view prefix);

namespace detail {

struct StateUpgradeVisitor : visitor_base {
  StateUpgrade* next;
  explicit constexpr StateUpgradeVisitor(StateUpgrade* to) : next(to) {}
  template<class M>
  constexpr void module(const M&) {
    if constexpr (requires(StateDict& state) { M::upgrade_state(state, std::string_view()); })
      *next = &M::upgrade_state;
    ++next;
  }
};

/// For each module of the network's table its upgrade, null where it has none.
template<class Net>
inline constexpr auto state_upgrades = [] {
  std::array<StateUpgrade, table<Net>::modules.size()> upgrades{};
  StateUpgradeVisitor v(upgrades.data());
  walk(reflect::prototype<Net>(), v);
  return upgrades;
}();

} // namespace detail
} // namespace stator::inline v0_2
