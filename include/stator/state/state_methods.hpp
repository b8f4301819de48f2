// SPDX-License-Identifier: BSL-1.0
// The members of Model that have to do with its state: state_dict, load_state_dict and their hooks.
#pragma once

#include "stator/state/load_state.hpp"

namespace stator::detail {

template<class Self, class Net>
class StateMethods {
public:
  /// The parameters and persistent buffers under every name, and extra state, in PyTorch's order: views of
  /// this model's memory, which must outlive them.
  StateDict state_dict() const { return stator::state_dict(static_cast<const Self&>(*this)); }

  /// Copies a state into this model: `model.load_state_dict(other.state_dict())`, or
  /// `stator::load("x.safetensors")`, or {{"fc1.weight", w}, {"fc1.bias", b}}. See stator::load_state_dict.
  IncompatibleKeys load_state_dict(const StateDict& state, const LoadOptions& options = {}) {
    return stator::load_state_dict(static_cast<Self&>(*this), state, options);
  }

  /// `f(state, prefix)` or `f(module, state, prefix)` whenever the state has been taken that lies in the
  /// module at `Path`, children before parents. It may change the state.
  template<fixed_string Path = "", class F>
  HookHandle register_state_dict_hook(F f) {
    return add_state_hook<Path>(StateHookKind::state_dict, std::move(f));
  }
  /// `f(state, prefix)` or `f(module, state, prefix)` before a state is compared with the model, parents
  /// before children. It may change the state: give the names of an old checkpoint those of today.
  template<fixed_string Path = "", class F>
  HookHandle register_load_state_dict_pre_hook(F f) {
    return add_state_hook<Path>(StateHookKind::load_pre, std::move(f));
  }
  /// `f(keys)` or `f(module, keys)` as soon as the module at `Path` and those inside it have been loaded. As
  /// in PyTorch the lists hold what did not find a partner so far: in this module, and in those before it.
  /// `f` may take names off `missing_keys` and `unexpected_keys`; those that are left in the end are errors
  /// when loading is strict, and the model is then as it was.
  template<fixed_string Path = "", class F>
  HookHandle register_load_state_dict_post_hook(F f) {
    static_assert(check<hook_path_error<Net, Path>>());
    return hooks_.add({.kind = StateHookKind::load_post,
                       .path = std::string(Path.view()),
                       .on_keys = [f = std::move(f)](void* net, IncompatibleKeys& keys) {
                         call_hook(f, get<Path>(*static_cast<Net*>(net)), keys);
                       }});
  }
  /// Whether any is registered.
  bool has_state_hooks() const { return !hooks_.empty(); }
  /// All that are registered, in this order.
  std::vector<StateHook> state_hooks() const { return hooks_.list(); }

private:
  template<fixed_string Path, class F>
  HookHandle add_state_hook(StateHookKind kind, F f) {
    static_assert(check<hook_path_error<Net, Path>>());
    return hooks_.add({.kind = kind,
                       .path = std::string(Path.view()),
                       .on_state = [f = std::move(f)](void* net, StateDict& state, std::string_view prefix) {
                         call_hook(f, get<Path>(*static_cast<Net*>(net)), state, prefix);
                       }});
  }

  StateHooks<> hooks_;
};

} // namespace stator::detail
