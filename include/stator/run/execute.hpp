// SPDX-License-Identifier: BSL-1.0
// Straight-line execution: every unit of a program becomes one call of a kernel with constant arguments.
#pragma once

#include "stator/kernel/elementwise.hpp"
#include "stator/run/compile.hpp"

namespace stator::run {

/// What a program runs on.
struct Frame {
  std::byte* workspace = nullptr;
  const expr::LeafMemory* leaves = nullptr;
  void* result = nullptr;
  Index batch = 0;
};

namespace detail {

template<class P, graph::Place Place>
[[gnu::always_inline]] inline void* address(const Frame& f) {
  using graph::Area;
  if constexpr (Place.area == Area::fixed) return f.workspace + Place.offset;
  else if constexpr (Place.area == Area::batched)
    return f.workspace + P::batched_begin + static_cast<std::size_t>(f.batch) * Place.offset;
  else if constexpr (Place.area == Area::leaf) return f.leaves[Place.offset].data;
  else if constexpr (Place.area == Area::gradient) return f.leaves[Place.offset].grad;
  else if constexpr (Place.area == Area::result) return f.result;
  else return nullptr;
}

/// Describes a unit that is a region: its steps, and which nodes are its loads and results.
struct RegionDraft {
  GrowingArray<kernel::RegionStep<kernel::max_elementwise_operands>> steps;
  GrowingArray<int> loads, results;
  std::size_t operands = 3; ///< the most of a step, or 3: regions of common operations have one type
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
    kernel::RegionStep<kernel::max_elementwise_operands> s;
    if (P::nodes.data()[n].signature->kind == graph::Kind::constant) {
      s.number = P::nodes.data()[n].number;
    } else {
      s.input = static_cast<int>(r.loads.size());
      r.loads.push_back(n);
    }
    nodes.push_back(n);
    r.steps.push_back(s);
  };
  // Loads and numbers first, then the operations: kernels are equal when regions do the same. Only a gradient is
  // loaded just before it is added to: two leaves may be one Variable, and then the second sum needs the first.
  for (int m = 0; m < unit.count; ++m) {
    const graph::Node& node = P::nodes.data()[members[m]];
    for (int e = node.first; e < node.first + node.count; ++e)
      if (!P::nodes.data()[P::edges.data()[e]].gradient) load(P::edges.data()[e]);
  }
  for (int m = 0; m < unit.count; ++m) {
    const graph::Node& node = P::nodes.data()[members[m]];
    for (int e = node.first; e < node.first + node.count; ++e) load(P::edges.data()[e]);
    kernel::RegionStep<kernel::max_elementwise_operands> s;
    s.operation = node.signature->elementwise;
    r.operands = std::max(r.operands, static_cast<std::size_t>(node.count));
    for (int k = 0; k < node.count; ++k)
      s.operand[static_cast<std::size_t>(k)] = step_of(P::edges.data()[node.first + k]);
    if (P::places.data()[members[m]].area != graph::Area::none) {
      s.output = static_cast<int>(r.results.size());
      r.results.push_back(members[m]);
    }
    nodes.push_back(members[m]);
    r.steps.push_back(s);
  }
  return r;
}

template<class P, std::size_t U>
struct region_unit {
  static constexpr graph::Unit unit = P::units[U];
  struct Sizes {
    std::size_t steps = 0, loads = 0, results = 0, operands = 0;
  };
  static constexpr Sizes sizes = [] {
    const RegionDraft r = describe<P>(unit);
    return Sizes{r.steps.size(), r.loads.size(), r.results.size(), r.operands};
  }();
  struct Contents {
    kernel::Region<sizes.steps, sizes.loads, sizes.results, sizes.operands> region;
    std::array<int, sizes.loads> loads;
    std::array<int, sizes.results> results;
  };
  static constexpr Contents contents = [] {
    const RegionDraft r = describe<P>(unit);
    Contents c{{}, freeze<int, sizes.loads>(r.loads), freeze<int, sizes.results>(r.results)};
    c.region.extents = P::nodes[P::at(P::members[P::at(unit.first)])].signature->type.extents;
    for (std::size_t i = 0; i < sizes.steps; ++i) {
      const auto& from = r.steps[i];
      auto& to = c.region.steps[i];
      to.operation = from.operation;
      to.input = from.input;
      to.number = from.number;
      to.output = from.output;
      for (std::size_t k = 0; k < sizes.operands; ++k) to.operand[k] = from.operand[k];
    }
    for (std::size_t i = 0; i < sizes.loads; ++i)
      c.region.inputs[i] = P::nodes[P::at(r.loads[i])].signature->type.extents;
    return c;
  }();
  using T = scalar_of<P::nodes[P::at(P::members[P::at(unit.first)])].signature->type.dtype>;

  [[gnu::always_inline]] static void run(const Frame& f) {
    [&]<std::size_t... I, std::size_t... O>(std::index_sequence<I...>, std::index_sequence<O...>) {
      const T* const in[] = {static_cast<const T*>(address<P, P::place(contents.loads[I])>(f))..., nullptr};
      T* const out[] = {static_cast<T*>(address<P, P::place(contents.results[O])>(f))...};
      kernel::fused<T, contents.region>::run(in, out, f.batch);
    }(std::make_index_sequence<sizes.loads>{}, std::make_index_sequence<sizes.results>{});
  }
};

template<class P, std::size_t U>
struct kernel_unit {
  static constexpr graph::Unit unit = P::units[U];
  static constexpr int node = P::members[P::at(unit.first)];

  [[gnu::always_inline]] static void run(const Frame& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      constexpr auto* signature = P::nodes[P::at(node)].signature;
      constexpr auto function = unit.accumulate ? signature->accumulate : signature->run;
      const void* const in[] = {address<P, P::place(P::operand(node, static_cast<int>(I)))>(f)..., nullptr};
      function(address<P, P::places[P::at(node)]>(f), in, f.batch,
               static_cast<std::byte*>(address<P, unit.scratch>(f)));
    }(std::make_index_sequence<static_cast<std::size_t>(P::nodes[P::at(node)].count)>{});
  }
};

template<class P, std::size_t U>
[[gnu::always_inline]] inline void run_unit(const Frame& f) {
  if constexpr (P::units[U].region) region_unit<P, U>::run(f);
  else kernel_unit<P, U>::run(f);
}

/// Units in functions of this many: compilers' optimisers are not linear in the size of a function.
inline constexpr std::size_t chunk = 32;

template<class P, std::size_t First, std::size_t... U>
inline void run_chunk(const Frame& f, std::index_sequence<U...>) {
  (run_unit<P, First + U>(f), ...);
}

} // namespace detail

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
