// SPDX-License-Identifier: BSL-1.0
// Where hooks meet a program while it is traced. A network is traced once to find its sites, with the types
// of the values there; code for these types is then instantiated, and called in the trace that counts.
#pragma once

#include "stator/core/text.hpp"
#include "stator/graph/node.hpp"

#include <array>

namespace stator::graph {

/// Inputs, and outputs, that hooks of a module see at most.
inline constexpr std::size_t max_hooked = 8;

/// A module, or a tap inside of it, that a hook waits for.
struct Watch {
  const void* address = nullptr;
  Text (*type_name)() = nullptr;
  std::string_view tap{}; ///< empty: the module itself
  std::size_t module = 0; ///< in the table of the network
  std::size_t hook = 0;
};

/// A value at a site.
struct SiteValue {
  ValueType type{};
  bool is_symbol = false; ///< numbers and tensors that are no symbols take no part
  bool needs_grad = false;
  int node = -1; ///< while the sites are collected
};

/// One call of a watched module, or one passage of a watched tap (which has outputs only).
struct Site {
  std::size_t hook = 0, module = 0;
  bool is_tap = false;
  std::size_t in_count = 0, out_count = 0;
  std::array<SiteValue, max_hooked> in{}, out{};
};

/// The views around a module through which gradients pass, of a full backward hook.
struct Gates {
  int leaf = -1;                           ///< of the hook
  std::array<int, max_hooked> in{}, out{}; ///< nodes, -1: none
  bool fired = false;
};

/// What a hook adds to the graph at a site, before and after the forward of its module. May replace the
/// nodes; those that are no symbols are -1.
struct SiteCode {
  void (*before)(Builder&, Gates&, int* in) = nullptr;
  void (*behind)(Builder&, Gates&, const int* in, int* out) = nullptr;
  void (*before_gradient)(Builder&, Gates&, int* in) = nullptr;
  void (*behind_gradient)(Builder&, Gates&, int* out) = nullptr;
};

} // namespace stator::graph
