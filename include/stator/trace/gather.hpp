// SPDX-License-Identifier: BSL-1.0
// The memory of an expression's leaves and the extent of its batch, gathered when it runs.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/expr/expression.hpp"
#include "stator/module/table.hpp"

#include <string>

namespace stator::detail {

/// Memory of every leaf of a network, in the order of its table.
struct GatherVisitor : visitor_base {
  expr::LeafMemory* to;
  explicit GatherVisitor(expr::LeafMemory* t) : to(t) {}
  void leaf(const auto&, const auto& l) { *to++ = {l.data(), l.grad_memory(), l.grad_state()}; }
};

/// Takes the network and not what was gathered of it: an array whose address is handed on cannot be kept in
/// registers.
template<class Net>
[[noreturn]] STATOR_COLD void throw_unbound(const Net& net) {
  expr::LeafMemory leaves[table<Net>::leaves.size() + 1];
  GatherVisitor gather(leaves);
  walk(net, gather);
  for (std::size_t i = 0; i < table<Net>::leaves.size(); ++i)
    if (leaves[i].data == nullptr)
      raise(UnboundError(std::string(reflect::class_name<Net>()) + ": " +
                         std::string(table<Net>::leaves[i].name) +
                         " has no storage: give the network to a stator::Model"));
  raise(UnboundError(std::string(reflect::class_name<Net>()) + ": not bound to storage"));
}

template<class S>
constexpr Extents extents_of(Index leading) {
  Extents extents = S::extents;
  if (S::is_dynamic) extents[0] = leading;
  return extents;
}

template<class S>
[[noreturn]] STATOR_COLD void refuse_input(Index leading) {
  refuse_no_memory(extents_of<S>(leading));
}

/// Collects the memory of an expression's leaves and its batch.
struct Gatherer {
  struct Call {
    const void *type, *object;
  };
  expr::LeafMemory* next;
  Index batch = dynamic;
  std::size_t call_count = 0;
  Call calls[8]; ///< with several results; the first call_count of them

  explicit Gatherer(expr::LeafMemory* first) : next(first) {}

  /// Results of one type come from one call.
  void see_call(const void* type, const void* call, std::string_view network,
                std::string_view instead = "compute those of one call before, with value()") {
    for (std::size_t i = 0; i < call_count; ++i)
      if (calls[i].type == type) {
        if (calls[i].object == call) return;
        raise(GraphError("one expression has results of two calls of " + std::string(network) +
                         ", which returns several: " + std::string(instead)));
      }
    if (call_count == std::size(calls))
      raise(GraphError("one expression has results of more than 8 networks that return several"));
    calls[call_count++] = {type, call};
  }

  void see_batch(Index leading) {
    if (batch == dynamic)
      batch = leading;
    else if (batch != leading) [[unlikely]]
      refuse_batches(batch, leading);
  }
  [[noreturn]] STATOR_COLD static void refuse_batches(Index one, Index other) {
    raise(ShapeError("inputs of one expression have different batch sizes: " + std::to_string(one) + " and " +
                     std::to_string(other)));
  }
};

} // namespace stator::detail
