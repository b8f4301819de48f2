// SPDX-License-Identifier: BSL-1.0
// How a network is called, as a type: in training or evaluation, with the options of its model.
#pragma once

#include "stator/module/table.hpp"

namespace stator {

template<bool IsTraining, class... Options>
struct Mode {
  static constexpr bool training = IsTraining;
  template<class Net>
  using tables = table<Net, Options...>;

  /// Whether a module is evaluated although the model is trained.
  static constexpr bool evaluates(std::string_view path) {
    return (detail::evaluates<Options>(path) || ... || (static_cast<void>(path), false));
  }
  static constexpr bool evaluates_some = (detail::Evaluating<Options> || ...);
};

} // namespace stator
