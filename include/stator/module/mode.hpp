// SPDX-License-Identifier: BSL-1.0
// How a network is called, as a type: in training or evaluation, with the options of its model.
#pragma once

#include "stator/module/table.hpp"

namespace stator::inline v0_2 {

/// How a network is called: whether in training, and with which options of its model.
template<bool IsTraining, class... Options>
struct Mode {
  static constexpr bool training = IsTraining; ///< torch.nn.Module.training of the network
  /// The tables of a network with these options.
  template<class Net>
  using tables = table<Net, Options...>;

  /// Whether a module is evaluated although the model is trained.
  static constexpr bool evaluates(std::string_view path) {
    return (detail::evaluates<Options>(path) || ... || (static_cast<void>(path), false));
  }
  /// Whether `evaluates` is true of any module.
  static constexpr bool evaluates_some = (detail::Evaluating<Options> || ...);
};

} // namespace stator::inline v0_2
