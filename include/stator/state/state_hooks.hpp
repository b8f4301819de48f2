// SPDX-License-Identifier: BSL-1.0
// Functions that a model calls when its state is taken or loaded, registered by the path of a module.
//
//   model.register_load_state_dict_pre_hook<"encoder">([](StateDict& state, std::string_view prefix) {
//     state.rename(std::string(prefix) + "old.*", std::string(prefix) + "fc.*");
//   });
//
// Each may also take the module first: `[](auto& module, StateDict& state, std::string_view prefix)`.
#pragma once

#include "stator/module/access.hpp"
#include "stator/state/state_dict.hpp"

namespace stator::inline v0_2 {

namespace detail {

enum class StateHookKind : std::uint8_t { state_dict, load_pre, load_post };

struct StateHook {
  StateHookKind kind{};
  std::string path{};
  std::size_t id = 0;
  std::function<void(void* net, StateDict& state, std::string_view prefix)> on_state{}; // the first two kinds
  std::function<void(void* net, IncompatibleKeys& keys)> on_keys{};                     // the last
};

struct StateHookList {
  std::vector<StateHook> hooks;
  std::size_t registered = 0;
};

} // namespace detail

/// What registering a hook returns.
class HookHandle {
public:
  HookHandle(std::weak_ptr<detail::StateHookList> list, std::size_t id) : list_(std::move(list)), id_(id) {}
  /// Takes the hook off the model, also when the model has been moved or is gone. Copies of the model keep
  /// theirs.
  template<class = void>
  void remove() const {
    if (const auto list = list_.lock())
      std::erase_if(list->hooks, [&](const detail::StateHook& hook) { return hook.id == id_; });
  }

private:
  std::weak_ptr<detail::StateHookList> list_;
  std::size_t id_;
};

namespace detail {

/// The hooks of one model; copied with it.
template<class List = StateHookList>
class StateHooks {
public:
  StateHooks() = default;
  StateHooks(const StateHooks& other) : list_(other.list_ ? std::make_shared<List>(*other.list_) : nullptr) {}
  StateHooks& operator=(const StateHooks& other) {
    if (this != &other) *this = StateHooks(other);
    return *this;
  }
  StateHooks(StateHooks&&) noexcept = default;
  StateHooks& operator=(StateHooks&&) noexcept = default;

  HookHandle add(StateHook hook) {
    if (!list_) list_ = std::make_shared<List>();
    hook.id = list_->registered++;
    list_->hooks.push_back(std::move(hook));
    return {list_, list_->hooks.back().id};
  }
  bool empty() const { return !list_ || list_->hooks.empty(); }
  std::vector<StateHook> list() const { return list_ ? list_->hooks : std::vector<StateHook>(); }

private:
  std::shared_ptr<List> list_;
};

/// Calls `f(module, a...)` or, where it does not take a module, `f(a...)`.
template<class F, class M, class... A>
void call_hook(const F& f, M& module, A&&... a) {
  if constexpr (std::is_invocable_v<const F&, M&, A...>)
    f(module, a...);
  else
    f(a...);
}

template<class Net, fixed_string Path>
struct hook_path_error {
  static consteval Text message() {
    if (table<Net>::find_leaf(Path.view()) != not_found)
      return text("stator: ", Path.view(), " is a parameter or buffer, hooks are registered with a module");
    return path_error<Net, Path>::message();
  }
};

} // namespace detail

} // namespace stator::inline v0_2
