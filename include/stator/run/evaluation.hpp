// SPDX-License-Identifier: BSL-1.0
// The state of one evaluated expression: its workspace and what has run already.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/run/backward_error.hpp"
#include "stator/run/backward_observer.hpp"
#include "stator/run/lanes.hpp"
#include "stator/run/program_leaves.hpp"

#include <cstring>
#include <string_view>

namespace stator::inline v0_2 {

namespace run {

/// Runs an expression of type E.
template<class E>
struct Evaluation {
  /// Programs depend on what is computed, not on who owns the inputs.
  using Plan = typename expr::borrowed<E>::type;
  /// The result as a symbol.
  using Result = symbol_of<Plan>;
  /// Element type of the result.
  using T = typename Result::scalar;
  /// Shape of the result.
  using S = typename Result::shape;
  /// The tensor that `value` returns.
  using Value = typename stator::detail::tensor_of<T, S>::type;
  /// What has run already.
  using State = expr::State;
  /// Inputs, parameters and buffers of the expression.
  static constexpr std::size_t leaf_count = static_cast<std::size_t>(tracer<E>::leaf_count);
  /// Whether `item` and `backward` may be called.
  static constexpr bool is_scalar = S::numel == 1 && !S::is_dynamic;

  /// Runs the forward and returns its result. Throws ShapeError when batches differ, ValueError for indices
  /// out of range.
  static Value value(const E& e, State& state) {
    if constexpr (S::is_dynamic) {
      expr::LeafMemory leaves[leaf_count + 1];
      Value result(gather(e, leaves));
      value_into(e, state, result);
      return result;
    } else {
      Value result;
      value_into(e, state, result);
      return result;
    }
  }

  /// The same into memory of the caller.
  template<class Out>
  static void value_into(const E& e, State& state, Out& out) {
    static_assert(std::is_same_v<typename Out::scalar, T>, "stator: value_into: another element type");
    forward(e, state, out.data(), [&]([[maybe_unused]] Index batch) {
      if constexpr (!S::is_dynamic && std::is_same_v<std::remove_cv_t<Out>, Value>) return;
      Extents need = S::extents;
      if (S::is_dynamic) need[0] = batch;
      if (!(out.shape().extents == need))
        raise(ShapeError("value_into: the expression has shape " + to_string(need) + ", the tensor " +
                         to_string(out.shape().extents)));
    });
  }

  /// The forward into memory that is as large as the result.
  static void run_into(const E& e, void* result) {
    State state;
    forward(e, state, static_cast<T*>(result), [](Index) {});
  }

  /// The result as a number; does not run again what `backward` has computed.
  static T item(const E& e, State& state) {
    static_assert(is_scalar, "stator: item() needs an expression of one element");
    if (!state.has_item) {
      T result{};
      forward(e, state, &result, [](Index) {});
      keep_item(state, &result);
    }
    T result;
    std::memcpy(&result, state.item, sizeof(T));
    return result;
  }

  /// Runs forward and backward; adds to the gradients of the leaves. Throws GraphError for a second call
  /// without `retain_graph`.
  static void backward(const E& e, State& state, bool retain_graph) {
    static_assert(is_scalar,
                  "stator: backward() needs an expression of one element: reduce it with sum or mean");
    if constexpr (stator::detail::gradient_depth<Plan> > 0)
      static_assert(check<stator::detail::backward_error<Plan>>());
    static_assert(requires_grad(), "stator: backward(): nothing in this expression requires a gradient");
    if (state.backward_done)
      raise(GraphError("backward() was called twice on one expression: its intermediate values are gone; "
                       "backward({.retain_graph = true}) keeps them"));
    if constexpr (is_small<Program<Plan, true>> && std::is_void_v<Observer>)
      if (!state.forward_kept && !retain_graph && backward_inlined<Program<Plan, true>>(e, state)) return;
    backward_in_steps(e, state, retain_graph);
  }

  /// Extents of the result with the batch filled in. Throws ShapeError when batches differ.
  static Sizes shape(const E& e) {
    Extents extents = S::extents;
    if constexpr (S::is_dynamic) {
      expr::LeafMemory leaves[leaf_count + 1];
      extents[0] = gather(e, leaves);
    }
    return {extents};
  }

  /// Whether a leaf that wants a gradient reaches the result.
  static constexpr bool requires_grad() { return Origin<Plan>::requires_grad; }
  /// The last operation, by PyTorch's name of its backward, "MmBackward0"; empty without a gradient.
  static constexpr std::string_view grad_fn() {
    return requires_grad() ? Origin<Plan>::name : std::string_view();
  }

private:
  /// Who is told of the units of backward(), if anybody.
  using Observer = typename backward_observer<Plan>::type;

  /// backward() of any program, its forward if it has not run, and what is between both.
  STATOR_NOINLINE static void backward_in_steps(const E& e, State& state, bool retain_graph) {
    using P = Program<Plan, true>;
    expr::LeafMemory leaves[leaf_count + 1];
    Frame f{nullptr, leaves, nullptr, gather(e, leaves)};
    // Where nothing has run and nothing is kept, a small workspace lies on the stack.
    const std::size_t need = P::workspace.total(std::max<Index>(f.batch, 0));
    alignas(alignment) std::byte nearby[nearby_size<P>];
    const bool is_near = fits_nearby<P> && !state.forward_kept && !retain_graph && need <= sizeof nearby;
    if (state.forward_kept)
      for (const IndexCheck& c : index_checks<P>::list) c.function(leaves[c.leaf].data, f.batch);
    else if (is_near)
      execute<P, 0, P::forward_units>(f = {nearby, leaves, nullptr, f.batch});
    else
      run_forward(f, state);
    if (!state.has_item) {
      if (!is_near) f.workspace = state.workspace.data();
      keep_item(state, detail::address<P, P::place(P::root)>(f));
    }
    bool some_disabled = false;
    for (const GradientLeaf& g : gradient_leaves<P>::list) {
      const expr::LeafMemory& leaf = leaves[g.leaf];
      if (leaf.grad == nullptr) [[unlikely]]
        raise(GraphError("backward(): a parameter has no gradient storage: it is frozen in its model, and "
                         "part of a module "
                         "that is called by itself"));
      if (leaf.state == nullptr) continue; // a Variable
      settle(g, leaf);
      some_disabled |= leaf.state->disabled;
      leaf.state->present |= !leaf.state->disabled;
    }
    MemoryBlock unwanted;
    if (some_disabled) [[unlikely]]
      unwanted = divert<P>(leaves, f.batch);
    // The backward overwrites values of the forward: what is to stay is copied.
    MemoryBlock block;
    if (retain_graph) {
      block = borrow(need);
      std::memcpy(block.data(), state.workspace.data(), need);
    } else {
      block = std::move(state.workspace);
      state.backward_done = true;
    }
    if (!is_near) f.workspace = block.data();
    if constexpr (std::is_void_v<Observer>)
      execute<P, P::forward_units, P::units.size()>(f);
    else
      observe_backward<P, Observer>(f);
    if (!block.is_empty()) give_back(std::move(block));
    if (!unwanted.is_empty()) give_back(std::move(unwanted));
  }

  /// Whether a forward keeps its values for a backward() to come. So it is for the loss of a network in
  /// training: a second forward would draw other random numbers and update running statistics twice.
  static consteval bool keeps_forward() {
    if constexpr (is_scalar && tracer<E>::trains)
      return requires_grad();
    else
      return false;
  }

  /// Bytes of a workspace that need not be borrowed.
  static constexpr std::size_t small_workspace = 4096;
  /// Whether a program may have its workspace on the stack. A constant, so that no code is made for it
  /// elsewhere.
  template<class P>
  static constexpr bool fits_nearby = P::workspace.fixed <= small_workspace;
  /// Of the workspace on the stack that a program gets; 1 where it would never do.
  template<class P>
  static constexpr std::size_t nearby_size = fits_nearby<P> ? small_workspace : 1;

  /// What only adds to a gradient finds the elements that it has.
  STATOR_ALWAYS_INLINE static void settle(const GradientLeaf& g, const expr::LeafMemory& leaf) {
    if (g.bytes.fixed >= GradState::large && (!g.by_kernel || leaf.state->disabled))
      leaf.state->settle(leaf.grad, g.bytes.fixed);
  }
  /// Points the gradients of leaves with `requires_grad_(false)` to memory that is never read.
  template<class P>
  STATOR_COLD STATOR_NOINLINE static MemoryBlock divert(expr::LeafMemory* leaves, Index batch) {
    const auto is_disabled = [&](const GradientLeaf& g) {
      return leaves[g.leaf].state != nullptr && leaves[g.leaf].state->disabled;
    };
    const auto size = [&](const GradientLeaf& g) {
      return align_up(g.bytes.total(std::max<Index>(batch, 0)));
    };
    std::size_t bytes = 0, count = 0;
    for (const GradientLeaf& g : gradient_leaves<P>::list)
      if (is_disabled(g)) bytes += size(g), ++count;
    if (count == gradient_leaves<P>::count)
      raise(GraphError(
          "backward(): nothing in this expression requires a gradient: requires_grad_(false) holds for all "
          "of its parameters"));
    MemoryBlock block = borrow(bytes);
    std::memset(block.data(), 0, bytes);
    std::byte* next = block.data();
    for (const GradientLeaf& g : gradient_leaves<P>::list)
      if (is_disabled(g)) {
        leaves[g.leaf].grad = next;
        next += size(g);
      }
    return block;
  }

  STATOR_ALWAYS_INLINE static Index gather_inlined(const E& e, expr::LeafMemory* leaves) {
    stator::detail::Gatherer g{leaves};
    STATOR_INLINE_CALL tracer<E>::gather(e, g);
    return g.batch;
  }
  static Index gather(const E& e, expr::LeafMemory* leaves) {
    stator::detail::Gatherer g{leaves};
    tracer<E>::gather(e, g);
    return g.batch;
  }
  static void keep_item(State& state, const void* item) {
    std::memcpy(state.item, item, sizeof(T));
    state.has_item = true;
  }

  /// Runs the forward half of the whole program and keeps its values for the backward.
  static void run_forward(Frame& f, State& state) {
    using P = Program<Plan, true>;
    state.workspace = borrow(P::workspace.total(std::max<Index>(f.batch, 0)));
    f.workspace = state.workspace.data();
    execute<P, 0, P::forward_units>(f);
    state.forward_kept = true;
  }

  /// A small program as one function. Its values lie in memory that nothing else can see, so that those that
  /// a compiler can keep in registers never get there.
  template<class P>
  STATOR_FLATTEN STATOR_NOINLINE static void forward_inlined(const E& e, T* result) {
    expr::LeafMemory leaves[leaf_count + 1];
    alignas(alignment) std::byte workspace[std::max<std::size_t>(P::workspace.fixed, 1)];
    const Frame f{workspace, leaves, result, gather_inlined(e, leaves)};
    execute_inlined<P>(f);
    if constexpr (P::place(P::root).area != graph::Area::result)
      std::memcpy(result, detail::address<P, P::place(P::root)>(f), sizeof(T) * S::numel);
  }
  /// The same for forward and backward; false, and nothing done, where a gradient is not wanted or not there.
  template<class P>
  STATOR_FLATTEN STATOR_NOINLINE static bool backward_inlined(const E& e, State& state) {
    expr::LeafMemory leaves[leaf_count + 1];
    alignas(alignment) std::byte workspace[std::max<std::size_t>(P::workspace.fixed, 1)];
    const Frame f{workspace, leaves, nullptr, gather_inlined(e, leaves)};
    for (const GradientLeaf& g : gradient_leaves<P>::list) {
      const expr::LeafMemory& leaf = leaves[g.leaf];
      if (leaf.grad == nullptr || (leaf.state != nullptr && leaf.state->disabled)) [[unlikely]]
        return false;
      if (leaf.state != nullptr) settle(g, leaf);
    }
    execute_inlined<P>(f); // throws, if at all, before anything is added to a gradient
    for (const GradientLeaf& g : gradient_leaves<P>::list)
      if (GradState* const present = leaves[g.leaf].state) present->present = true;
    if (!state.has_item) keep_item(state, detail::address<P, P::place(P::root)>(f));
    state.backward_done = true;
    return true;
  }

  static void forward(const E& e, State& state, T* result, auto&& check_shape) {
    if constexpr (!keeps_forward()) {
      using P = Program<Plan, false>;
      if constexpr (is_small<P> && !S::is_dynamic) {
        check_shape(Index{});
        return forward_inlined<P>(e, result);
      }
    }
    expr::LeafMemory leaves[leaf_count + 1];
    Frame f{nullptr, leaves, result, gather(e, leaves)};
    check_shape(f.batch);
    const auto bytes = static_cast<std::size_t>(S::numel * (S::is_dynamic ? f.batch : 1)) * sizeof(T);
    if constexpr (keeps_forward()) {
      using P = Program<Plan, true>;
      if (state.backward_done) raise(GraphError("the values of this expression are gone after backward()"));
      if (!state.forward_kept) run_forward(f, state);
      f.workspace = state.workspace.data();
      std::memcpy(result, detail::address<P, P::place(P::root)>(f), bytes);
    } else {
      using P = Program<Plan, false>;
      // A small workspace lies on the stack: borrowing one costs more than a small network.
      const std::size_t need = P::workspace.total(std::max<Index>(f.batch, 0));
      alignas(alignment) std::byte nearby[nearby_size<P>];
      MemoryBlock block;
      if (fits_nearby<P> && need <= sizeof nearby)
        f.workspace = nearby;
      else
        f.workspace = (block = borrow(need)).data();
      execute<P, 0, P::units.size()>(f);
      if constexpr (P::place(P::root).area != graph::Area::result)
        std::memcpy(result, detail::address<P, P::place(P::root)>(f), bytes);
      if (!block.is_empty()) give_back(std::move(block));
    }
  }
};

} // namespace run

template<class E>
struct expr::evaluator : run::Evaluation<E> {};

} // namespace stator::inline v0_2
