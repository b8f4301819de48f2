// SPDX-License-Identifier: BSL-1.0
// How a network is called, as a type: in training or evaluation, with the options of its model.
#pragma once

#include "stator/core/lifetime.hpp"
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

namespace nn {
template<class Mode, Module M, class... X>
constexpr auto call_as(const M& module, X&&... x); // ops/call.hpp
} // namespace nn

template<class Net, class Mode, class... H>
class HookedModel; // ops/hooked_model.hpp

/// A network that is evaluated: no dropout, running statistics. Made by `model.eval()`.
template<class Net, class... Options>
class EvalModel {
public:
  explicit EvalModel(const Net& net) : net_(&net), watch_(&net) {}
  /// An expression: the network's outputs for these inputs.
  auto operator()(auto&&... x) const {
    watch_.check("a model");
    return nn::call_as<Mode<false, Options...>>(*net_, std::forward<decltype(x)>(x)...);
  }
  /// The same with hooks, see module/hook.hpp.
  template<class... H>
  auto with(H... hook) const {
    return HookedModel<Net, Mode<false, Options...>, H...>(*net_, std::move(hook)...);
  }

private:
  const Net* net_;
  [[no_unique_address]] detail::Watch watch_;
};

} // namespace stator
