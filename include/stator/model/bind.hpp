// SPDX-License-Identifier: BSL-1.0
// Points the handles of a network into the arenas of its model, and initialises them as PyTorch does.
#pragma once

#include "stator/core/workspace.hpp"
#include "stator/module/table.hpp"
#include "stator/module/tensor_ref.hpp"

namespace stator::detail {

/// The element type that all parameters of a network share.
template<class Net>
consteval DType parameter_dtype() {
  for (const LeafEntry& e : table<Net>::leaves)
    if (e.is_parameter()) return e.dtype;
  return DType::float32;
}
template<class Net>
consteval bool one_dtype() {
  for (const LeafEntry& e : table<Net>::leaves)
    if (e.is_parameter() && e.dtype != parameter_dtype<Net>()) return false;
  return true;
}

struct BindVisitor : visitor_base {
  const LeafEntry* entry;
  Arenas arenas;
  BindVisitor(const LeafEntry* e, const Arenas& a) : entry(e), arenas(a) {}
  template<class L>
  void leaf(const auto&, L& l) {
    using T = typename L::scalar;
    const TensorRef ref = arenas.at(*entry++);
    l.bind(reinterpret_cast<T*>(ref.raw()), reinterpret_cast<arithmetic_of<T>*>(ref.grad_memory()),
           ref.grad_state());
  }
};

/// As BindVisitor, but a name that does not give a shared tensor its first values is pointed to `scratch`:
/// PyTorch initialises both tensors and then drops one.
struct BindSourcesVisitor : visitor_base {
  const LeafEntry* entry;
  Arenas arenas;
  std::byte* scratch;
  std::size_t index = 0;
  BindSourcesVisitor(const LeafEntry* e, const Arenas& a, std::byte* s) : entry(e), arenas(a), scratch(s) {}
  template<class L>
  void leaf(const auto&, L& l) {
    using T = typename L::scalar;
    if (entry->source != index++) l.bind(reinterpret_cast<T*>(scratch), nullptr);
    ++entry;
  }
};

/// Bytes of the largest tensor that only a tie keeps from having storage of its own.
template<class Table>
inline constexpr std::size_t replaced_bytes = [] {
  std::size_t most = 0;
  for (std::size_t i = 0; i < Table::leaves.size(); ++i)
    if (const LeafEntry& e = Table::leaves[i]; e.source != i)
      most = std::max(most, static_cast<std::size_t>(e.numel) * item_size(e.dtype));
  return most;
}();

/// Whether a module is another name of a sibling that comes before it.
template<class Table>
inline constexpr auto repeats_sibling = [] {
  std::array<bool, Table::modules.size()> repeats{};
  for (std::size_t i = 1; i < repeats.size(); ++i)
    if (Table::modules[i].owner != i)
      for (std::size_t j = Table::modules[i].parent + 1; j < i; j = Table::modules[j].end)
        repeats[i] = repeats[i] || Table::modules[j].owner == Table::modules[i].owner;
  return repeats;
}();

/// Calls `f(module, index in the table)` for every module, children before parents, as torch.nn.Module.apply
/// does: a module that one parent holds twice is visited once.
template<class Table, class M, class F>
void post_order(M& module, std::size_t index, F& f) {
  std::size_t next = index + 1;
  for_each_field(module, [&](auto& field, const auto&) {
    if constexpr (Module<std::remove_cvref_t<decltype(field)>>) {
      if (!repeats_sibling<Table>[next]) post_order<Table>(field, next, f);
      next = Table::modules[next].end;
    }
  });
  f(module, index);
}

/// Initialises every module that says how, in the order in which PyTorch constructs them; shared modules
/// once.
template<class Table, class Net>
void reset_network(Net& net, const Arenas& arenas) {
  MemoryBlock scratch;
  if constexpr (replaced_bytes<Table> > 0) {
    scratch = MemoryBlock(replaced_bytes<Table>);
    BindSourcesVisitor sources(Table::leaves.data(), arenas, scratch.data());
    walk(net, sources);
  }
  auto reset = [](auto& module, std::size_t index) {
    if constexpr (requires { module.reset_parameters(); })
      if (Table::modules[index].owner == index) module.reset_parameters();
  };
  post_order<Table>(net, 0, reset);
  if constexpr (replaced_bytes<Table> > 0) {
    BindVisitor all(Table::leaves.data(), arenas);
    walk(net, all);
  }
}

} // namespace stator::detail
