// SPDX-License-Identifier: BSL-1.0
// Small programs that do the same with every row, such as a few Linear layers with activations: some rows run
// side by side, each in a lane of vectors, from the first value to the last. No sum crosses a vector, weights
// are read as they lie, and values between layers need not be in the order of rows.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/pack.hpp"
#include "stator/kernel/small_gemm.hpp"
#include "stator/run/execute.hpp"

#include <tuple>

namespace stator::run {

namespace detail {

/// How many rows run at once; 0 where the units of P from First on are not all of that kind.
template<class P, std::size_t First>
consteval Index lanes_of() {
  constexpr Index quad = 16 / static_cast<Index>(sizeof(float));
  const graph::ValueType& result = P::nodes[P::at(P::root)].signature->type;
  if (result.dtype != DType::float32 || result.extents.rank != 2 || P::base(P::root) != P::root ||
      P::place(P::root).area != graph::Area::result)
    return 0;
  if (const Index columns = result.extents[1]; columns > 2 && columns % quad != 0) return 0;
  const Index rows = result.extents[0];
  const auto is_rows = [&](int n) {
    const graph::ValueType& t = P::nodes[P::at(n)].signature->type;
    return t.dtype == DType::float32 && t.extents.rank == 2 && t.extents[0] == rows && P::base(n) == n;
  };
  Index lanes = 0;
  for (std::size_t u = First; u < P::units.size(); ++u) {
    const graph::Unit& unit = P::units[u];
    for (int m = unit.first; m < unit.first + unit.count; ++m) {
      const int node = P::members[P::at(m)];
      const graph::Signature& s = *P::nodes[P::at(node)].signature;
      if (!is_rows(node) || s.kind == graph::Kind::store) return 0;
      if (!unit.region) {
        if (s.lanes == 0 || (lanes != 0 && lanes != s.lanes) || !is_rows(P::operand(node, 0))) return 0;
        lanes = s.lanes;
      }
      for (int k = unit.region ? 0 : 1; k < P::nodes[P::at(node)].count; ++k) {
        const int operand = P::operand(node, k);
        if (P::place(operand).area == graph::Area::result) return 0; // in the order of rows only at the end
        const bool is_leaf = P::place(operand).area != graph::Area::fixed;
        const Extents& e = P::nodes[P::at(operand)].signature->type.extents;
        if (unit.region ? !(e.numel() == 1 || (is_rows(operand) && e == s.type.extents)) : !is_leaf) return 0;
      }
    }
  }
  return lanes;
}

/// Columns of a value; 0 of a number, which is the same for every row.
template<class P>
constexpr Index columns_of(int node) {
  const Extents& e = P::nodes[P::at(node)].signature->type.extents;
  return e.numel() == 1 ? 0 : e.back();
}

/// Memory of N columns of W rows.
template<Index W, Index N>
struct LaneBuffer {
  alignas(alignment) float values[static_cast<std::size_t>(W * (N > 0 ? N : 1))];
};

/// The rows from `first` on of a value, each in a lane; what lies in rows is turned into `space`.
template<class P, Index W, int Node>
STATOR_ALWAYS_INLINE inline const float* from_lanes(const Frame& f, Index first, float* space) {
  constexpr graph::Place place = P::place(Node);
  constexpr Index columns = columns_of<P>(Node);
  const auto* const memory = static_cast<const float*>(address<P, place>(f));
  if constexpr (place.area == graph::Area::fixed || columns == 0) {
    return memory;
  } else {
    kernel::pack_columns_inlined<float, W>(memory + first * columns, columns, W, columns, W, space);
    return space;
  }
}
/// Where rows of a value are computed; those of the result are in the order of rows only later.
template<class P, int Node>
STATOR_ALWAYS_INLINE inline float* to_lanes(const Frame& f, float* result) {
  constexpr graph::Place place = P::place(Node);
  if constexpr (place.area == graph::Area::result)
    return result;
  else
    return static_cast<float*>(address<P, place>(f));
}

template<class P, Index W, std::size_t U>
STATOR_ALWAYS_INLINE inline void region_in_lanes(const Frame& f, Index first, float* result) {
  using R = region_unit<P, U>;
  static constexpr auto one = [] { // of a single column
    auto r = R::region;
    r.extents = Extents(W);
    for (Extents& e : r.inputs) e = Extents(e.numel() == 1 ? Index{1} : W);
    return r;
  }();
  [&]<std::size_t... I, std::size_t... O>(std::index_sequence<I...>, std::index_sequence<O...>)
      STATOR_INLINE_LAMBDA {
        std::tuple<LaneBuffer<W, columns_of<P>(R::loads[I])>...> space;
        const float* in[] = {from_lanes<P, W, R::loads[I]>(f, first, std::get<I>(space).values)..., nullptr};
        float* out[] = {to_lanes<P, R::results[O]>(f, result)...};
        for (Index c = 0; c < R::region.extents[1]; ++c) {
          STATOR_INLINE_CALL kernel::fused<float, one>::run(in, out, 0);
          ((in[I] += columns_of<P>(R::loads[I]) > 0 ? W : 0), ...);
          for (float*& o : out) o += W;
        }
      }(std::make_index_sequence<R::loads.size()>{}, std::make_index_sequence<R::results.size()>{});
}

template<class P, Index W, std::size_t U, std::size_t... I>
STATOR_ALWAYS_INLINE inline void kernel_in_lanes(const Frame& f, Index first, float* result,
                                                 std::index_sequence<I...>) {
  constexpr int node = P::members[P::at(P::units[U].first)];
  constexpr int rows = P::operand(node, 0);
  LaneBuffer<W, columns_of<P>(rows)> space;
  const void* const in[] = {from_lanes<P, W, rows>(f, first, space.values),
                            address<P, P::place(P::operand(node, static_cast<int>(I + 1)))>(f)..., nullptr};
  constexpr auto function = P::nodes[P::at(node)].signature->in_lanes;
  STATOR_INLINE_CALL function(to_lanes<P, node>(f, result), in, 0, nullptr);
}

template<class P, Index W, std::size_t U>
STATOR_ALWAYS_INLINE inline void unit_in_lanes(const Frame& f, Index first, float* result) {
  if constexpr (P::units[U].region) {
    region_in_lanes<P, W, U>(f, first, result);
  } else {
    constexpr int operands = P::nodes[P::at(P::members[P::at(P::units[U].first)])].count;
    kernel_in_lanes<P, W, U>(f, first, result,
                             std::make_index_sequence<static_cast<std::size_t>(operands - 1)>{});
  }
}

template<class P, Index W, std::size_t First, std::size_t... U>
STATOR_ALWAYS_INLINE inline void run_in_lanes(const Frame& f, std::index_sequence<U...>) {
  constexpr const Extents& e = P::nodes[P::at(P::root)].signature->type.extents;
  for (Index first = 0; first < e[0]; first += W) {
    LaneBuffer<W, e[1]> result;
    (unit_in_lanes<P, W, First + U>(f, first, result.values), ...);
    kernel::detail::store_lanes<float, W, e[1]>(result.values, static_cast<float*>(f.result) + first * e[1]);
  }
}

} // namespace detail

/// Runs the units of a small program from `First` on, in a function with STATOR_FLATTEN.
template<class P, std::size_t First = 0>
STATOR_ALWAYS_INLINE inline void execute_inlined(const Frame& f) {
  constexpr Index lanes = detail::lanes_of<P, First>();
  constexpr std::make_index_sequence<P::units.size() - First> units;
  if constexpr (lanes > 0)
    detail::run_in_lanes<P, lanes, First>(f, units);
  else
    detail::run_inlined<P, First>(f, units);
}

} // namespace stator::run
