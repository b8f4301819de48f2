// SPDX-License-Identifier: BSL-1.0
// What PyTorch keeps in dictionaries and memo sets, as constants: for a network type, every module, parameter
// and buffer with its path, its owner (the first name of a shared tensor) and its place in the arenas.
#pragma once

#include "stator/core/compile_error.hpp"
#include "stator/module/network_requirements.hpp"
#include "stator/module/options.hpp"
#include "stator/module/tie_resolution.hpp"

#include <array>
#include <string_view>

namespace stator::inline v0_2 {

namespace detail {

template<class Net>
inline constexpr TableSizes table_sizes = [] {
  CountVisitor v;
  walk(reflect::prototype<Net>(), v);
  return v.n;
}();

/// The filled tables; names still as places in the pool, since a constant cannot point into itself.
template<class Net>
struct TableContents {
  static constexpr TableSizes n = table_sizes<Net>;
  std::array<char, n.characters + 1> pool{};
  std::array<LeafEntry, n.leaves> leaves{};
  std::array<PoolName, n.leaves> leaf_names{};
  std::array<ModuleEntry, n.modules> modules{};
  std::array<PoolName, n.modules> module_names{};
  ArenaSizes bytes{};

  /// Fills the tables; returns the error text, empty when the ties are right.
  constexpr Text fill() {
    std::array<TieNames, n.ties> ties{};
    TableDraft d{.pool = pool.data(),
                 .leaves = leaves.data(),
                 .leaf_names = leaf_names.data(),
                 .modules = modules.data(),
                 .module_names = module_names.data(),
                 .ties = ties.data()};
    FillVisitor v{d};
    walk(reflect::prototype<Net>(), v);
    v.leave("");
    resolve_ties(d);
    if (d.error.empty()) {
      settle(leaves, n.leaves);
      settle(modules, n.modules);
      bytes = place(leaves, n.leaves);
    }
    return d.error;
  }
};

template<class Net>
struct table_error {
  static consteval Text message() {
    if (table_sizes<Net>.ties == 0) return {};
    return TableContents<Net>{}.fill();
  }
};

} // namespace detail

/// The tables of a network type: one constant evaluation for the sizes, one for the contents.
template<class Net, class... Options>
struct table;

template<class Net>
struct table<Net> {
private:
  static_assert(check<detail::refusal<Net>>());
  static_assert(check<detail::table_error<Net>>());
  static constexpr detail::TableContents<Net> contents = [] {
    detail::TableContents<Net> c;
    c.fill();
    return c;
  }();
  static constexpr std::string_view name(detail::PoolName n) {
    return {contents.pool.data() + n.begin, n.size};
  }

public:
  /// Every parameter and buffer in the order of PyTorch's `state_dict`.
  static constexpr auto leaves = [] {
    auto entries = contents.leaves;
    for (std::size_t i = 0; i < entries.size(); ++i) entries[i].name = name(contents.leaf_names[i]);
    return entries;
  }();
  /// Every module in the order of PyTorch's `named_modules`.
  static constexpr auto modules = [] {
    auto entries = contents.modules;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      entries[i].path = name(contents.module_names[i]);
      entries[i].name = entries[i].path.substr(entries[i].path.rfind('.') + 1);
    }
    return entries;
  }();
  /// Bytes of the arenas, each tensor at a multiple of 64.
  static constexpr std::size_t parameter_bytes = contents.bytes.parameters;
  static constexpr std::size_t gradient_bytes = contents.bytes.gradients;
  static constexpr std::size_t buffer_bytes = contents.bytes.buffers;

  /// Index of a leaf by path, `detail::not_found` when there is none.
  static constexpr std::size_t find_leaf(std::string_view path) {
    for (std::size_t i = 0; i < leaves.size(); ++i)
      if (leaves[i].name == path) return i;
    return detail::not_found;
  }
  static constexpr std::size_t find_module(std::string_view path) {
    for (std::size_t i = 0; i < modules.size(); ++i)
      if (modules[i].path == path) return i;
    return detail::not_found;
  }
};

/// The tables of a model type: those of its network, with what its options change.
template<class Net, class... Options>
struct table : table<Net> {
private:
  static_assert(check<detail::option_error<table<Net>, Options...>>());
  static constexpr auto contents = [] {
    auto leaves = table<Net>::leaves;
    for (LeafEntry& leaf : leaves)
      if (leaf.is_parameter() && (detail::freezes_leaf<Options>(table<Net>::modules, leaf) || ...))
        leaves[leaf.owner].frozen = true;
    for (LeafEntry& leaf : leaves) leaf.frozen = leaves[leaf.owner].frozen;
    const detail::ArenaSizes bytes = detail::place(leaves, leaves.size());
    return std::pair(leaves, bytes);
  }();

public:
  /// Parameters and buffers under every name, in PyTorch's order.
  static constexpr const auto& leaves = contents.first;
  /// Bytes of the arena of parameters.
  static constexpr std::size_t parameter_bytes = contents.second.parameters;
  /// Bytes of the arena of gradients.
  static constexpr std::size_t gradient_bytes = contents.second.gradients;
  static constexpr std::size_t buffer_bytes = contents.second.buffers; ///< bytes of the arena of buffers
};

} // namespace stator::inline v0_2
