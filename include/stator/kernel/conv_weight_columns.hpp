// SPDX-License-Identifier: BSL-1.0
// The weight gradient of a convolution of many channels over small planes: dw is larger than everything else,
// so it is written in place, once for some samples, and the column matrix (im2col) is made panel by panel.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_direction.hpp"
#include "stator/kernel/parallel.hpp"

namespace stator::kernel::detail {

template<class T, auto G>
struct conv_weight_columns {
  using direction = conv_direction<G, false>;
  static constexpr std::size_t D = G.axes;
  static constexpr Index W = native_width<T>, Q = quad<T>, taps = direction::taps;
  static constexpr Index out = G.out_channels, rows = G.in_channels * taps, pixels = direction::target_plane;
  /// Vectors of weights in a panel.
  static constexpr Index NV = rows % (2 * W) == 0 ? 2 : 1;
  static constexpr Index panel = NV * W, panels = rows / panel;
  static constexpr bool wins = vectorizable<T> && G.groups == 1 && pixels > 0 && pixels <= 64 &&
                               rows % W == 0 && out >= 32 && rows* out >= 256 * 1024;
  /// Whether Q neighbouring pixels of the target are neighbours in the source.
  static constexpr bool neighbours = G.stride[D - 1] == 1 && direction::target[D - 1] % Q == 0;

  /// Samples at once, so that the columns of a panel stay in the first-level cache: about 16 KiB.
  static constexpr Index depth = 1024 / static_cast<Index>(sizeof(T));
  static constexpr Index samples = std::max<Index>(depth / std::max<Index>(pixels, 1), 1);
  /// Elements between samples of the source where it is read.
  static constexpr Index sample = G.in_channels * direction::plane;

  struct Layout {
    std::size_t row = 0, channel = 0, step = 0, from = 0, x = 0, end = 0;
  };
  static constexpr Layout layout = [] {
    Carver c;
    Layout l;
    l.row = c.take(rows, sizeof(Offset));
    l.channel = c.take(out, sizeof(Offset));
    l.step = c.take(samples * pixels, sizeof(Offset));
    l.from = c.take(pixels, sizeof(Offset));
    l.x = c.take(direction::pads ? samples * sample : 0, sizeof(T));
    l.end = c.used;
    return l;
  }();
  static constexpr Bytes scratch{layout.end, 0};

  STATOR_NOINLINE static void run(const T* x, const T* dy, T* dw, bool accumulate, Index batch,
                                  std::byte* space) {
    auto* row = reinterpret_cast<Offset*>(space + layout.row);
    auto* channel = reinterpret_cast<Offset*>(space + layout.channel);
    auto* step = reinterpret_cast<Offset*>(space + layout.step);
    auto* from = reinterpret_cast<Offset*>(space + layout.from);
    T* padded = reinterpret_cast<T*>(space + layout.x);
    tables(row, channel, step, from);
    if (batch == 0 && !accumulate) std::fill_n(dw, rows * out, T{});
    const Index threads = chunk_count(max_threads, direction::work * std::min(samples, batch));
    for (Index begin = 0; begin < batch; begin += samples) {
      const Index count = std::min(samples, batch - begin);
      const T* source = x + begin * G.in_channels * direction::source_plane;
      if constexpr (direction::pads) {
        parallel_for_chunks(count, std::min(threads, count), [&](Index first, Index last, Index) {
          for (Index n = first; n < last; ++n)
            pad_planes<D>(source + n * G.in_channels * direction::source_plane, G.in_channels,
                          direction::source, direction::front, direction::padded, padded + n * sample);
        });
        source = padded;
      }
      const bool add = accumulate || begin > 0;
      parallel_for_chunks(panels, std::min(threads, panels), [&](Index first, Index last, Index) {
        alignas(64) T columns[static_cast<std::size_t>(samples * pixels * panel)];
        for (Index p = first; p < last; ++p) {
          for (Index n = 0; n < count; ++n)
            pack(source + n * sample, row + p * panel, from, columns + n * pixels * panel);
          conv_add_rows<T, W, NV>(dy + begin * out * pixels, channel, out, step, count * pixels, columns,
                                  dw + p * panel, rows, add);
        }
      });
    }
  }

private:
  static void tables(Offset* row, Offset* channel, Offset* step, Offset* from) {
    for (Index o = 0; o < out; ++o) channel[o] = static_cast<Offset>(o * pixels);
    for (Index n = 0; n < samples; ++n)
      for (Index q = 0; q < pixels; ++q) step[n * pixels + q] = static_cast<Offset>(n * out * pixels + q);
    direction::each_class([&](const ConvClass<D>& c) {
      Index q = 0;
      for_each_index<D>(c.count, [&](const std::array<Index, D>& i) {
        from[q++] = static_cast<Offset>(flat_index(direction::source_of(c, i), direction::padded));
      });
      direction::each_tap(c, [&](Index tap, const std::array<Index, D>& shift) {
        for (Index s = 0; s < G.in_channels; ++s)
          row[s * taps + tap] =
              static_cast<Offset>(s * direction::plane + flat_index(shift, direction::padded));
      });
    });
  }

  /// Columns of a sample for the weights of a panel: to[pixel * panel + j] = x[from[pixel] + row[j]].
  static void pack(const T* x, const Offset* row, const Offset* from, T* to) {
    if constexpr (neighbours) {
      for (Index q = 0; q < pixels; q += Q)
        for (Index v = 0; v < panel; v += W) {
          vec<T, W> r[Q];
          STATOR_UNROLL
          for (Index i = 0; i < Q; ++i) gather_quads<T, W>(r[i], x + from[q], row + v + i);
          transpose_quads<T, W>(r);
          STATOR_UNROLL
          for (Index i = 0; i < Q; ++i) store(r[i], to + (q + i) * panel + v);
        }
    } else {
      for (Index q = 0; q < pixels; ++q)
        for (Index j = 0; j < panel; ++j) to[q * panel + j] = x[from[q] + row[j]];
    }
  }
};

} // namespace stator::kernel::detail
