// SPDX-License-Identifier: BSL-1.0
// What state is saved from and loaded into, without the network's type: the tensors of a model or of one of
// its modules, by PyTorch's names, and the extra state of its modules.
//
// A struct may have state that is not a tensor of its own: get_extra_state() returns it as a number, a Tensor
// or a list of numbers (std::vector, std::array, std::string), set_extra_state() takes what the other
// returned. It is "_extra_state" in the state_dict, as in PyTorch:
//   std::string get_extra_state() const { return vocabulary; }
//   void set_extra_state(std::string words) { vocabulary = std::move(words); }
#pragma once

#include "stator/module/tensor_ref.hpp"
#include "stator/state/state_hooks.hpp"
#include "stator/state/state_upgrade.hpp"

#include <algorithm>
#include <concepts>

namespace stator::inline v0_2 {

/// How a module's extra state is read and written.
struct ExtraState {
  /// Puts it into a state_dict.
  std::function<void(StateDict& state, std::string name)> get{};
  /// Makes the module's value from a tensor, or throws ShapeError, ValueError; the result sets it.
  std::function<std::function<void()>(const StateTensor&)> read{};
};

/// A parameter or buffer, or the extra state of a module.
struct StateEntry {
  std::string name; ///< relative to the target
  const void* shared =
      nullptr;        ///< the same for every name of one tensor or module; null where there are no elements
  TensorRef tensor{}; ///< the elements, unless this is extra state
  ExtraState extra{}; ///< how extra state is read and written
  /// Whether this is what get_extra_state() of a module returns, not a tensor of the tables.
  bool is_extra() const { return static_cast<bool>(extra.get); }
};

/// The entries of a state_dict, shared ones under every name, and the modules, all in PyTorch's order.
struct StateTarget {
  /// A module that may upgrade old state.
  struct Module {
    std::string path;      ///< in the network
    std::string_view type; ///< class name
    StateUpgrade upgrade;  ///< what it does with state of older versions
  };
  std::string_view class_name{};          ///< of the module that is loaded or saved
  std::vector<StateEntry> entries{};      ///< shared ones under every name
  std::vector<Module> modules{};          ///< itself first
  void* net = nullptr;                    ///< the network that hooks and upgrades are called with
  std::vector<detail::StateHook> hooks{}; ///< registered with the model
  std::string base{};                     ///< of the paths above, in the network that the hooks belong to

  /// Keeps the module at `path` only; names become relative to it. Throws KeyError when there is no such
  /// module.
  template<class Self = StateTarget>
  void descend(std::string_view path) {
    Self& self = *this;
    if (path.empty()) return;
    const auto at = std::ranges::find(self.modules, path, &Self::Module::path);
    if (at == self.modules.end()) {
      const auto near = detail::nearest(
          path, self.modules.size(), [&](std::size_t i) -> std::string_view { return self.modules[i].path; });
      raise(KeyError(std::string(class_name) + " has no module '" + std::string(path) + "'" +
                     std::string(near.view())));
    }
    class_name = at->type;
    base = path;
    const auto outside = [&](std::string_view name) { return name != path && !is_inside(name, path); };
    std::erase_if(self.entries, [&](const auto& e) { return outside(e.name); });
    for (auto& e : self.entries) e.name.erase(0, path.size() + 1);
    std::erase_if(self.modules, [&](const auto& m) { return outside(m.path); });
    for (auto& m : self.modules) m.path.erase(0, path.size() + 1);
  }
  /// The inverse of `descend`: this becomes the module `name` of another.
  template<class Self = StateTarget>
  void nest(std::string_view name, std::string_view outer_class) {
    Self& self = *this;
    const auto below = [&](std::string& path) {
      path = std::string(name) + (path.empty() ? "" : ".") + path;
    };
    for (auto& e : self.entries) below(e.name);
    for (auto& m : self.modules) below(m.path);
    for (auto& h : self.hooks) below(h.path);
    self.modules.insert(self.modules.begin(), {"", outer_class, nullptr});
    class_name = outer_class;
  }

  /// Where in `modules` the innermost one is that a name lies in.
  std::size_t innermost_module(std::string_view name) const {
    for (std::size_t dot = name.rfind('.'); dot != std::string_view::npos && dot > 0;
         dot = name.rfind('.', dot - 1))
      for (std::size_t i = 1; i < modules.size(); ++i)
        if (modules[i].path == name.substr(0, dot)) return i;
    return 0;
  }

  /// Calls `enter(module)` for each module, and `leave(module)` after those inside it.
  void walk(auto&& enter, auto&& leave) const {
    std::vector<std::conditional_t<std::is_void_v<decltype(leave(modules[0]))>, const Module*, void>> open;
    for (const Module& m : modules) {
      while (!open.empty() && !is_inside(m.path, open.back()->path)) leave(*open.back()), open.pop_back();
      enter(m);
      open.push_back(&m);
    }
    for (; !open.empty(); open.pop_back()) leave(*open.back());
  }
  /// Calls `call(hook)` for those of a module, in the order in which they were registered.
  void run_hooks(detail::StateHookKind kind, const Module& module, auto&& call) const {
    const std::string path = base + (base.empty() || module.path.empty() ? "" : ".") + module.path;
    for (const detail::StateHook& hook : hooks)
      if (hook.kind == kind && hook.path == path) call(hook);
  }
  /// "encoder.", or "" for the network itself.
  static std::string prefix(const Module& m) { return m.path + (m.path.empty() ? "" : "."); }

private:
  static bool is_inside(std::string_view name, std::string_view path) {
    return path.empty() || (name.size() > path.size() && name.starts_with(path) && name[path.size()] == '.');
  }
};

namespace detail {

/// The extra state of one module of each path.
struct ExtraStateVisitor : visitor_base {
  struct Found {
    std::size_t module;
    ExtraState state;
  };
  std::vector<Found> found;
  std::size_t index = 0;

  template<class M>
  void module(M& m) {
    if constexpr (HasExtraState<M>) {
      using State = std::remove_cvref_t<decltype(m.get_extra_state())>;
      found.push_back({index,
                       {[&m](StateDict& state, std::string name) {
                          state.insert_or_assign(std::move(name), std::as_const(m).get_extra_state());
                        },
                        [&m](const StateTensor& from) -> std::function<void()> {
                          return [&m, state = std::make_shared<State>(from.to<State>())] {
                            m.set_extra_state(std::move(*state));
                          };
                        }}});
    }
    ++index;
  }
};

struct StateVisitor : visitor_base {
  const LeafEntry* entry;
  std::vector<TensorRef> tensors;
  explicit StateVisitor(const LeafEntry* e) : entry(e) {}
  template<class L>
  void leaf(const auto&, const L& l) {
    const LeafEntry& e = *entry++;
    if (l.data() == nullptr && e.numel > 0)
      raise(UnboundError(std::string(e.name) + " has no storage: the module belongs to no Model"));
    tensors.emplace_back(e, reinterpret_cast<std::byte*>(l.data()),
                         reinterpret_cast<std::byte*>(l.grad_memory()), l.grad_state());
  }
};

/// A target of all `leaves`, with their tensors, and the extra state of `net`.
template<class Table, class Net>
auto make_state_target(Net& net, const std::vector<TensorRef>& tensors) {
  std::conditional_t<(sizeof(Net) > 0), ExtraStateVisitor, void> extra;
  if constexpr (table_sizes<Net>.extra_states > 0) walk(net, extra);
  using Target = std::conditional_t<(sizeof(Net) > 0), StateTarget, void>;
  Target target{.class_name = Table::modules[0].type, .net = &net};
  std::size_t leaf = 0, found = 0;
  for (std::size_t m = 0; m < Table::modules.size(); ++m) {
    const ModuleEntry& module = Table::modules[m];
    target.modules.push_back({std::string(module.path), module.type, detail::state_upgrades<Net>[m]});
    for (; leaf < Table::leaves.size() && Table::leaves[leaf].module == m; ++leaf) {
      const LeafEntry& e = Table::leaves[leaf];
      if (e.kind != LeafKind::non_persistent_buffer)
        target.entries.push_back(
            {std::string(e.name), e.numel > 0 ? tensors[leaf].raw() : nullptr, tensors[leaf]});
    }
    if (found < extra.found.size() && extra.found[found].module == m) {
      // A shared module's state is that of the object with its first name.
      const auto owner = std::ranges::find(extra.found, module.owner, &ExtraStateVisitor::Found::module);
      target.entries.push_back({Target::prefix(target.modules.back()) + "_extra_state",
                                &Table::modules[module.owner],
                                {},
                                {owner->state.get, extra.found[found].state.read}});
      ++found;
    }
  }
  return target;
}

} // namespace detail

/// Of a model, which owns tables, tensors and hooks. It may be written through the result.
template<class M>
  requires requires(const M& model) {
    typename M::tables;
    model.module();
    model.state_hooks();
  }
StateTarget state_target(const M& model) {
  using Table = typename M::tables;
  std::vector<TensorRef> tensors;
  for (const LeafEntry& leaf : Table::leaves) tensors.push_back(model.tensor(leaf));
  auto target =
      detail::make_state_target<Table>(const_cast<typename M::module_type&>(model.module()), tensors);
  target.hooks = model.state_hooks();
  return target;
}

/// Of one module of a model: `state_target(model.get<"encoder">())`. Throws UnboundError when it has no
/// storage. What is registered with the model is not called.
template<Module M>
StateTarget state_target(const M& module) {
  detail::StateVisitor visitor(table<M>::leaves.data());
  walk(module, visitor);
  return detail::make_state_target<table<M>>(const_cast<M&>(module), visitor.tensors);
}

/// A model, or one module of it: `model.get<"encoder">()`.
template<class M>
concept HasState = requires(const M& m) { state_target(m); };

namespace detail {
template<std::same_as<StateTarget> Target>
StateDict make_state_dict(const Target& target) {
  StateDict state;
  auto next = target.entries.begin();
  const auto add = [&](const auto& m) {
    for (; next != target.entries.end() &&
           std::string_view(next->name).substr(0, next->name.rfind('.') + 1) == StateTarget::prefix(m);
         ++next)
      if (next->is_extra())
        next->extra.get(state, next->name);
      else
        state.insert_view(state_view(next->name, next->tensor));
  };
  target.walk(add, [&](const auto& m) {
    target.run_hooks(StateHookKind::state_dict, m,
                     [&](const auto& hook) { hook.on_state(target.net, state, StateTarget::prefix(m)); });
  });
  state.set_has_metadata(true);
  return state;
}
/// The state of a model without extra state and hooks: the rows of its table, which have different names.
template<std::same_as<StateDict> Dict, class M>
Dict plain_state_dict(const M& model) {
  Dict state;
  state.reserve(M::tables::leaves.size());
  for (const LeafEntry& leaf : M::tables::leaves)
    if (leaf.kind != LeafKind::non_persistent_buffer)
      state.append_view(state_view(std::string(leaf.name), model.tensor(leaf)));
  state.set_has_metadata(true);
  return state;
}
} // namespace detail

/// The state of a model or module, with every name of what is shared: views of its memory, extra state, and
/// what hooks make of them. Throws UnboundError.
template<HasState M>
StateDict state_dict(const M& module) {
  if constexpr (requires { module.has_state_hooks(); })
    if (detail::table_sizes<typename M::module_type>.extra_states == 0 && !module.has_state_hooks())
      return detail::plain_state_dict<StateDict>(module);
  return detail::make_state_dict(state_target(module));
}

} // namespace stator::inline v0_2
