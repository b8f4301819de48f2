// SPDX-License-Identifier: BSL-1.0
// The weight gradient of a convolution: dw[(c, tap), o] = Σ over pixels of x[c, pixel + tap] · dy[o, pixel].
// Some samples at a time are laid out for the inner loop, then all rows of dw are brought up to date, each by
// one thread and in the order of the samples, so results do not depend on the number of threads.
#pragma once

#include "stator/kernel/conv_pass.hpp"
#include "stator/kernel/sum.hpp"

namespace stator::kernel::detail {

template<class T, auto G>
struct conv_weight_pass {
  using forward = conv_pass<T, G, false>;
  static constexpr std::size_t D = G.axes;
  static constexpr Index in = G.in_channels / G.groups, out = G.out_channels / G.groups, taps = G.taps();
  static constexpr Index rows = in * taps, pixels = G.output_plane();
  static constexpr bool pads = forward::pads;
  static constexpr Index plane = forward::plane;
  static constexpr ConvPanels<T> panels{out};
  static constexpr Index W = panels.width;
  /// Pixels multiplied at once: a panel of dy stays in the cache meanwhile.
  static constexpr Index pixel_block = 512;

  /// Space for a sample: dy with channels last, and x with zeros around it.
  static constexpr std::size_t dy_bytes =
      align_up(static_cast<std::size_t>(G.groups * pixels * panels.padded()) * sizeof(T));
  static constexpr std::size_t x_bytes =
      pads ? align_up(static_cast<std::size_t>(G.in_channels * plane) * sizeof(T)) : 0;
  static constexpr std::size_t slot = dy_bytes + x_bytes;
  /// Samples laid out at once: about a megabyte.
  static constexpr Index samples = std::clamp<Index>((Index{1} << 20) / static_cast<Index>(slot), 1, 64);

  struct Layout {
    std::size_t sum = 0, row = 0, step = 0, slots = 0, end = 0;
  };
  static constexpr Layout layout = [] {
    Carver c;
    Layout l;
    l.sum = c.take(G.groups * rows * panels.padded(), sizeof(T));
    l.row = c.take(rows, sizeof(Offset));
    l.step = c.take(pixels, sizeof(Offset));
    l.slots = c.take(samples, slot);
    l.end = c.used;
    return l;
  }();
  static constexpr Bytes scratch{layout.end, 0};

  [[gnu::noinline]] static void run(const T* x, const T* dy, T* dw, bool accumulate, Index batch,
                                    std::byte* space) {
    T* sum = reinterpret_cast<T*>(space + layout.sum);
    auto* row = reinterpret_cast<Offset*>(space + layout.row);
    auto* step = reinterpret_cast<Offset*>(space + layout.step);
    std::byte* slots = space + layout.slots;
    tables(row, step);
    std::fill_n(sum, G.groups * rows * panels.padded(), T{});

    constexpr Index tiles = ceil_div(rows, conv_rows);
    constexpr Index items = G.groups * panels.panels * tiles;
    const Index chunk = std::min(samples, batch);
    const Index threads = chunk_count(max_threads, G.groups * rows * out * pixels * chunk);
    for (Index begin = 0; begin < batch; begin += samples) {
      const Index count = std::min(samples, batch - begin);
      parallel_for_chunks(count, std::min(threads, count), [&](Index first, Index last, Index) {
        for (Index n = first; n < last; ++n)
          lay_out(x, dy, begin + n, slots + static_cast<std::size_t>(n) * slot);
      });
      parallel_for_chunks(items, std::min(threads, items), [&](Index first, Index last, Index) {
        for (Index n = 0; n < count; ++n) {
          const std::byte* from = slots + static_cast<std::size_t>(n) * slot;
          const T* wide =
              pads ? reinterpret_cast<const T*>(from + dy_bytes) : x + (begin + n) * G.in_channels * plane;
          for (Index i = first; i < last; i = (i / tiles + 1) * tiles)
            add(wide, reinterpret_cast<const T*>(from), sum, row, step, i / tiles, i % tiles,
                std::min(last - i / tiles * tiles, tiles));
        }
      });
    }
    finish(sum, dw, accumulate);
  }

private:
  static void tables(Offset* row, Offset* step) {
    Index q = 0;
    for_each_index<D>(forward::target, [&](const std::array<Index, D>& i) {
      std::array<Index, D> at{};
      for (std::size_t d = 0; d < D; ++d) at[d] = i[d] * G.stride[d];
      step[q++] = static_cast<Offset>(flat_index(at, forward::padded));
    });
    Index k = 0;
    for_each_index<D>(G.kernel, [&](const std::array<Index, D>& i) {
      std::array<Index, D> at{};
      for (std::size_t d = 0; d < D; ++d) at[d] = i[d] * G.dilation[d];
      for (Index c = 0; c < in; ++c)
        row[c * taps + k] = static_cast<Offset>(c * plane + flat_index(at, forward::padded));
      ++k;
    });
  }

  static void lay_out(const T* x, const T* dy, Index n, std::byte* to) {
    for (Index g = 0; g < G.groups; ++g)
      for (Index p = 0; p < panels.panels; ++p) {
        const Index c = p * panels.panel();
        const Index width = p + 1 < panels.panels ? panels.panel() : panels.last * W;
        pack_columns<T, W>(dy + (n * G.out_channels + g * out + c) * pixels, pixels, std::min(width, out - c),
                           pixels, width, reinterpret_cast<T*>(to) + (g * panels.padded() + c) * pixels);
      }
    if constexpr (pads)
      pad_planes<D>(x + n * G.in_channels * G.input_plane(), G.in_channels, G.input, forward::front,
                    forward::padded, reinterpret_cast<T*>(to + dy_bytes));
  }

  /// Adds one sample to tiles [first, last) of rows of panel `which`, counted through the groups.
  static void add(const T* x, const T* dy, T* sum, const Offset* row, const Offset* step, Index which,
                  Index first, Index last) {
    const Index g = which / panels.panels, p = which % panels.panels, c = p * panels.panel();
    const Index top = first * conv_rows, bottom = std::min(last * conv_rows, rows);
    const auto call = [&]<Index NV>() {
      for (Index q = 0; q < pixels; q += pixel_block)
        conv_weights<T, W, NV>(x + g * in * plane, row + top, bottom - top, step + q,
                               std::min(pixel_block, pixels - q),
                               dy + (g * panels.padded() + c) * pixels + q * NV * W,
                               sum + (g * rows + top) * panels.padded() + c, panels.padded());
    };
    if (p + 1 < panels.panels)
      call.template operator()<panels.vectors>();
    else
      call.template operator()<panels.last>();
  }

  static void finish(const T* sum, T* dw, bool accumulate) {
    constexpr Index block = 16;
    parallel_for_chunks(G.groups * out, chunk_count(G.groups * out, G.groups * out * rows),
                        [&](Index first, Index last, Index) {
                          for (Index r = 0; r < rows; r += block)
                            for (Index c = first; c < last; ++c) {
                              T* to = dw + c * rows;
                              const T* from = sum + c / out * rows * panels.padded() + c % out;
                              for (Index i = r; i < std::min(r + block, rows); ++i)
                                to[i] = accumulate ? to[i] + from[i * panels.padded()]
                                                   : from[i * panels.padded()];
                            }
                        });
  }
};

} // namespace stator::kernel::detail
