// SPDX-License-Identifier: BSL-1.0
// Gradients of a model M that zero_grad() leaves to the next backward(), see GradState.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/parallel.hpp"
#include "stator/module/tensor_ref.hpp"

#include <cstddef>

namespace stator::inline v0_2 {

namespace detail {

/// What is done to the gradients of M in the memory `a`.
template<class M>
struct StaleGradients {
  static constexpr std::size_t count() { return M::parameter_table.size(); }
  static constexpr std::size_t bytes(std::size_t i) {
    return static_cast<std::size_t>(M::parameter_table[i].numel) * sizeof(typename M::gradient_scalar);
  }
  static std::byte* at(const Arenas& a, std::size_t i) {
    return a.gradients + M::parameter_table[i].gradient_offset();
  }
  /// Whether any may be stale.
  static consteval bool possible() {
    for (std::size_t i = 0; i < count(); ++i)
      if (bytes(i) >= GradState::large) return true;
    return false;
  }
  /// They are what they count as.
  static void settle(const Arenas& a) {
    for (std::size_t i = 0; i < (a ? count() : 0); ++i) a.states[i].settle(at(a, i), bytes(i));
  }
  /// From here on others look at them.
  static void show(const Arenas& a) {
    for (std::size_t i = 0; i < (a ? count() : 0); ++i) a.states[i].show(at(a, i), bytes(i));
  }
  /// Copies the states of `from`, whose gradients have been copied to `a`.
  static void copy_states(const Arenas& a, const Arenas& from) {
    for (std::size_t i = 0; i < count(); ++i) {
      const bool seen = a.states[i].seen;
      a.states[i] = from.states[i];
      a.states[i].seen = seen;
      if (seen) a.states[i].settle(at(a, i), bytes(i));
    }
  }
  /// Sets to 0 what is not left to the next backward(), padding included.
  STATOR_NOINLINE static void clear(const Arenas& a, bool may_leave) {
    std::size_t from = 0;
    const auto clear_to = [&](std::size_t end) {
      if (end > from) clear_bytes(a.gradients + from, end - from);
    };
    for (std::size_t i = 0; i < count(); ++i) {
      GradState& state = a.states[i];
      state.stale = may_leave && !state.seen && bytes(i) >= GradState::large;
      if (!state.stale) continue;
      const auto offset = M::parameter_table[i].gradient_offset();
      clear_to(offset);
      from = offset + bytes(i);
    }
    clear_to(M::gradient_bytes);
  }
};

} // namespace detail

} // namespace stator::inline v0_2
