// SPDX-License-Identifier: BSL-1.0
// Where hooks meet a program while it is traced. A network is traced once to find its hook points, with the
// types of the values there; code for these types is then instantiated, and called in the trace that counts.
#pragma once

#include "stator/core/growing_array.hpp"
#include "stator/core/text.hpp"
#include "stator/graph/node.hpp"

#include <array>

namespace stator::graph {

/// Inputs, and outputs, that hooks of a module see at most.
inline constexpr std::size_t max_hooked = 8;

/// A module, or a tap inside of it, that a hook waits for.
struct Watch {
  const void* address = nullptr; ///< of the module in the prototype of its network
  /// The class of the module, which tells it from its first field at the same address.
  Text (*type_name)() = nullptr;
  std::string_view tap{}; ///< empty: the module itself
  std::size_t module = 0; ///< in the table of the network
  std::size_t hook = 0;   ///< number of the hook that waits
};

/// A value at a hook point. Without default values, as everything that is frozen, see core/frozen.hpp.
struct HookPointValue {
  DType dtype;      ///< element type
  std::size_t rank; ///< number of dimensions
  /// The first `rank` of them.
  Index extents[max_rank];
  bool is_symbol;  ///< numbers and tensors that are not symbols take no part
  bool needs_grad; ///< a gradient passes here
  int node;        ///< while the points are collected

  /// Takes over element type and extents.
  constexpr void set(const ValueType& type) {
    dtype = type.dtype, rank = type.extents.rank;
    for (std::size_t d = 0; d < rank; ++d) extents[d] = type.extents[d];
  }
  /// Element type and extents.
  constexpr ValueType type() const {
    ValueType result{dtype, {}};
    for (std::size_t d = 0; d < rank; ++d) result.extents.push_back(extents[d]);
    return result;
  }
};

/// One call of a watched module, or one passage of a watched tap (which has outputs only).
struct HookPoint {
  std::size_t hook, module;        ///< number of the hook, row of the module in the table of the network
  bool is_tap;                     ///< a tap, not a call
  std::size_t in_count, out_count; ///< how many of the values below there are
  std::array<HookPointValue, max_hooked> in, out; ///< values that go in and come out
};

/// The views around a module through which gradients pass, of a full backward hook.
struct Gates {
  int leaf;                            ///< of the hook
  std::array<int, max_hooked> in, out; ///< nodes, -1: none
  bool fired;                          ///< the hook has been called
};

/// What a hook adds to the graph at a hook point, before and after the forward of its module. May replace the
/// nodes; those that are not symbols are -1.
struct HookPointCode {
  /// Before the forward, on its inputs.
  void (*before)(Builder&, Gates&, int* in) = nullptr;
  /// After the forward, on its inputs and outputs.
  void (*behind)(Builder&, Gates&, const int* in, int* out) = nullptr;
  /// Before the forward: gradients of the inputs pass here.
  void (*before_gradient)(Builder&, Gates&, int* in) = nullptr;
  /// After the forward: gradients of the outputs pass here.
  void (*behind_gradient)(Builder&, Gates&, int* out) = nullptr;
};

/// What tracing knows of the hooks of the current network. Unused without hooks.
struct HookTrace {
  GrowingArray<Watch> watches;         ///< what they wait for
  GrowingArray<HookPoint> points;      ///< where they met it, while points are collected
  const HookPointCode* code = nullptr; ///< of each point, in the same order; null while they are collected
  std::size_t next_point = 0;          ///< number of the next one that is met
  int leaf = -1;                       ///< of the network's first hook
  bool inside = false;                 ///< what a hook calls has no hooks
};

} // namespace stator::graph
