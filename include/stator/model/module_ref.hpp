// SPDX-License-Identifier: BSL-1.0
// A module of a model without its static type: what `modules()`, `children()` and get_submodule("path") give.
#pragma once

#include "stator/model/ranges.hpp"

#include <span>
#include <vector>

namespace stator::inline v0_2 {

/// Its functions that make lists are templates, so that only programs that call them compile them.
class ModuleRef {
public:
  ModuleRef(std::span<const ModuleEntry> modules, std::span<const LeafEntry> leaves, const Arenas& arenas,
            std::size_t index)
      : modules_(modules), leaves_(leaves), arenas_(arenas), index_(index) {}

  /// Path in the model, "" for the model itself.
  std::string_view path() const { return entry().path; }
  /// Last part of the path.
  std::string_view name() const { return entry().name; }
  /// Its class: "Linear".
  std::string_view type() const { return entry().type; }
  bool operator==(const ModuleRef& other) const {
    return modules_.data() == other.modules_.data() && entry().owner == other.entry().owner;
  }

  /// Its parameters and those of the modules inside, names relative to it.
  template<class Named = NamedTensor>
  std::vector<Named> named_parameters(const Listing& which = {}) const {
    return leaves<Named>(which, true);
  }
  /// Name, relative to this module, and view of every buffer.
  template<class Named = NamedTensor>
  std::vector<Named> named_buffers(const Listing& which = {}) const {
    return leaves<Named>(which, false);
  }
  /// The modules directly inside.
  template<class Ref = ModuleRef>
  std::vector<Ref> children() const {
    std::vector<Ref> list;
    for (std::size_t i = index_ + 1; i < entry().end; i = modules_[i].end) {
      const Ref child(modules_, leaves_, arenas_, i);
      if (std::find(list.begin(), list.end(), child) == list.end()) list.push_back(child);
    }
    return list;
  }
  /// Itself and all modules inside.
  template<class Ref = ModuleRef>
  std::vector<Ref> modules(bool remove_duplicate = true) const {
    std::vector<Ref> list;
    for (std::size_t i = index_; i < entry().end; ++i) {
      const Ref module(modules_, leaves_, arenas_, i);
      if (!remove_duplicate || std::find(list.begin(), list.end(), module) == list.end())
        list.push_back(module);
    }
    return list;
  }

private:
  const ModuleEntry& entry() const { return modules_[index_]; }

  template<class Named>
  std::vector<Named> leaves(const Listing& which, bool parameters) const {
    std::vector<Named> list;
    std::vector<decltype(Named::name.size())> owners;
    for (std::size_t i = entry().first_leaf; i < entry().end_leaf; ++i) {
      const LeafEntry& leaf = leaves_[i];
      if (leaf.is_parameter() != parameters || (!which.recurse && leaf.module != index_)) continue;
      if (which.remove_duplicate) {
        if (std::find(owners.begin(), owners.end(), leaf.owner) != owners.end()) continue;
        owners.push_back(leaf.owner);
      }
      list.push_back({leaf.name.substr(path().empty() ? 0 : path().size() + 1), arenas_.at(leaf)});
    }
    return list;
  }

  std::span<const ModuleEntry> modules_;
  std::span<const LeafEntry> leaves_;
  Arenas arenas_;
  std::size_t index_;
};

} // namespace stator::inline v0_2
