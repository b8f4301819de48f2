// SPDX-License-Identifier: BSL-1.0
// The traversals of a Model as ranges: named_parameters, buffers, named_modules, ..., with PyTorch's order
// and its treatment of shared tensors. Each is a list of rows of the network's table, found by the compiler.
#pragma once

#include "stator/model/bind.hpp"
#include "stator/model/module_ref.hpp"
#include "stator/model/ranges.hpp"

namespace stator::detail {

/// What a model inherits its traversals from. `M` has `arenas()`, where its tensors lie.
template<class M, class Table>
class Traversals {
  using Selected = selections<Table>;

public:
  /// Name and view of every parameter, shared ones once; with `remove_duplicate = false` under every name.
  /// `named_parameters<Listing{.recurse = false}>(prefix<"net">)` has PyTorch's other arguments.
  auto named_parameters(bool remove_duplicate = true) const {
    return remove_duplicate ? named_parameters<Listing{}>()
                            : named_parameters<Listing{.remove_duplicate = false}>();
  }
  template<Listing N>
  auto named_parameters() const {
    return named(Selected::template parameters<N>);
  }
  template<Listing N = Listing{}, fixed_string Prefix>
  auto named_parameters(prefix_constant<Prefix>) const {
    return named<Prefix>(Selected::template parameters<N>);
  }
  /// Name and view of every buffer, with the arguments of `named_parameters`.
  auto named_buffers(bool remove_duplicate = true) const {
    return remove_duplicate ? named_buffers<Listing{}>()
                            : named_buffers<Listing{.remove_duplicate = false}>();
  }
  template<Listing N>
  auto named_buffers() const {
    return named<"", false>(Selected::template buffers<N>);
  }
  template<Listing N = Listing{}, fixed_string Prefix>
  auto named_buffers(prefix_constant<Prefix>) const {
    return named<Prefix, false>(Selected::template buffers<N>);
  }
  /// The views alone, without names; with the arguments of `named_parameters`.
  template<Listing N = Listing{}>
  auto parameters() const {
    return unnamed(Selected::template parameters<N>);
  }
  /// The views of the buffers, without names.
  template<Listing N = Listing{}>
  auto buffers() const {
    return unnamed<false>(Selected::template buffers<N>);
  }
  /// Those whose path matches a pattern, as `named_parameters<"blocks.*.bias">()`. None is an error.
  template<fixed_string Pattern>
  auto named_parameters(bool remove_duplicate = true) const {
    static_assert(check<glob_error<Table, Pattern, true>>());
    return remove_duplicate ? named(Selected::template matching<Pattern, true, true>)
                            : named(Selected::template matching<Pattern, true, false>);
  }
  template<fixed_string Pattern>
  auto parameters() const {
    static_assert(check<glob_error<Table, Pattern, true>>());
    return unnamed(Selected::template matching<Pattern, true, true>);
  }
  template<fixed_string Pattern>
  auto buffers() const {
    static_assert(check<glob_error<Table, Pattern, false>>());
    return unnamed<false>(Selected::template matching<Pattern, false, true>);
  }

  /// Path and class of every module, the network itself first.
  static auto named_modules(bool remove_duplicate = true) {
    return remove_duplicate ? modules_in(Selected::template modules<true>)
                            : modules_in(Selected::template modules<false>);
  }
  template<fixed_string Prefix>
  static auto named_modules(prefix_constant<Prefix>, bool remove_duplicate = true) {
    return modules_in<Prefix>(remove_duplicate ? Selected::template modules<true>
                                               : Selected::template modules<false>);
  }
  /// Name and class of the modules directly inside the network.
  static auto named_children() { return modules_in(Selected::children); }
  /// The same as views that can be walked further.
  auto modules() const { return module_refs(Selected::template modules<true>); }
  /// The modules directly inside the network, as views that can be walked further.
  auto children() const { return module_refs(Selected::children); }

private:
  const Arenas& arenas() const { return static_cast<const M&>(*this).arenas(); }
  /// The element type of all parameters, so that nothing is asked for each.
  static constexpr DType dtype = [] {
    for (const LeafEntry& leaf : Table::leaves)
      if (leaf.is_parameter()) return leaf.dtype;
    return DType{};
  }();
  template<bool Parameters>
  static TensorRef at(const Arenas& arenas, const LeafRow& row) {
    if constexpr (Parameters)
      return arenas.parameter(row, dtype);
    else
      return {*row.entry, arenas.buffers + row.offset, nullptr};
  }
  template<fixed_string Prefix = "", bool Parameters = true>
  auto named(const auto& list) const {
    return TableRange(list.rows.data(), list.count, [arenas = arenas()](const LeafRow& row) {
      if constexpr (Prefix.size() == 0)
        return NamedTensor{row.name, at<Parameters>(arenas, row)};
      else
        return NamedTensor{
            prefixed<Table, Prefix>::leaf(static_cast<std::size_t>(row.entry - Table::leaves.data())),
            at<Parameters>(arenas, row)};
    });
  }
  template<bool Parameters = true>
  auto unnamed(const auto& list) const {
    return TableRange(list.rows.data(), list.count,
                      [arenas = arenas()](const LeafRow& row) { return at<Parameters>(arenas, row); });
  }
  template<fixed_string Prefix = "">
  static auto modules_in(const auto& list) {
    return TableRange(list.indices.data(), list.size(), [](std::size_t i) {
      if constexpr (Prefix.size() == 0)
        return NamedModule{Table::modules[i].path, Table::modules[i].type};
      else
        return NamedModule{prefixed<Table, Prefix>::module(i), Table::modules[i].type};
    });
  }
  auto module_refs(const auto& list) const {
    return TableRange(list.indices.data(), list.size(), [arenas = arenas()](std::size_t i) {
      return ModuleRef(Table::modules, Table::leaves, arenas, i);
    });
  }
};

} // namespace stator::detail
