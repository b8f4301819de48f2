// SPDX-License-Identifier: BSL-1.0
// The weight gradient where a group has one input channel (depthwise convolutions, pictures of one colour):
// planes are laid out where they stay in the first-level cache, and the sums of all taps are in registers. A
// sum belongs to one thread, which adds its samples in their order.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_depthwise_pass.hpp"

namespace stator::kernel::detail {

template<class T, auto G>
struct conv_weight_planes {
  using direction = conv_direction<G, false>;
  using layout = plane_layout<T, G, false>;
  static constexpr std::size_t D = G.axes;
  static constexpr Index W = layout::W, taps = direction::taps, pixels = direction::target_plane;
  static constexpr Index high = layout::high, wide = layout::wide, out = G.out_channels / G.groups;

  static constexpr bool wins = layout::possible && G.in_channels == G.groups;

  /// Columns of the kernel whose sums for `planes` planes of dy are in registers at once.
  static constexpr Index columns_of(Index planes) {
    const Index most = ((vector_registers - 2) / planes - ceil_div(high, layout::steps.down)) / high;
    return ceil_div(wide, ceil_div(wide, std::clamp<Index>(most, 1, wide)));
  }
  /// Planes of dy at once: two, if that leaves one pass.
  static constexpr Index NR = out % 2 == 0 && columns_of(2) == wide ? 2 : 1, LN = columns_of(NR);
  static constexpr Index blocks = out / NR, items = G.groups * blocks;

  /// dy is laid out where its rows are shorter than vectors: a plane of as many vectors as it has rows.
  static constexpr bool lays_out_dy = layout::width < W || layout::in_pairs;
  static constexpr Index dy_row = layout::in_pairs ? layout::half : W;
  static constexpr Index dy_plane = layout::rows * W;
  static constexpr Index x_plane = layout::lays_out ? layout::plane : G.input_plane();
  /// Samples at once: planes of 16 KiB.
  static constexpr Index samples = std::clamp<Index>(
      (Index{1} << 14) / static_cast<Index>(sizeof(T)) / std::max<Index>(x_plane + NR * pixels, 1), 1, 8);

  /// Rows of dy for which x is laid out at once.
  static constexpr Index band = layout::in_bands && !lays_out_dy ? 16 : layout::rows;

  static constexpr Index parts = std::min(items, max_threads);
  static constexpr Index sums_of_item = NR * taps * W;
  struct Layout {
    std::size_t sums = 0, x = 0, dy = 0, end = 0;
  };
  static constexpr Index laid_x = layout::lays_out ? samples * layout::plane : 0,
                         laid_dy = lays_out_dy ? samples * NR * dy_plane : 0;
  static constexpr Layout space_layout = [] {
    Carver c;
    Layout l;
    l.sums = c.take((blocks > 1 ? items : parts) * sums_of_item, sizeof(T));
    l.x = c.take(parts * laid_x, sizeof(T));
    l.dy = c.take(parts * laid_dy, sizeof(T));
    l.end = c.used;
    return l;
  }();
  static constexpr Bytes scratch{space_layout.end, 0};

  STATOR_NOINLINE static void run(const T* x, const T* dy, T* dw, bool accumulate, Index batch,
                                  std::byte* space) {
    parallel_for_chunks(
        items, chunk_count(parts, direction::work * batch), [&](Index first, Index last, Index chunk) {
          T* const sums = reinterpret_cast<T*>(space + space_layout.sums);
          T* const x_slot = reinterpret_cast<T*>(space + space_layout.x) + chunk * laid_x;
          T* const dy_slot = reinterpret_cast<T*>(space + space_layout.dy) + chunk * laid_dy;
          std::fill_n(x_slot, laid_x, T{});
          std::fill_n(dy_slot, laid_dy, T{});
          for (Index item = first; item < last;) {
            const Index g = item / blocks, end = std::min(last, (g + 1) * blocks);
            const auto sums_of = [&](Index i) { return sums + (blocks > 1 ? i : chunk) * sums_of_item; };
            for (Index i = item; i < end; ++i) std::fill_n(sums_of(i), sums_of_item, T{});
            for (Index n = 0; n < batch; n += samples) {
              const Index count = std::min(samples, batch - n);
              const T* in = x + (n * G.groups + g) * G.input_plane();
              if constexpr (layout::lays_out) in = x_slot;
              for (Index top = 0, laid = 0; top < layout::rows; top += band) {
                const Index height = std::min(band, layout::rows - top);
                if constexpr (layout::lays_out) {
                  const Index wanted = height == layout::rows ? G.input[0] : layout::seen_by(top + height);
                  for (Index s = 0; s < count; ++s)
                    layout::lay_out(x, ((n + s) * G.groups + g) * G.input_plane(),
                                    batch * G.groups * G.input_plane(), x_slot + s * layout::plane, laid,
                                    wanted);
                  laid = wanted;
                }
                for (Index i = item; i < end; ++i)
                  add(in + top * layout::steps.down * layout::steps.row, dy,
                      (n * G.out_channels + i * NR) * pixels, batch * G.out_channels * pixels, count, dy_slot,
                      top, height, sums_of(i));
              }
            }
            for (; item < end; ++item) finish(sums_of(item), dw + item * NR * taps, accumulate);
          }
        });
  }

private:
  /// The products of `count` samples, x as it is laid out, with `height` rows from `top` on of NR planes of
  /// dy, which begin at its element `at` of `all`.
  static void add(const T* x, const T* dy, Index at, Index all, Index count, T* dy_slot, Index top,
                  Index height, T* sums) {
    constexpr Index x_sample = layout::lays_out ? layout::plane : G.in_channels * G.input_plane();
    Index plane = pixels, sample = G.out_channels * pixels, row = layout::width, along = layout::width;
    if constexpr (lays_out_dy) {
      for (Index n = 0; n < count; ++n)
        for (Index o = 0; o < NR; ++o)
          lay_rows<T, dy_row, 1, 0, layout::width, dy_row>(dy, at + n * sample + o * pixels, all,
                                                           layout::height, dy_slot + (n * NR + o) * dy_plane);
      dy = dy_slot, at = 0;
      plane = dy_plane, sample = NR * dy_plane, row = along = W;
    }
    [&]<Index... B>(std::integer_sequence<Index, B...>) STATOR_INLINE_LAMBDA {
      (conv_plane_products<T, W, NR, high, wide, B * LN, std::min(LN, wide - B * LN), layout::steps>(
           x, x_sample, dy + at + top * row, plane, sample, count, row, height, along, sums),
       ...);
    }(std::make_integer_sequence<Index, ceil_div(wide, LN)>{});
  }

  static void finish(const T* sums, T* dw, bool accumulate) {
    for (Index t = 0; t < NR * taps; ++t) {
      vec<T, W> lane;
      load(lane, sums + t * W);
      const T total = horizontal_sum<T, W>(lane);
      dw[t] = accumulate ? static_cast<T>(dw[t] + total) : total;
    }
  }
};

} // namespace stator::kernel::detail
