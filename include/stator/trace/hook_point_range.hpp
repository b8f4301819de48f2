// SPDX-License-Identifier: BSL-1.0
// The hooks of one call of a module, or of one passage of a tap: the hook points that it opens, and in which
// order their code runs.
#pragma once

#include "stator/graph/builder.hpp"

namespace stator::graph {

/// Forward hooks, and those before them, run in the order of their registration. Those that gradients pass
/// through are recorded the other way round, since the backward meets the last one first.
class HookPointRange {
public:
  constexpr HookPointRange(Builder& b, const void* address, Text (*type_name)(), std::string_view tap)
      : b_(b), first_(b.hooks.next_point) {
    if (b.hooks.inside) return;
    for (const Watch& w : b.hooks.watches) {
      if (w.address != address || w.type_name != type_name || w.tap != tap) continue;
      if (collects())
        b.hooks.points.push_back({w.hook, w.module, !tap.empty(), 0, 0, {}, {}});
      else
        b.gates.push_back({b.hooks.leaf + static_cast<int>(w.hook), {}, {}, false});
      ++count_;
    }
    b.hooks.next_point += count_;
    first_gates_ = b.gates.size() - (collects() ? 0 : count_);
  }

  /// Before the forward: `in` are the nodes of its operands, -1 for what is not a symbol.
  constexpr void before(int* in, std::size_t in_count) {
    if (collects()) {
      for (std::size_t k = 0; k < count_; ++k) keep(point(k).in, point(k).in_count, in, in_count);
      return;
    }
    b_.hooks.inside = true;
    for (std::size_t k = 0; k < count_; ++k)
      if (code(k).before != nullptr) code(k).before(b_, gates(k), in);
    for (std::size_t k = count_; k-- > 0;)
      if (code(k).before_gradient != nullptr) code(k).before_gradient(b_, gates(k), in);
    b_.hooks.inside = false;
  }

  /// After it.
  constexpr void behind(const int* in, int* out, std::size_t out_count) {
    if (collects()) {
      for (std::size_t k = 0; k < count_; ++k) keep(point(k).out, point(k).out_count, out, out_count);
      return;
    }
    b_.hooks.inside = true;
    for (std::size_t k = 0; k < count_; ++k)
      if (code(k).behind != nullptr) code(k).behind(b_, gates(k), in, out);
    for (std::size_t k = count_; k-- > 0;)
      if (code(k).behind_gradient != nullptr) code(k).behind_gradient(b_, gates(k), out);
    b_.hooks.inside = false;
  }

private:
  constexpr bool collects() const { return b_.hooks.code == nullptr; }
  constexpr HookPoint& point(std::size_t k) { return b_.hooks.points[first_ + k]; }
  constexpr const HookPointCode& code(std::size_t k) const { return b_.hooks.code[first_ + k]; }
  constexpr Gates& gates(std::size_t k) { return b_.gates[first_gates_ + k]; }
  constexpr void keep(std::array<HookPointValue, max_hooked>& to, std::size_t& to_count, const int* node,
                      std::size_t count) {
    if (count > max_hooked) {
      b_.fail(text("a module with a hook has ", count, " inputs or outputs, at most ", max_hooked,
                   " are possible"));
      return;
    }
    to_count = count;
    for (std::size_t i = 0; i < count; ++i) {
      if (node[i] < 0) continue;
      to[i].set(b_.type(node[i]));
      to[i].is_symbol = true;
      to[i].node = node[i];
    }
  }
  Builder& b_;
  std::size_t first_, count_ = 0, first_gates_ = 0;
};

} // namespace stator::graph
