// SPDX-License-Identifier: BSL-1.0
// One direction of a convolution, forward or backward to the input, as indirect matrix products. Backward
// with a stride computes one class of pixels after the other, for a panel of channels, and then joins them.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_direction.hpp"
#include "stator/kernel/conv_rows.hpp"
#include "stator/kernel/pack.hpp"
#include "stator/kernel/parallel.hpp"

namespace stator::kernel::detail {

template<class T, auto G, bool Backward>
struct conv_pass {
  using direction = conv_direction<G, Backward>;
  static constexpr std::size_t D = G.axes;
  static constexpr bool pads = direction::pads;
  static constexpr Index source_channels = direction::source_channels,
                         target_channels = direction::target_channels, steps = direction::steps,
                         plane = direction::plane, target_plane = direction::target_plane,
                         class_count = direction::class_count;
  static constexpr ConvPanels<T> panels{target_channels};
  static constexpr Index W = panels.width;

  /// Pixels of a tile along a row, if all channels are one vector and taps are neighbours.
  static constexpr Index row_width = direction::target[D - 1], row_taps = G.kernel[D - 1];
  static constexpr Index row_pixels = !direction::in_phases && panels.padded() == W && W > 1 &&
                                              row_taps > 1 && G.stride[D - 1] == 1 &&
                                              G.dilation[D - 1] == 1 &&
                                              steps* W* static_cast<Index>(sizeof(T)) <= (Index{1} << 18)
                                          ? row_tile(row_width, row_taps)
                                          : 0;

  struct Layout {
    std::size_t weights = 0, start = 0, from = 0, step = 0, classes = 0, slots = 0;
  };
  static constexpr Layout layout = [] {
    Carver c;
    Layout l;
    l.weights = c.take(G.groups * steps * panels.padded(), sizeof(T));
    l.start = c.take(G.groups * panels.padded(), sizeof(T));
    l.from = c.take(target_plane, sizeof(Offset));
    l.step = c.take(steps, sizeof(Offset));
    l.classes = c.take(class_count, sizeof(PixelClass));
    l.slots = c.used;
    return l;
  }();
  static constexpr Index padded_sample = pads ? G.groups * source_channels * plane : 0;
  static constexpr std::size_t slot = align_up(
      static_cast<std::size_t>(padded_sample + (direction::in_phases ? panels.panel() * target_plane : 0)) *
      sizeof(T));
  static constexpr Bytes scratch{layout.slots, slot};
  /// Of the scratch memory, what depends on the weights alone: `prepare` fills it, any number of runs read
  /// it.
  static constexpr std::size_t prepared_bytes = layout.slots;
  static constexpr std::size_t prepared_scratch = slot; ///< for each sample

  STATOR_NOINLINE static void run(const T* x, const T* w, const T* bias, T* y, Index batch,
                                  std::byte* space) {
    if (batch == 0) return;
    conv_pass(space, nullptr).prepare(w, bias);
    run_prepared(x, space, y, batch, space + layout.slots);
  }

  static void prepare(const T* w, const T* bias, std::byte* prepared) {
    conv_pass(prepared, nullptr).prepare(w, bias);
  }

  /// As `run`, with what `prepare` has filled.
  STATOR_NOINLINE static void run_prepared(const T* x, const std::byte* prepared, T* y, Index batch,
                                           std::byte* samples) {
    if (batch == 0) return;
    const conv_pass pass(const_cast<std::byte*>(prepared), samples); // only read from here on
    const Index threads = chunk_count(max_threads, direction::work * batch);
    if (batch >= threads || direction::in_phases) {
      parallel_for_chunks(batch, std::min(batch, threads), [&](Index first, Index last, Index chunk) {
        for (Index n = first; n < last; ++n)
          pass.share(pass.pad(x, n, pass.place(chunk)), y, n, pass.place(chunk), 0, 1);
      });
      return;
    }
    // Fewer samples than threads: each computes a part of the pixels.
    if (pads)
      parallel_for_chunks(batch, batch, [&](Index first, Index last, Index) {
        for (Index n = first; n < last; ++n) pass.pad(x, n, pass.place(n));
      });
    const Index parts = ceil_div(threads, batch);
    parallel_for_chunks(batch * parts, threads, [&](Index first, Index last, Index) {
      for (Index item = first; item < last; ++item) {
        const Index n = item / parts;
        pass.share(pads ? pass.place(n) : sample(x, n), y, n, nullptr, item % parts, parts);
      }
    });
  }

private:
  T* weights;
  T* start;
  Offset *from, *step;
  PixelClass* classes;
  std::byte* slots;

  /// `space`: prepared_bytes; `samples`: `slot` bytes for each sample.
  conv_pass(std::byte* space, std::byte* samples)
      : weights(reinterpret_cast<T*>(space + layout.weights)),
        start(reinterpret_cast<T*>(space + layout.start)),
        from(reinterpret_cast<Offset*>(space + layout.from)),
        step(reinterpret_cast<Offset*>(space + layout.step)),
        classes(reinterpret_cast<PixelClass*>(space + layout.classes)), slots(samples) {}

  T* place(Index n) const { return reinterpret_cast<T*>(slots + static_cast<std::size_t>(n) * slot); }
  static const T* sample(const T* x, Index n) {
    return x + n * G.groups * source_channels * direction::source_plane;
  }
  static const T* pad(const T* x, Index n, T* to) {
    if constexpr (!pads) return sample(x, n);
    pad_planes<D>(sample(x, n), G.groups * source_channels, direction::source, direction::front,
                  direction::padded, to);
    return to;
  }

  /// Part `part` of `parts` of a sample; `mine` is the thread's slot.
  void share(const T* in, T* y, Index n, T* mine, Index part, Index parts) const {
    for (Index g = 0; g < G.groups; ++g)
      for (Index p = 0; p < panels.panels; ++p) {
        const Index c = p * panels.panel(), valid = std::min(panels.panel(), target_channels - c);
        T* out = y + ((n * G.groups + g) * target_channels + c) * target_plane;
        T* phases = direction::in_phases ? mine + padded_sample : out;
        for (Index i = 0; i < class_count; ++i)
          pixels(in + g * source_channels * plane, g, p, classes[i], part, parts, phases);
        if constexpr (direction::in_phases)
          for (Index i = 0; i < valid; ++i) join_phases<G>(phases + i * target_plane, out + i * target_plane);
      }
  }

  /// Part `part` of `parts` of the pixels of a class, the channels of panel p.
  void pixels(const T* x, Index g, Index p, const PixelClass& of, Index part, Index parts, T* y) const {
    constexpr Index size = row_pixels > 0 ? row_width : conv_rows;
    const Index tiles = ceil_div(of.pixels, size), first = tiles * part / parts * size;
    const Index last = std::min(tiles * (part + 1) / parts * size, of.pixels);
    if (first >= last) return;
    const Index k = source_channels * of.taps, c = p * panels.panel();
    const T* b = weights + (g * steps + of.step) * panels.padded() + c * k;
    if constexpr (row_pixels > 0) {
      conv_row_tiles<T, W, row_pixels, row_taps>(x, from + first, (last - first) / row_width, row_width, step,
                                                 k, b, start + g * W, y + first, target_plane,
                                                 target_channels);
      return;
    }
    const auto call = [&]<Index NV>() {
      conv_pixels<T, W, NV>(x, from + of.pixel + first, last - first, step + of.step, k, b,
                            start + g * panels.padded() + c, y + of.pixel + first, target_plane,
                            std::min(NV * W, target_channels - c));
    };
    if (p + 1 < panels.panels)
      call.template operator()<panels.vectors>();
    else
      call.template operator()<panels.last>();
  }

  void prepare(const T* w, const T* bias) {
    for (Index g = 0; g < G.groups; ++g)
      for (Index c = 0; c < panels.padded(); ++c)
        start[g * panels.padded() + c] = bias && c < target_channels ? bias[g * target_channels + c] : T{};
    Index pixel = 0, first_step = 0, number = 0;
    direction::each_class([&](const ConvClass<D>& c) {
      const PixelClass of{pixel, product(c.count), first_step, product(c.taps)};
      classes[number++] = of;
      for_each_index<D>(c.count, [&](const std::array<Index, D>& i) {
        from[pixel] = of.taps > 0
                          ? static_cast<Offset>(flat_index(direction::source_of(c, i), direction::padded))
                          : Offset{0};
        ++pixel;
      });
      Index number_of_tap = 0;
      direction::each_tap(c, [&](Index k, const std::array<Index, D>& shift) {
        // Rows of pixels take taps in the order of their pixels.
        const Index tap = Backward && row_pixels > 0 ? of.taps - 1 - number_of_tap : number_of_tap;
        for (Index s = 0; s < source_channels; ++s)
          step[first_step + s * of.taps + tap] =
              static_cast<Offset>(s * plane + flat_index(shift, direction::padded));
        if constexpr (Backward) pack_tap(w + k, of, tap);
        ++number_of_tap;
      });
      first_step += source_channels * of.taps;
    });
    if constexpr (!Backward)
      for (Index g = 0; g < G.groups; ++g)
        for (Index p = 0; p < panels.panels; ++p) {
          const Index c = p * panels.panel();
          const Index width = p + 1 < panels.panels ? panels.panel() : panels.last * W;
          pack_columns<T, W>(w + (g * target_channels + c) * steps, steps,
                             std::min(width, target_channels - c), steps, width,
                             weights + g * steps * panels.padded() + c * steps);
        }
  }

  /// One tap of w [source, target, taps] into the panels of a class.
  void pack_tap(const T* w, const PixelClass& of, Index at_tap) {
    const Index k = source_channels * of.taps;
    for (Index g = 0; g < G.groups; ++g)
      for (Index p = 0; p < panels.panels; ++p) {
        const Index c = p * panels.panel();
        const Index width = p + 1 < panels.panels ? panels.panel() : panels.last * W;
        T* panel = weights + (g * steps + of.step) * panels.padded() + c * k;
        for (Index s = 0; s < source_channels; ++s) {
          const T* row = w + ((g * source_channels + s) * target_channels + c) * direction::taps;
          T* out = panel + (s * of.taps + at_tap) * width;
          const Index valid = std::min(width, target_channels - c);
          for (Index j = 0; j < valid; ++j) out[j] = row[j * direction::taps];
          for (Index j = valid; j < width; ++j) out[j] = T{};
        }
      }
  }
};

} // namespace stator::kernel::detail
