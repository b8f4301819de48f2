// SPDX-License-Identifier: BSL-1.0
// The memory of a call as constants, for reserve_workspace, WorkspaceScope and static_assert
// (core/workspace.hpp).
//
//   auto y = model.eval()(x);
//   static_assert(stator::workspace_bytes<decltype(y)> <= 64 * 1024);
#pragma once

#include "stator/run/compile.hpp"

namespace stator::inline v0_2 {

/// Bytes of stack that a call takes at most, forward or backward, for the threads of a program with small
/// stacks; packed parts of matrices are most of it. Tensors of the caller lie on the heap.
inline constexpr std::size_t stack_bytes = 128 * 1024;

/// Bytes that `value()` of an expression needs, beside its result and the stack: a fixed part, and a part for
/// each sample where the batch is known at run time. An upper bound: small programs take their memory from
/// the stack.
template<class E>
inline constexpr Bytes forward_workspace =
    run::Program<typename expr::borrowed<std::remove_cvref_t<E>>::type, false>::workspace;

/// Bytes that `backward()` of an expression needs, from its `item()` on, gradients excepted, which are the
/// model's. `{.retain_graph = true}` needs them twice, and so do gradients that requires_grad_(false) turned
/// off need memory of their size.
template<class E>
inline constexpr Bytes backward_workspace =
    run::Program<typename expr::borrowed<std::remove_cvref_t<E>>::type, true>::workspace;

/// What one call of `value()` needs where all extents are static: `forward_workspace<E>.fixed`.
template<class E>
inline constexpr std::size_t workspace_bytes = [] {
  static_assert(
      forward_workspace<E>.per_sample == 0,
      "stator: workspace_bytes: the batch is known at run time, take forward_workspace<E>.total(batch)");
  return forward_workspace<E>.fixed;
}();

/// What `backward()` needs where all extents are static: `backward_workspace<E>.fixed`.
template<class E>
inline constexpr std::size_t training_workspace_bytes = [] {
  static_assert(backward_workspace<E>.per_sample == 0,
                "stator: training_workspace_bytes: the batch is known at run time, take "
                "backward_workspace<E>.total(batch)");
  return backward_workspace<E>.fixed;
}();

} // namespace stator::inline v0_2
