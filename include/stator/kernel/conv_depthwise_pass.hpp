// SPDX-License-Identifier: BSL-1.0
// One direction of a depthwise convolution: every plane by itself, laid out where it stays in the first-level
// cache. Strides of one and two, kernels of any size that leaves registers.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_depthwise.hpp"
#include "stator/kernel/conv_direction.hpp"
#include "stator/kernel/conv_finish.hpp"
#include "stator/kernel/parallel.hpp"

namespace stator::kernel::detail {

/// How the planes of one direction of a convolution lie, for one vector to hold a row of pixels, or two rows
/// that are short.
template<class T, auto G, bool Backward>
struct plane_layout {
  using direction = conv_direction<G, Backward>;
  static constexpr std::size_t D = G.axes;
  static constexpr Index high = G.kernel[0], wide = G.kernel[D - 1], stride = G.stride[0];
  static constexpr Index height = direction::target[0], width = direction::target[D - 1];
  static constexpr bool up = Backward && stride == 2; ///< the target has more pixels than the source

  static constexpr bool possible = D == 2 && vectorizable<T> && high > 1 && wide > 1 && high <= 7 &&
                                   stride <= 2 && stride == G.stride[D - 1] &&
                                   G.dilation == filled<D>(1) && width >= quad<T>&& height > 0 &&
                                   direction::source[0] > 0 && direction::source[D - 1] >= quad<T>;

  static constexpr Index front = direction::front[D - 1], padded = direction::padded[D - 1];
  /// Rows share the zeros between them, and a vector has two of them.
  static constexpr Index half = native_width<T> / 2,
                         margin = std::max(front, padded - front - direction::source[D - 1]);
  static constexpr bool in_pairs = !up && stride == 1 && half >= quad<T> && width <= half &&
                                   direction::source[D - 1] + margin <= half && wide <= half;
  /// Pixels along a row that vectors divide.
  static constexpr Index along = up ? ceil_div(width, Index{2}) : width;
  static constexpr Index split = Backward ? 1 : stride;
  static constexpr bool lays_out = direction::pads || split > 1 || up || width < native_width<T>;
  static constexpr Index W = in_pairs ? native_width<T> : width_for<T>(along);

  /// A row is laid out as so many vectors of V.
  static constexpr Index V = in_pairs ? half : width_for<T>(padded),
                         row = in_pairs ? half : round_up(padded, split* V);
  static constexpr PlaneSteps steps{lays_out ? row : G.input[D - 1], row / split, in_pairs ? 2 : split,
                                    split};
  /// Rows of vectors.
  static constexpr Index rows = in_pairs ? ceil_div(height, Index{2}) : height;
  /// Elements of a plane that is laid out, with what is read behind it.
  static constexpr Index plane = round_up((direction::padded[0] + 2) * row + 2 * W, native_width<T>);

  /// Whether a plane is so large that its rows are laid out some at a time, as they are needed.
  static constexpr bool in_bands = !up && !in_pairs &&
                                   plane * static_cast<Index>(sizeof(T)) > (Index{1} << 13);
  /// Rows of the source that the first `of` rows of the target see.
  static constexpr Index seen_by(Index of) {
    return std::clamp<Index>((of - 1) * stride + high - direction::front[0], 0, direction::source[0]);
  }

  /// Lays out rows [first, last) of a plane, which begins at element `at` of an array of `count`.
  static void lay_out(const T* array, Index at, Index count, T* to, Index first = 0,
                      Index last = direction::source[0]) {
    constexpr Index width_of_source = direction::source[D - 1];
    lay_rows<T, V, split, front, width_of_source, row>(
        array, at + first * width_of_source, count, last - first, to + (direction::front[0] + first) * row);
  }
};

template<class T, auto G, bool Backward>
struct conv_depthwise {
  using direction = conv_direction<G, Backward>;
  using layout = plane_layout<T, G, Backward>;
  static constexpr std::size_t D = G.axes;
  static constexpr Index W = layout::W, R = plane_tile(layout::rows, layout::high, layout::steps.down);
  static constexpr Index taps = direction::taps;
  static constexpr bool wins = layout::possible && G.in_channels == G.groups && G.out_channels == G.groups;

  /// For each thread a plane, or two small ones: one is laid out before the other one is read, so that no
  /// vector is loaded right after parts of it were stored.
  static constexpr std::size_t slot =
      layout::lays_out
          ? align_up(static_cast<std::size_t>((layout::in_bands ? 1 : 2) * layout::plane) * sizeof(T))
          : 0;
  static constexpr std::size_t scratch_for(Index batch) {
    return static_cast<std::size_t>(std::min(batch * G.groups, max_threads)) * slot;
  }
  static constexpr std::size_t prepared_scratch_for(Index batch) { return scratch_for(batch); }
  /// Weights as they are, then the bias.
  static constexpr std::size_t prepared_bytes = static_cast<std::size_t>(G.groups * (taps + 1)) * sizeof(T);

  static void prepare(const T* w, const T* bias, std::byte* prepared) {
    T* const to = reinterpret_cast<T*>(prepared);
    std::copy_n(w, G.groups * taps, to);
    for (Index c = 0; c < G.groups; ++c) to[G.groups * taps + c] = bias ? bias[c] : T{};
  }
  static void run_prepared(const T* x, const std::byte* prepared, T* y, Index batch, std::byte* space) {
    const T* const w = reinterpret_cast<const T*>(prepared);
    run(x, w, w + G.groups * taps, y, batch, space);
  }
  static void run_finished(const T* x, const std::byte* prepared, T* y, Index batch, std::byte* space,
                           const ConvFinish<T>& finish) {
    const T* const w = reinterpret_cast<const T*>(prepared);
    run(x, w, w + G.groups * taps, y, batch, space, finish);
  }
  static constexpr bool can_halve = false;

  STATOR_NOINLINE static void run(const T* x, const T* w, const T* bias, T* y, Index batch, std::byte* space,
                                  const ConvFinish<T>& finish = {}) {
    const Index planes = batch * G.groups, chunks = chunk_count(planes, direction::work * batch);
    parallel_for_chunks(planes, chunks, [&](Index first, Index last, Index chunk) {
      T* const laid = reinterpret_cast<T*>(space + static_cast<std::size_t>(chunk) * slot);
      std::fill_n(laid, static_cast<Index>(slot / sizeof(T)), T{});
      for (Index p = first; p < last; ++p) {
        const Index c = p % G.groups;
        const T* source = x + p * direction::source_plane;
        const Index at = p * direction::source_plane, all = planes * direction::source_plane;
        if constexpr (layout::lays_out) {
          if constexpr (!layout::in_bands)
            for (Index ahead = p == first ? p : p + 1; ahead < std::min(p + 2, last); ++ahead)
              layout::lay_out(x, ahead * direction::source_plane, all,
                              laid + (ahead - first) % 2 * layout::plane);
          source = laid + (p - first) % 2 * (layout::in_bands ? 0 : layout::plane);
        }
        T* const out = y + p * direction::target_plane;
        const T start = bias ? bias[c] : T{};
        if constexpr (layout::up)
          conv_plane_up<T, W, layout::high, layout::wide, G.padding_begin[0], G.padding_begin[D - 1],
                        layout::row, layout::height, layout::width>(
              source + direction::front[0] * layout::row + layout::front, w + c * taps, start, out);
        else
          for (Index i = 0, laid_rows = 0; i < layout::rows; i += R) {
            if constexpr (layout::lays_out && layout::in_bands) { // one tile ahead
              const Index wanted = layout::seen_by(std::min(i + 2 * R, layout::rows));
              layout::lay_out(x, at, all, laid, laid_rows, wanted);
              laid_rows = wanted;
            }
            tiles(source, w + c * taps, start, out, std::min(i, layout::rows - R));
          }
        if (finish.relu || finish.summand)
          finish_plane(out, finish.summand ? finish.summand + p * direction::target_plane : nullptr, finish);
      }
    });
  }

private:
  /// A plane in place: no element may be met twice, as at the end of a row.
  static void finish_plane(T* y, const T* before, const ConvFinish<T>& finish) {
    constexpr Index Q = quad<T>, count = direction::target_plane, whole = count / W * W,
                    quads = count / Q * Q;
    const auto from = [&](Index i) { return before ? before + i : nullptr; };
    if constexpr (whole > 0) finish_row<T, W>(y, whole, y, before, finish);
    if constexpr (quads > whole) finish_row<T, Q>(y + whole, quads - whole, y + whole, from(whole), finish);
    for (Index i = quads; i < count; ++i) finish_row<T, 1>(y + i, 1, y + i, from(i), finish);
  }

  /// R rows of vectors of the target from `top` on.
  STATOR_NOINLINE static void tiles(const T* x, const T* w, T start, T* y, Index top) {
    for (Index j = 0; j < layout::width; j += W) {
      const Index left = std::max<Index>(std::min(j, layout::width - W), 0);
      vec<T, W> sum[R];
      STATOR_UNROLL
      for (Index r = 0; r < R; ++r) sum[r] = start - vec<T, W>{};
      add_plane_rows<T, W, R, layout::high, layout::wide, layout::steps, Backward>(
          x + top * layout::steps.down * layout::steps.row + left, w, sum);
      STATOR_UNROLL
      for (Index r = 0; r < R; ++r) write(sum[r], top + r, left, y);
    }
  }
  /// Vector row i of the target.
  STATOR_ALWAYS_INLINE static void write(const vec<T, W>& v, Index i, Index left, T* y) {
    constexpr Index width = layout::width;
    if constexpr (layout::in_pairs) {
      constexpr Index half = layout::half;
      [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
        const vec<T, half> first = __builtin_shufflevector(v, v, I...),
                           second = __builtin_shufflevector(v, v, (static_cast<int>(half) + I)...);
        store_first<T, half, width>(first, y + 2 * i * width);
        if (layout::height % 2 == 0 || 2 * i + 1 < layout::height)
          store_first<T, half, width>(second, y + (2 * i + 1) * width);
      }(std::make_integer_sequence<int, static_cast<int>(half)>{});
    } else {
      store_first<T, W, std::min(W, width)>(v, y + i * width + left);
    }
  }
};

} // namespace stator::kernel::detail
