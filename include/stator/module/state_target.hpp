// SPDX-License-Identifier: BSL-1.0
// What state is saved from and loaded into, without the network's type: the tensors of a model or of one of
// its modules, by PyTorch's names.
#pragma once

#include "stator/core/state_tensor.hpp"
#include "stator/module/access.hpp"
#include "stator/module/model.hpp"

#include <string>
#include <vector>

namespace stator {

/// The tensors of a state_dict, shared ones under every name, and the modules in PyTorch's order.
struct StateTarget {
  std::string_view class_name;
  std::vector<NamedTensor> tensors;
  std::vector<NamedModule> modules;

  /// Keeps the module at `path` only; names become relative to it. Throws KeyError when there is no such
  /// module.
  void descend(std::string_view path) {
    if (path.empty()) return;
    const auto at =
        std::find_if(modules.begin(), modules.end(), [&](const NamedModule& m) { return m.name == path; });
    if (at == modules.end()) {
      const auto near = detail::nearest(path, modules.size(), [&](std::size_t i) { return modules[i].name; });
      throw KeyError(std::string(class_name) + " has no module '" + std::string(path) + "'" +
                     std::string(near.view()));
    }
    class_name = at->type;
    const auto below = [&](auto& list) {
      std::erase_if(list, [&](auto& entry) {
        if (entry.name.size() <= path.size() || !entry.name.starts_with(path) ||
            entry.name[path.size()] != '.')
          return true;
        entry.name.remove_prefix(path.size() + 1);
        return false;
      });
    };
    below(tensors);
    below(modules);
  }

  /// Where in `modules` the innermost one is that a name lies in; 0 for none but the network itself.
  std::size_t innermost_module(std::string_view name) const {
    for (std::size_t dot = name.rfind('.'); dot != std::string_view::npos && dot > 0;
         dot = name.rfind('.', dot - 1))
      for (std::size_t i = 0; i < modules.size(); ++i)
        if (modules[i].name == name.substr(0, dot)) return i + 1;
    return 0;
  }
};

/// Of a model. Its tensors may be written through the result.
template<class Net, class... Options>
StateTarget state_target(const Model<Net, Options...>& model) {
  StateTarget target{.class_name = table<Net>::modules[0].type, .tensors = {}, .modules = {}};
  for (const auto& entry : model.state_dict()) target.tensors.push_back(entry);
  for (const auto& module : Model<Net>::named_modules(false)) target.modules.push_back(module);
  return target;
}

namespace detail {
struct StateVisitor : visitor_base {
  const LeafEntry* entry;
  StateTarget& target;
  StateVisitor(const LeafEntry* e, StateTarget& t) : entry(e), target(t) {}
  template<class L>
  void leaf(const auto&, const L& l) {
    const LeafEntry& e = *entry++;
    if (e.kind == LeafKind::non_persistent_buffer) return;
    if (l.data() == nullptr && e.numel > 0)
      throw UnboundError(std::string(e.name) + " has no storage: the module belongs to no Model");
    target.tensors.push_back({e.name, TensorRef(e, reinterpret_cast<std::byte*>(l.data()),
                                                reinterpret_cast<std::byte*>(l.grad_data()))});
  }
};
} // namespace detail

/// Of one module of a model: `state_target(model.get<"encoder">())`. Throws UnboundError when it has no
/// storage.
template<Module M>
StateTarget state_target(const M& module) {
  StateTarget target{.class_name = table<M>::modules[0].type, .tensors = {}, .modules = {}};
  detail::StateVisitor visitor(table<M>::leaves.data(), target);
  walk(module, visitor);
  for (const ModuleEntry& m : table<M>::modules) target.modules.push_back({m.path, m.type});
  return target;
}

/// What a LoadPlan takes, from any range of NamedTensor: `model.state_dict()`, or a part of it.
template<class Range>
std::vector<StateTensor> state_tensors(const Range& range) {
  std::vector<StateTensor> tensors;
  for (const auto& [name, tensor] : range) {
    const Sizes shape = tensor.shape();
    tensors.push_back(
        {std::string(name), storage_of(tensor.dtype()), {shape.begin(), shape.end()}, tensor.raw()});
  }
  return tensors;
}

} // namespace stator
