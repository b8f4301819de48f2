// SPDX-License-Identifier: BSL-1.0
// Fused elementwise regions. A region is a constant: loads, numbers and operations; it is evaluated in one
// pass over its shape, vector by vector, every intermediate in a register. A value that several operations of
// the region use is computed once, and a region may have several results, which a nested expression cannot.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/elementwise_base.hpp"
#include "stator/core/parallel.hpp"
#include "stator/kernel/shuffle.hpp"
#include "stator/kernel/simd.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace stator::kernel {

/// The code of an elementwise operation for elements of type T, on `args` in order.
template<class T>
struct Elementwise : stator::detail::ElementwiseBase {
  /// The operation on single numbers.
  using Single = void (*)(const Simd<T, 1>* args, Simd<T, 1>& result);
  /// The operation on full vectors.
  using Vector = void (*)(const Simd<T>* args, Simd<T>& result);
  Single single;   ///< for the rest of a row
  Vector vector;   ///< for all but the rest of a row
  bool is_partial; ///< whether it is not defined everywhere: then each lane must hold an operand

  constexpr Elementwise(Single s, Vector v, bool partial = false)
      : single(s), vector(v), is_partial(partial) {}
};

/// The most operands of an elementwise operation.
inline constexpr std::size_t max_elementwise_operands = 8;

/// One value of a region. Numbers of others count from 1, 0 is none: what is zero takes no room in the names
/// of kernels, which contain their region.
struct RegionStep {
  const stator::detail::ElementwiseBase* operation;  ///< null: a load or a number
  int input;                                         ///< a load: from which operand of the region
  double number;                                     ///< of a step that is a constant
  std::array<int, max_elementwise_operands> operand; ///< earlier steps
  int output;                                        ///< a result of the region: which
};

/// A region as a template argument: layers that do the same on the same shapes share one kernel.
template<std::size_t Steps, std::size_t Inputs, std::size_t Outputs>
struct Region {
  Extents extents{};                     ///< the iteration space; a leading extent may be dynamic
  std::array<RegionStep, Steps> steps{}; ///< each uses inputs and earlier steps
  std::array<Extents, Inputs> inputs{};  ///< extents of each load, broadcast to `extents` from the right
  static constexpr std::size_t outputs = Outputs; ///< arrays that are written
};

namespace detail {

/// The iteration space with dimensions merged wherever every load runs through them alike.
template<std::size_t Inputs>
struct Loops {
  std::size_t rank = 0;
  std::array<Index, max_rank> extents{};
  std::array<std::array<bool, max_rank>, Inputs + 1> moves{}; ///< whether a load moves along a dimension

  /// Elements to skip in load `i` for one step of dimension `d`.
  constexpr Index stride(std::size_t i, std::size_t d) const {
    if (!moves[i][d]) return 0;
    Index s = 1;
    for (std::size_t k = d + 1; k < rank; ++k)
      if (moves[i][k]) s *= extents[k];
    return s;
  }
};

template<std::size_t S, std::size_t I, std::size_t O>
constexpr Loops<I> plan_loops(const Region<S, I, O>& r) {
  Loops<I> loops;
  for (std::size_t d = 0; d < r.extents.rank; ++d) {
    if (r.extents[d] == 1) continue;
    std::array<bool, I + 1> moves{};
    for (std::size_t i = 0; i < I; ++i) {
      const std::size_t behind = r.extents.rank - d; // dimension d, counted from the right
      const Extents& e = r.inputs[i];
      moves[i] = e.rank >= behind && e[e.rank - behind] != 1;
    }
    bool merge = loops.rank > 0;
    for (std::size_t i = 0; i < I && merge; ++i) merge = loops.moves[i][loops.rank - 1] == moves[i];
    if (merge) {
      Index& e = loops.extents[loops.rank - 1];
      // A dynamic extent absorbs what follows it: e then counts elements per sample, negated.
      e *= r.extents[d];
    } else {
      loops.extents[loops.rank] = r.extents[d];
      for (std::size_t i = 0; i < I; ++i) loops.moves[i][loops.rank] = moves[i];
      ++loops.rank;
    }
  }
  if (loops.rank == 0) {
    loops.rank = 1;
    loops.extents[0] = 1;
    for (std::size_t i = 0; i < I; ++i) loops.moves[i][0] = true;
  }
  return loops;
}

/// The operation of a step on the values of earlier ones.
template<class V, RegionStep Step, class T, std::size_t... I>
STATOR_ALWAYS_INLINE inline void operate(V* value, V& result, std::index_sequence<I...>) {
  constexpr auto* code = static_cast<const Elementwise<T>*>(Step.operation);
  const V args[std::max<std::size_t>(sizeof...(I), 1)] = {value[Step.operand[I] - 1]...};
  if constexpr (V::size == 1)
    STATOR_INLINE_CALL code->single(args, result);
  else
    STATOR_INLINE_CALL code->vector(args, result);
}

/// One step of a region, its result in a register, of which `Count` elements are wanted. Regions share these
/// functions: their names hold the step alone, not its region.
template<class V, RegionStep Step, bool Moves, Index Count, bool Repeats, class T>
STATOR_ALWAYS_INLINE inline void step(const T* const* source, T* const* target, Index i, V* value,
                                      V& result) {
  if constexpr (Step.input > 0) {
    constexpr auto k = static_cast<std::size_t>(Step.input - 1);
    if constexpr (Moves && Repeats)
      load_repeated<T, V::size, Count>(result.raw, source[k] + i);
    else if constexpr (Moves)
      load_first<T, V::size, Count>(result.raw, source[k] + i);
    else
      result = V(source[k][0]);
  } else if constexpr (Step.operation == nullptr) {
    result = V(static_cast<T>(Step.number));
  } else {
    constexpr auto count =
        static_cast<std::size_t>(std::ranges::find(Step.operand, 0) - Step.operand.begin());
    STATOR_INLINE_CALL operate<V, Step, T>(value, result, std::make_index_sequence<count>{});
  }
  if constexpr (Step.output > 0) store_first<T, V::size, Count>(result.raw, target[Step.output - 1] + i);
}

} // namespace detail

/// The kernel of a region.
template<class T, auto R>
struct fused {
  static constexpr std::size_t step_count = R.steps.size();   ///< operations in the loop
  static constexpr std::size_t input_count = R.inputs.size(); ///< arrays that are read
  static constexpr auto loops = detail::plan_loops(R); ///< the loops around a row, with what moves in each
  static constexpr std::size_t inner = loops.rank - 1; ///< the loop along a row
  /// Elements below which threads do not pay: fewer where there is more to do for each.
  static constexpr Index enough = (Index{1} << 17) / static_cast<Index>(std::max<std::size_t>(step_count, 1));
  /// Elements that are divided no further.
  static constexpr Index grain = std::max<Index>(enough / 4, 1);

  /// Elements of dimension d: a negative extent is the batch times its absolute value.
  static Index extent(std::size_t d, Index batch) {
    return loops.extents[d] < 0 ? -loops.extents[d] * batch : loops.extents[d];
  }

  /// Reads `in`, writes `out`: an array for each input and output of the region.
  static void run(const T* const* in, T* const* out, Index batch) {
    if constexpr (loops.rank == 1) {
      const Index n = extent(0, batch);
      if constexpr (loops.extents[0] < 0 || loops.extents[0] > enough) {
        parallel_for(n, n > enough ? grain : n,
                     [&](Index first, Index last, int) { row(in, out, first, first, last - first); });
      } else {
        STATOR_INLINE_CALL row<loops.extents[0]>(in, out, 0);
      }
    } else {
      const Index outer = extent(0, batch);
      Index work = 1;
      for (std::size_t d = 1; d < loops.rank; ++d) work *= loops.extents[d];
      if constexpr (loops.extents[0] < 0 ||
                    loops.extents[0] * (R.extents.numel() / loops.extents[0]) > enough) {
        const Index least = outer * work > enough ? std::max<Index>(grain / work, 1) : outer;
        parallel_for(outer, least, [&](Index first, Index last, int) {
          for (Index i = first; i < last; ++i) nest<1>(in, out, i, i);
        });
      } else {
        for (Index i = 0; i < outer; ++i) nest<1>(in, out, i, i);
      }
    }
  }

private:
  /// Whether an operation is not defined everywhere.
  static constexpr bool is_partial = [] {
    for (const RegionStep& s : R.steps)
      if (s.operation != nullptr && static_cast<const Elementwise<T>*>(s.operation)->is_partial) return true;
    return false;
  }();

  /// Loops from dimension D on; `position` is the row-major index so far, `at` what a load needs of it.
  template<std::size_t D, class... At>
  static void nest(const T* const* in, T* const* out, Index position, At... at) {
    if constexpr (D == inner) {
      const std::array<Index, inner> outer{at...};
      const T* shifted[input_count + 1];
      for (std::size_t i = 0; i < input_count; ++i) {
        shifted[i] = in[i];
        for (std::size_t d = 0; d < inner; ++d) shifted[i] += outer[d] * loops.stride(i, d);
      }
      row<loops.extents[inner]>(shifted, out, position * loops.extents[inner]);
    } else {
      for (Index i = 0; i < loops.extents[D]; ++i)
        nest<D + 1>(in, out, position * loops.extents[D] + i, at..., i);
    }
  }

  /// The innermost loop: `count` elements, results from `to` on, loads from `from` on.
  static void row(const T* const* in, T* const* out, Index to, Index from, Index count) {
    const T* source[input_count + 1];
    T* target[R.outputs];
    for (std::size_t i = 0; i < input_count; ++i) source[i] = loops.moves[i][inner] ? in[i] + from : in[i];
    for (std::size_t o = 0; o < R.outputs; ++o) target[o] = out[o] + to;
    constexpr Index width = native_width<T>;
    const Index whole = count / width * width;
    for (Index i = 0; i < whole; i += width) evaluate<Simd<T>>(source, target, i);
    if constexpr (width > 1)
      for (Index i = whole; i < count; ++i) evaluate<Simd<T, 1>>(source, target, i);
  }
  /// The same for a number of elements that is a constant: what does not fill a vector is a vector all the
  /// same, in which elements are repeated where a function is not defined everywhere.
  template<Index Count>
  static void row(const T* const* in, T* const* out, Index to) {
    T* target[R.outputs];
    for (std::size_t o = 0; o < R.outputs; ++o) target[o] = out[o] + to;
    constexpr Index width = native_width<T>, rest = Count % width, whole = Count - rest;
    for (Index i = 0; i < whole; i += width) evaluate<Simd<T>>(in, target, i);
    if constexpr (rest > 1)
      evaluate<Simd<T>, rest>(in, target, whole);
    else if constexpr (rest > 0)
      evaluate<Simd<T, 1>>(in, target, whole);
  }

  template<class V, Index Count = V::size>
  STATOR_ALWAYS_INLINE static void evaluate(const T* const* source, T* const* target, Index i) {
    [&]<std::size_t... S>(std::index_sequence<S...>) STATOR_INLINE_LAMBDA {
      V value[step_count];
      (detail::step<V, R.steps[S], moves(R.steps[S]), Count, is_partial>(source, target, i, value, value[S]),
       ...);
    }(std::make_index_sequence<step_count>{});
  }
  /// Whether what a step loads is another element in each turn of the innermost loop.
  static constexpr bool moves(const RegionStep& s) {
    return s.input > 0 && loops.moves[static_cast<std::size_t>(s.input - 1)][inner];
  }
};

} // namespace stator::kernel
