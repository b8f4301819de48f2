// SPDX-License-Identifier: BSL-1.0
// Windows of a fixed size in vectors: rows of a plane are copied to lines in which the elements that a tap
// takes for neighbouring windows are neighbours, with what never wins around them.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_planes.hpp"
#include "stator/kernel/pool_geometry.hpp"
#include "stator/kernel/pool_halves.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace stator::kernel::detail {

/// What is never larger than anything.
template<class T>
constexpr T lowest() {
  return std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                              : std::numeric_limits<T>::lowest();
}

/// Windows of one size over planes of T; in the padding lies what is lowest, for `Largest`, or zero.
template<class T, auto G, bool Largest>
struct pool_lines {
  static constexpr std::size_t D = G.axes;
  static constexpr T outside = Largest ? lowest<T>() : T{};
  static constexpr Index W = native_width<T>;
  /// A property of axis 0, 1 or 2 of three, of which the first may be trivial.
  static constexpr Index along(std::size_t axis, const std::array<Index, D>& of, Index otherwise) {
    return axis + D >= 3 ? of[axis + D - 3] : otherwise;
  }
  static constexpr std::array<Index, 3> of_three(const std::array<Index, D>& of, Index otherwise) {
    return {along(0, of, otherwise), along(1, of, otherwise), along(2, of, otherwise)};
  }
  static constexpr auto input = of_three(G.input, 1), output = of_three(G.output(), 1),
                        taps = of_three(G.kernel, 1), stride = of_three(G.stride, 1),
                        padding = of_three(G.padding, 0), dilation = of_three(G.dilation, 1);
  static constexpr Index width = input[2], out_width = output[2], phases = stride[2];
  /// Windows of a row at once.
  static constexpr Index block = std::min(round_up(out_width, W), 16 * W);
  static constexpr Index count = std::min(block, out_width);
  /// Elements of a phase: every `phases`-th of a row.
  static constexpr Index length = round_up(block + (taps[2] - 1) * dilation[2] / phases, W);
  /// Rows that are kept of each of `taps[0]` slices.
  static constexpr Index kept = (taps[1] - 1) * dilation[1] + 1;
  static constexpr Index elements = taps[0] * kept * phases * length;
  /// Whether lines are of use: they find room on the stack, and filling them does not take longer than the
  /// sums of columns would.
  static constexpr bool
      fits = vectorizable<T> && W > 1 && out_width > 1 &&
             (Largest || D == 1 ? phases <= 4 : phases <= (padding[2] > 0 && out_width * 2 >= W ? 2 : 1)) &&
             elements* static_cast<Index>(sizeof(T)) <= Index{24} << 10 && product(G.input) < Index{1} << 30;

  /// What windows [first, first + count) of a row are made of, of which the first `known` were there before.
  struct Row {
    static constexpr Index count = pool_lines::count;
    const T* lines;
    Index z, y, first, known;
    /// The index of the first result in its plane.
    Index at() const { return (z * output[1] + y) * out_width + first; }
    /// Calls `body(i, next)` for W windows from i on each, of which those before `next` were there before.
    template<class Body>
    STATOR_ALWAYS_INLINE void each_vector(Body&& body) const {
      for (Index i = 0; i < count; i += W)
        body(std::max<Index>(std::min(i, count - W), 0), std::max(i, known));
    }
    /// Stores what belongs to W windows from i on, as far as there are as many.
    STATOR_ALWAYS_INLINE static void put(const vec<T, W>& v, T* to) {
      store_first<T, W, std::min(W, count)>(v, to);
    }
    /// Calls `visit(v, row, column)` for each tap of W windows from i on that is not in the padding of other
    /// axes than the last, in row-major order, with its elements and where that of the window i lies.
    template<class Visit>
    STATOR_ALWAYS_INLINE void each_tap(Index i, Visit&& visit) const {
      each_row(z, y, [&](Index row, Index held) STATOR_INLINE_LAMBDA {
        const T* const line = lines + held * phases * length + i;
        for (Index c = 0; c < taps[2]; ++c) {
          const Index shift = c * dilation[2];
          vec<T, W> v;
          load(v, line + shift % phases * length + shift / phases);
          visit(v, row, shift - padding[2]);
        }
      });
    }
  };

  /// Calls `body(row)` for each row of windows, or part of one.
  template<class Body>
  static void each(const T* x, Body&& body) {
    alignas(64) T lines[static_cast<std::size_t>(elements)];
    for (Index z = 0; z < output[0]; ++z)
      for (Index begin = 0; begin < out_width; begin += block) {
        const Index first = std::min(begin, out_width - count);           // the last ones overlap
        std::array<Index, static_cast<std::size_t>(taps[0] * kept)> held; // the row of each line
        held.fill(-1);
        for (Index y = 0; y < output[1]; ++y) {
          each_row(z, y, [&](Index row, Index at) STATOR_INLINE_LAMBDA {
            if (held[static_cast<std::size_t>(at)] == row) return;
            held[static_cast<std::size_t>(at)] = row;
            fill(x + row * width, first, lines + at * phases * length);
          });
          body(Row{lines, z, y, first, begin - first});
        }
      }
  }

private:
  /// Calls `body(row, place)` for each row of the input that the windows of row z, y see, in order: its
  /// number and the place of its line.
  template<class Body>
  STATOR_ALWAYS_INLINE static void each_row(Index z, Index y, Body&& body) {
    for (Index a = 0; a < taps[0]; ++a) {
      const Index slice = z * stride[0] - padding[0] + a * dilation[0];
      if (slice < 0 || slice >= input[0]) continue;
      for (Index b = 0; b < taps[1]; ++b) {
        const Index r = y * stride[1] - padding[1] + b * dilation[1];
        if (r >= 0 && r < input[1]) body(slice * input[1] + r, a * kept + r % kept);
      }
    }
  }
  /// The row at x from window `first` on: to[phase * length + i] is element i * phases + phase.
  static void fill(const T* x, Index first, T* to) {
    const Index begin = first * stride[2] - padding[2]; // of the first window
    const Index from = std::max<Index>(begin, 0), end = std::min(begin + phases * length, width);
    const Index skipped = from - begin, there = std::max<Index>(end - from, 0);
    if (skipped > 0 || skipped + there < phases * length)
      for (Index p = 0; p < phases; ++p) {
        const Index before = std::min(ceil_div(skipped - p + phases, phases) - 1, length);
        const Index until = std::clamp(ceil_div(skipped + there - p + phases, phases) - 1, before, length);
        std::fill(to + p * length, to + p * length + before, outside);
        std::fill(to + p * length + until, to + (p + 1) * length, outside);
      }
    if constexpr (phases == 1) {
      copy_row(x + from, there, to + skipped);
    } else if constexpr (phases == 2) {
      deal_row(x + from, there, to + skipped % 2 * length + skipped / 2,
               to + (skipped + 1) % 2 * length + (skipped + 1) / 2);
    } else {
      for (Index p = 0; p < phases; ++p) {
        const Index lost = (p - skipped % phases + phases) % phases; // to the first element of the phase
        T* out = to + p * length + (skipped + lost) / phases;
        for (Index i = lost; i < there; i += phases) *out++ = x[from + i];
      }
    }
  }
};

/// The largest elements of W windows of a row from i on; NaN is the largest.
template<class T, class Row, Index W = native_width<T>>
STATOR_ALWAYS_INLINE inline void row_maxima(const Row& row, Index i, vec<T, W>& best) {
  best = vec<T, W>{} + lowest<T>();
  vec<T, W> nan{};
  row.each_tap(i, [&](const vec<T, W>& v, Index, Index) STATOR_INLINE_LAMBDA {
    extreme<false, T, W>(v, best, best);
    nan = v != v ? v : nan;
  });
  best = nan != nan ? nan : best;
}

/// Where in the plane these lie: the first of equal ones, the last NaN; -1 where a window is empty.
template<class T, auto G, class Row, Index W = native_width<T>>
STATOR_ALWAYS_INLINE inline void row_places(const Row& row, Index i, typename mask<T, W>::type& place) {
  using Lines = pool_lines<T, G, true>;
  using Places = typename mask<T, W>::type;
  using Place = typename mask<T, W>::element;
  Places lane{};
  for (Index l = 0; l < W; ++l) lane[l] = static_cast<Place>((row.first + i + l) * Lines::stride[2]);
  Index top = 0, is_empty = false;
  for (std::size_t axis = 0; axis + 1 < G.axes; ++axis) {
    const PoolWindow w = G.window(axis, axis + 2 == G.axes ? row.y : row.z);
    top = top * G.input[axis] + w.begin;
    is_empty = is_empty || w.begin >= w.end;
  }
  // Where all are lowest, the first that is there.
  place = lane + static_cast<Place>(top * Lines::width - Lines::padding[2]);
  if (is_empty) place = Places{} - 1;
  for (Index l = 0; l < W && (row.first + i + l) * Lines::stride[2] < Lines::padding[2]; ++l)
    if (const PoolWindow w = G.window(G.axes - 1, row.first + i + l); !is_empty)
      place[l] = static_cast<Place>(w.begin < w.end ? top * Lines::width + w.begin : -1);
  vec<T, W> best = vec<T, W>{} + lowest<T>();
  row.each_tap(i, [&](const vec<T, W>& v, Index r, Index column) STATOR_INLINE_LAMBDA {
    const Places here = lane + static_cast<Place>(r * Lines::width + column);
    place = v > best ? here : place;
    best = v > best ? v : best;
    place = v != v ? here : place;
    best = v != v ? v : best;
  });
}

} // namespace stator::kernel::detail
