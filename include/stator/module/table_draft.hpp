// SPDX-License-Identifier: BSL-1.0
// The two walks over a network that fill its tables: one counts, one writes.
#pragma once

#include "stator/module/entries.hpp"
#include "stator/module/structure.hpp"
#include "stator/module/ties.hpp"

namespace stator::detail {

/// A path, as a place in the pool of characters.
struct PoolName {
  std::size_t begin = 0, size = 0;
};
struct TieNames {
  std::size_t module = 0;
  std::string_view alias, target;
};

/// How large the tables are.
struct TableSizes {
  std::size_t leaves = 0, modules = 0, characters = 0, ties = 0, extra_states = 0;
};

constexpr std::size_t name_size(std::string_view name) { return name.size(); }
constexpr std::size_t name_size(std::size_t index) { return index < 10 ? 1 : 1 + name_size(index / 10); }

/// First pass: counts.
struct CountVisitor {
  TableSizes n;
  std::size_t path = 0; // length of the current module's path

  constexpr std::size_t joined(const auto& name) const { return path + (path > 0 ? 1 : 0) + name_size(name); }
  constexpr void enter(const auto& name) {
    path = joined(name);
    n.characters += path;
  }
  constexpr void leave(const auto& name) { path -= std::min(path, name_size(name) + 1); }
  template<class M>
  constexpr void module(const M&) {
    ++n.modules;
    if constexpr (HasExtraState<M>) ++n.extra_states;
    if constexpr (requires { typename M::ties; }) M::ties::for_each([&](auto, auto) { ++n.ties; });
  }
  constexpr void leaf(const auto& name, const auto&) {
    ++n.leaves;
    n.characters += joined(name);
  }
};

/// The tables while they are filled, in memory of the right size.
struct TableDraft {
  char* pool = nullptr;
  std::size_t pool_size = 0;
  LeafEntry* leaves = nullptr;
  PoolName* leaf_names = nullptr;
  std::size_t leaf_count = 0;
  ModuleEntry* modules = nullptr;
  PoolName* module_names = nullptr;
  std::size_t module_count = 0;
  TieNames* ties = nullptr;
  std::size_t tie_count = 0;
  Text error{};

  constexpr std::string_view text(PoolName n) const { return {pool + n.begin, n.size}; }
  constexpr std::string_view leaf(std::size_t i) const { return text(leaf_names[i]); }
  constexpr std::string_view path(std::size_t module) const { return text(module_names[module]); }
};

/// Second pass: fills.
struct FillVisitor {
  TableDraft& d;
  std::size_t current = 0; // the module that is being walked
  PoolName next{};         // path of the module that is entered next

  constexpr void put(char c) { d.pool[d.pool_size++] = c; }
  constexpr void put(std::string_view name) {
    copy_elements(name.data(), name.size(), d.pool + d.pool_size);
    d.pool_size += name.size();
  }
  constexpr void put(std::size_t index) {
    if (index >= 10) put(index / 10);
    put(static_cast<char>('0' + index % 10));
  }
  constexpr PoolName join(const auto& name) {
    const std::size_t begin = d.pool_size;
    if (d.module_names[current].size > 0) {
      put(d.path(current));
      put('.');
    }
    put(name);
    return {begin, d.pool_size - begin};
  }
  constexpr void enter(const auto& name) { next = join(name); }
  constexpr void leave(const auto&) {
    ModuleEntry& m = d.modules[current];
    m.end = d.module_count;
    m.end_leaf = d.leaf_count;
    current = m.parent;
  }
  template<class M>
  constexpr void module(const M&) {
    const std::size_t index = d.module_count++;
    ModuleEntry& m = d.modules[index];
    m.type = type_name<M>();
    m.parent = index == 0 ? 0 : current;
    m.owner = index;
    m.first_leaf = d.leaf_count;
    d.module_names[index] = next;
    current = index;
    if constexpr (requires { typename M::ties; })
      M::ties::for_each([&](auto alias, auto target) { d.ties[d.tie_count++] = {index, alias, target}; });
  }
  template<class M>
  static constexpr std::string_view type_name() {
    if constexpr (requires { M::class_name(); } || !list_traits<M>::is_list)
      return reflect::class_name<M>();
    else if constexpr (list_traits<M>::size == 0)
      return "ModuleList";
    else
      return Leaf<std::tuple_element_t<0, M>> ? "ParameterList" : "ModuleList";
  }
  template<class L>
  constexpr void leaf(const auto& name, const L&) {
    const std::size_t index = d.leaf_count++;
    LeafEntry& e = d.leaves[index];
    e.kind = L::leaf_kind;
    e.dtype = dtype_of<typename L::scalar>;
    e.extents = L::shape_tag::extents;
    e.numel = L::shape_tag::numel;
    e.owner = e.source = index;
    e.module = current;
    d.leaf_names[index] = join(name);
  }
};

} // namespace stator::detail
