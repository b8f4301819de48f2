// SPDX-License-Identifier: BSL-1.0
// A network in evaluation mode: what `model.eval()` returns.
#pragma once

#include "stator/core/lifetime.hpp"
#include "stator/hooks/hooked_model.hpp"

#include <utility>

namespace stator::inline v0_2 {

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
  /// The same with hooks, see hooks/hook.hpp.
  template<class... H>
  auto with(H... hook) const {
    return HookedModel<Net, Mode<false, Options...>, H...>(*net_, std::move(hook)...);
  }

private:
  friend const Net& evaluated_network(const EvalModel& model) {
    model.watch_.check("a model");
    return *model.net_;
  }

  const Net* net_;
  [[no_unique_address]] detail::Watch watch_;
};

} // namespace stator::inline v0_2
