// SPDX-License-Identifier: BSL-1.0
// The weight gradient of a convolution: dw[(c, tap), o] = Σ over pixels of x[c, pixel + tap] · dy[o, pixel].
// Some samples at a time are laid out for the inner loop, then all rows of dw are updated, each by
// one thread and in the order of the samples, so results do not depend on the number of threads.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_direction.hpp"
#include "stator/kernel/pack.hpp"
#include "stator/kernel/parallel.hpp"
#include "stator/kernel/sum.hpp"

namespace stator::kernel::detail {

template<class T, auto G>
struct conv_weight_pass {
  using forward = conv_direction<G, false>;
  static constexpr std::size_t D = G.axes;
  static constexpr Index in = G.in_channels / G.groups, out = G.out_channels / G.groups, taps = G.taps();
  static constexpr Index rows = in * taps, pixels = G.output_plane();
  static constexpr bool pads = forward::pads;
  static constexpr Index plane = forward::plane;
  static constexpr ConvPanels<T> panels{out};
  static constexpr Index W = panels.width;
  /// Pixels multiplied at once: a panel of dy stays in the cache meanwhile.
  static constexpr Index pixel_block = 512;
  /// Samples whose pixels follow one another in a block, so that sums of few pixels are not read and written
  /// again for each.
  static constexpr Index joined = ceil_div(pixel_block, std::max<Index>(pixels, 1));

  /// Space for a sample: dy with channels last, and x with zeros around it.
  static constexpr Index dy_elements = G.groups * pixels * panels.padded();
  static constexpr Index x_elements = pads ? G.in_channels * plane : 0;
  /// Samples laid out at once: about a megabyte.
  static constexpr Index samples = std::clamp<Index>(
      (Index{1} << 20) / static_cast<Index>(sizeof(T)) / std::max<Index>(dy_elements + x_elements, 1), 1, 64);

  struct Layout {
    std::size_t sum = 0, row = 0, step = 0, dy = 0, x = 0, end = 0;
  };
  static constexpr Layout layout = [] {
    Carver c;
    Layout l;
    l.sum = c.take(G.groups * rows * panels.padded(), sizeof(T));
    l.row = c.take(rows, sizeof(Offset));
    l.step = c.take(std::min(joined, samples) * pixels, sizeof(Offset));
    l.dy = c.take(samples * dy_elements, sizeof(T));
    l.x = c.take(samples * x_elements, sizeof(T));
    l.end = c.used;
    return l;
  }();
  static constexpr Bytes scratch{layout.end, 0};

  STATOR_NOINLINE static void run(const T* x, const T* dy, T* dw, bool accumulate, Index batch,
                                  std::byte* space) {
    T* sum = reinterpret_cast<T*>(space + layout.sum);
    auto* row = reinterpret_cast<Offset*>(space + layout.row);
    auto* step = reinterpret_cast<Offset*>(space + layout.step);
    T* dy_slots = reinterpret_cast<T*>(space + layout.dy);
    T* x_slots = reinterpret_cast<T*>(space + layout.x);
    tables(row, step);
    std::fill_n(sum, G.groups * rows * panels.padded(), T{});

    constexpr Index tiles = ceil_div(rows, conv_rows);
    constexpr Index items = G.groups * panels.panels * tiles;
    const Index chunk = std::min(samples, batch);
    const Index threads = chunk_count(max_threads, G.groups * rows * out * pixels * chunk);
    for (Index begin = 0; begin < batch; begin += samples) {
      const Index count = std::min(samples, batch - begin);
      parallel_for_chunks(count, std::min(threads, count), [&](Index first, Index last, Index) {
        for (Index n = first; n < last; ++n) lay_out(x, dy, begin + n, n, dy_slots, x_slots);
      });
      const T* wide = pads ? x_slots : x + begin * sample;
      parallel_for_chunks(items, std::min(threads, items), [&](Index first, Index last, Index) {
        for (Index n = 0; n < count; n += joined)
          for (Index i = first; i < last; i = (i / tiles + 1) * tiles)
            add(wide + n * sample, dy_slots, n, std::min(joined, count - n) * pixels, sum, row, step,
                i / tiles, i % tiles, std::min(last - i / tiles * tiles, tiles));
      });
    }
    finish(sum, dw, accumulate);
  }

private:
  /// Elements between samples of x where it is read.
  static constexpr Index sample = G.in_channels * (pads ? plane : G.input_plane());

  static void tables(Offset* row, Offset* step) {
    Index q = 0;
    for_each_index<D>(forward::target, [&](const std::array<Index, D>& i) {
      std::array<Index, D> at{};
      for (std::size_t d = 0; d < D; ++d) at[d] = i[d] * G.stride[d];
      step[q++] = static_cast<Offset>(flat_index(at, forward::padded));
    });
    for (; q < std::min(joined, samples) * pixels; ++q)
      step[q] = step[q - pixels] + static_cast<Offset>(sample);
    Index k = 0;
    for_each_index<D>(G.kernel, [&](const std::array<Index, D>& i) {
      std::array<Index, D> at{};
      for (std::size_t d = 0; d < D; ++d) at[d] = i[d] * G.dilation[d];
      for (Index c = 0; c < in; ++c)
        row[c * taps + k] = static_cast<Offset>(c * plane + flat_index(at, forward::padded));
      ++k;
    });
  }

  /// Sample n, which becomes number `place` of those laid out.
  static void lay_out(const T* x, const T* dy, Index n, Index place, T* to_dy, T* to_x) {
    for (Index g = 0; g < G.groups; ++g)
      for (Index p = 0; p < panels.panels; ++p) {
        const Index c = p * panels.panel();
        const Index width = p + 1 < panels.panels ? panels.panel() : panels.last * W;
        pack_columns<T, W>(dy + (n * G.out_channels + g * out + c) * pixels, pixels, std::min(width, out - c),
                           pixels, width,
                           to_dy + ((g * panels.padded() + c) * samples + place * width) * pixels);
      }
    if constexpr (pads)
      pad_planes<D>(x + n * G.in_channels * G.input_plane(), G.in_channels, G.input, forward::front,
                    forward::padded, to_x + place * sample);
  }

  /// Adds `count` pixels from sample `place` on to tiles [first, last) of rows of panel `which`, counted
  /// through the groups.
  static void add(const T* x, const T* dy, Index place, Index count, T* sum, const Offset* row,
                  const Offset* step, Index which, Index first, Index last) {
    const Index g = which / panels.panels, p = which % panels.panels, c = p * panels.panel();
    const Index top = first * conv_rows, bottom = std::min(last * conv_rows, rows);
    const auto call = [&]<Index NV>() {
      const T* from = dy + ((g * panels.padded() + c) * samples + place * NV * W) * pixels;
      for (Index q = 0; q < count; q += pixel_block)
        conv_add_rows<T, W, NV>(x + g * in * plane, row + top, bottom - top, step + q,
                                std::min(pixel_block, count - q), from + q * NV * W,
                                sum + (g * rows + top) * panels.padded() + c, panels.padded());
    };
    if (p + 1 < panels.panels)
      call.template operator()<panels.vectors>();
    else
      call.template operator()<panels.last>();
  }

  /// dw [out][rows] from sums [rows][out].
  static void finish(const T* sum, T* dw, bool accumulate) {
    constexpr Index Q = quad<T>, V = native_width<T>, step = panels.padded();
    parallel_for_chunks(G.groups * out, chunk_count(G.groups * out, G.groups * out * rows),
                        [&](Index first, Index last, Index) {
                          Index c = first;
                          const auto from = [&](Index r) {
                            return sum + (c / out * rows + r) * step + c % out;
                          };
                          const auto one = [&](Index begin) {
                            for (Index r = begin; r < rows; ++r) {
                              T& to = dw[c * rows + r];
                              to = accumulate ? static_cast<T>(to + *from(r)) : *from(r);
                            }
                          };
                          if constexpr (vectorizable<T>) {
                            for (; c + Q <= last && c / out == (c + Q - 1) / out; c += Q) {
                              for (Index r = 0; r + V <= rows; r += V) {
                                alignas(64) T block[static_cast<std::size_t>(Q * V)];
                                transpose_block<T, V>(from(r), step, block, V);
                                for (Index j = 0; j < Q; ++j) {
                                  vec<T, V> added, old{};
                                  load(added, block + j * V);
                                  T* to = dw + (c + j) * rows + r;
                                  if (accumulate) load(old, to);
                                  added += old;
                                  store(added, to);
                                }
                              }
                              for (Index j = 0; j < Q; ++j, ++c) one(rows / V * V);
                              c -= Q;
                            }
                          }
                          for (; c < last; ++c) one(0);
                        });
  }
};

} // namespace stator::kernel::detail
