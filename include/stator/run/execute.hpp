// SPDX-License-Identifier: BSL-1.0
// Straight-line execution: every unit of a program becomes one call of a kernel with constant arguments.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/elementwise.hpp"
#include "stator/run/compile.hpp"

namespace stator::run {

/// What a program runs on.
struct Frame {
  std::byte* workspace = nullptr;           ///< of the program, aligned
  const expr::LeafMemory* leaves = nullptr; ///< in the order of the expression
  void* result = nullptr;                   ///< where the root is written, if anywhere
  Index batch = 0;                          ///< samples, where the batch is dynamic
  std::byte* prepared = nullptr;            ///< what a prepared program has computed once
};

namespace detail {

template<class P, graph::Place Place>
STATOR_ALWAYS_INLINE inline void* address(const Frame& f) {
  using graph::Area;
  if constexpr (Place.area == Area::fixed)
    return f.workspace + Place.offset;
  else if constexpr (Place.area == Area::batched)
    return f.workspace + P::batched_begin + static_cast<std::size_t>(f.batch) * Place.offset;
  else if constexpr (Place.area == Area::leaf)
    return f.leaves[Place.offset].data;
  else if constexpr (Place.area == Area::gradient)
    return f.leaves[Place.offset].grad;
  else if constexpr (Place.area == Area::result)
    return f.result;
  else if constexpr (Place.area == Area::prepared)
    return f.prepared + Place.offset;
  else
    return nullptr;
}

/// Describes a unit that is a region: its steps, and which nodes are its loads and results.
struct RegionDraft {
  GrowingArray<kernel::RegionStep> steps;
  GrowingArray<int> loads, results;
};

template<class P>
constexpr RegionDraft describe(const graph::Unit& unit) {
  RegionDraft r;
  GrowingArray<int> nodes; // of each step
  // From the end: an operand is mostly recent.
  const auto step_of = [&nodes](int n) {
    int i = static_cast<int>(nodes.size()) - 1;
    while (i >= 0 && nodes.data()[i] != n) --i;
    return i;
  };
  const int* const members = P::members.data() + unit.first;
  const auto is_member = [&](int n) {
    if (n < members[0] || n > members[unit.count - 1]) return false;
    for (int m = 0; m < unit.count; ++m)
      if (members[m] == n) return true;
    return false;
  };
  const auto load = [&](int n) {
    if (is_member(n) || step_of(n) >= 0) return;
    kernel::RegionStep s{};
    if (P::nodes.data()[n].signature->kind == graph::Kind::constant) {
      s.number = P::nodes.data()[n].number;
    } else {
      r.loads.push_back(n);
      s.input = static_cast<int>(r.loads.size());
    }
    nodes.push_back(n);
    r.steps.push_back(s);
  };
  // Loads and numbers first, then the operations: kernels are equal when regions do the same. Only a gradient
  // is loaded just before it is added to: two leaves may be one Variable, and then the second sum needs the
  // first.
  for (int m = 0; m < unit.count; ++m) {
    const graph::Node& node = P::nodes.data()[members[m]];
    for (int e = node.first; e < node.first + node.count; ++e)
      if (!P::nodes.data()[P::edges.data()[e]].gradient) load(P::edges.data()[e]);
  }
  for (int m = 0; m < unit.count; ++m) {
    const graph::Node& node = P::nodes.data()[members[m]];
    for (int e = node.first; e < node.first + node.count; ++e) load(P::edges.data()[e]);
    kernel::RegionStep s{};
    s.operation = node.signature->elementwise;
    for (int k = 0; k < node.count; ++k)
      s.operand[static_cast<std::size_t>(k)] = step_of(P::edges.data()[node.first + k]) + 1;
    if (P::places.data()[members[m]].area != graph::Area::none) {
      r.results.push_back(members[m]);
      s.output = static_cast<int>(r.results.size());
    }
    nodes.push_back(members[m]);
    r.steps.push_back(s);
  }
  return r;
}

/// The most steps of a region: each member with all of its operands from outside.
inline constexpr std::size_t max_steps =
    std::size_t{graph::max_region} * (graph::max_elementwise_operands + 1);

template<class P, std::size_t U>
struct region_unit {
  static constexpr graph::Unit unit = P::units[U];
  struct Description {
    Roomy<kernel::RegionStep, max_steps> steps;
    Roomy<int, max_steps> loads, results;
  };
  static constexpr Description described = [] {
    const RegionDraft r = describe<P>(unit);
    Description d{};
    spread(d.steps, r.steps);
    spread(d.loads, r.loads);
    spread(d.results, r.results);
    return d;
  }();
  static constexpr auto loads = cut<described.loads.size>(described.loads);
  static constexpr auto results = cut<described.results.size>(described.results);
  static constexpr auto region = [] {
    kernel::Region<described.steps.size, loads.size(), results.size()> r;
    r.extents = P::nodes[P::at(P::members[P::at(unit.first)])].signature->type.extents;
    r.steps = cut<described.steps.size>(described.steps);
    for (std::size_t i = 0; i < loads.size(); ++i)
      r.inputs[i] = P::nodes[P::at(loads[i])].signature->type.extents;
    return r;
  }();
  using T = scalar_of<P::nodes[P::at(P::members[P::at(unit.first)])].signature->type.dtype>;

  STATOR_ALWAYS_INLINE static void run(const Frame& f) {
    [&]<std::size_t... I, std::size_t... O>(std::index_sequence<I...>, std::index_sequence<O...>) {
      const T* const in[] = {static_cast<const T*>(address<P, P::place(loads[I])>(f))..., nullptr};
      T* const out[] = {static_cast<T*>(address<P, P::place(results[O])>(f))...};
      STATOR_INLINE_CALL kernel::fused<T, region>::run(in, out, f.batch);
    }(std::make_index_sequence<loads.size()>{}, std::make_index_sequence<results.size()>{});
  }
};

/// A unit that is one operation with a kernel of its own, the operands of which are I...
template<class P, std::size_t U, std::size_t... I>
STATOR_ALWAYS_INLINE inline void run_kernel(const Frame& f, std::index_sequence<I...>) {
  constexpr graph::Unit unit = P::units[U];
  constexpr int node = P::members[P::at(unit.first)];
  constexpr auto* signature = P::nodes[P::at(node)].signature;
  constexpr auto function = unit.accumulate ? signature->accumulate : signature->run;
  const void* const in[] = {address<P, P::place(P::operand(node, static_cast<int>(I)))>(f)..., nullptr};
  if constexpr (unit.accumulate && signature->type.bytes().fixed >= GradState::large) {
    // The first gradient after zero_grad() is written where nothing has to be kept.
    GradState* const state = f.leaves[P::places[P::at(node)].offset].state;
    if (state != nullptr && state->stale) {
      state->stale = false;
      return signature->run(address<P, P::places[P::at(node)]>(f), in, f.batch,
                            static_cast<std::byte*>(address<P, unit.scratch>(f)));
    }
  }
  STATOR_INLINE_CALL function(address<P, P::places[P::at(node)]>(f), in, f.batch,
                              static_cast<std::byte*>(address<P, unit.scratch>(f)));
}

template<class P, std::size_t U>
STATOR_ALWAYS_INLINE inline void run_unit(const Frame& f) {
  if constexpr (P::units[U].region) {
    region_unit<P, U>::run(f);
  } else {
    constexpr int operands = P::nodes[P::at(P::members[P::at(P::units[U].first)])].count;
    run_kernel<P, U>(f, std::make_index_sequence<static_cast<std::size_t>(operands)>{});
  }
}

/// Units in functions of this many: compilers' optimisers are not linear in the size of a function.
inline constexpr std::size_t chunk = 32;

template<class P, std::size_t First, std::size_t... U>
inline void run_chunk(const Frame& f, std::index_sequence<U...>) {
  (run_unit<P, First + U>(f), ...);
}

/// The same with everything that it calls inlined: in a function with STATOR_FLATTEN.
template<class P, std::size_t First, std::size_t... U>
STATOR_ALWAYS_INLINE inline void run_inlined(const Frame& f, std::index_sequence<U...>) {
  (run_unit<P, First + U>(f), ...);
}

/// Multiplications and elements of a program below which calls cost as much as the work.
inline constexpr Index small_work = 8192;

/// What the nodes of a program from `First` on cost: multiplications of its kernels, and the elements of all
/// values.
template<class P, std::size_t First>
consteval Index work() {
  Index total = 0;
  for (std::size_t n = First; n < P::nodes.size(); ++n) {
    const Extents& e = P::nodes[n].signature->type.extents;
    if (e.is_dynamic()) return small_work + 1;
    total += P::nodes[n].signature->cost.multiply_adds + e.numel();
  }
  return total;
}

} // namespace detail

/// Whether a program is so small that it is one function, with all kernels inlined. Of a prepared one its
/// second half, which begins with this unit and this node.
template<class P, std::size_t Unit = 0, std::size_t Node = 0>
inline constexpr bool is_small = P::units.size() - Unit <= detail::chunk && P::workspace.per_sample == 0 &&
                                 detail::work<P, Node>() <= detail::small_work;

/// Runs the units [First, Last) of a program.
template<class P, std::size_t First, std::size_t Last>
inline void execute(const Frame& f) {
  if constexpr (First < Last) {
    constexpr std::size_t count = std::min(Last - First, detail::chunk);
    detail::run_chunk<P, First>(f, std::make_index_sequence<count>{});
    execute<P, First + count, Last>(f);
  }
}

} // namespace stator::run
