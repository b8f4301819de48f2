// SPDX-License-Identifier: BSL-1.0
// One direction of a convolution, forward or backward to the input, as indirect matrix products. Backward
// with a stride splits into classes of input pixels that see the same taps; forward is a single class.
#pragma once

#include "stator/kernel/conv_flat.hpp"
#include "stator/kernel/conv_geometry.hpp"
#include "stator/kernel/conv_planes.hpp"
#include "stator/kernel/conv_tile.hpp"
#include "stator/kernel/pack.hpp"
#include "stator/kernel/parallel.hpp"

namespace stator::kernel::detail {

/// Pixels of the target that see the same taps.
struct PixelClass {
  Index pixel, pixels; ///< a range of the tables of pixels
  Index step, taps;    ///< where its steps begin, and how many for each source channel
};

template<class T, auto G, bool Backward>
struct conv_pass {
  static constexpr std::size_t D = G.axes;
  static constexpr auto output = G.output();
  static constexpr Index taps = G.taps();
  /// Channels of one group.
  static constexpr Index source_channels = (Backward ? G.out_channels : G.in_channels) / G.groups;
  static constexpr Index target_channels = (Backward ? G.in_channels : G.out_channels) / G.groups;
  static constexpr std::array<Index, D> source = Backward ? output : G.input;
  static constexpr std::array<Index, D> target = Backward ? G.input : output;

  /// Zeros before the source, and its extents with zeros on both sides.
  static constexpr std::array<Index, D> front = [] {
    std::array<Index, D> f = G.padding_begin;
    if (Backward)
      for (std::size_t d = 0; d < D; ++d) {
        const Index reach = G.dilation[d] * (G.kernel[d] - 1) - G.padding_begin[d];
        f[d] = reach > 0 ? ceil_div(reach, G.stride[d]) : 0;
      }
    return f;
  }();
  static constexpr std::array<Index, D> padded = [] {
    std::array<Index, D> p{};
    for (std::size_t d = 0; d < D; ++d) {
      const Index last =
          Backward ? (G.input[d] - 1 + G.padding_begin[d]) / G.stride[d] : G.input[d] - 1 + G.padding_end[d];
      p[d] = front[d] + std::max(source[d], last + 1);
    }
    return p;
  }();
  static constexpr bool pads = padded != source;
  static constexpr Index source_plane = product(source), target_plane = product(target),
                         plane = product(padded);

  static constexpr Index class_count = Backward ? product(G.stride) : 1;
  static constexpr ConvPanels<T> panels{target_channels};
  static constexpr Index W = panels.width;
  static constexpr Index steps = source_channels * taps;

  /// Pixels of the line that `conv_flat` runs through.
  static constexpr Index line = [] {
    Index at = 0;
    for (std::size_t d = 0; d < D; ++d) at = at * padded[d] + target[d] - 1;
    return at + 1;
  }();
  static constexpr FlatTile<T> flat_tile{target_channels, line};
  /// Whether vectors along channels would leave so many lanes empty that vectors along pixels win, although
  /// their results must be picked out of the line (measured: with full vectors channels are a third faster).
  static constexpr bool flat = [] {
    if (!vectorizable<T> || G.stride != filled<D>(1) || line < native_width<T>) return false;
    const auto share = [](Index used, Index all) {
      return static_cast<double>(used) / static_cast<double>(all);
    };
    const double by_channels = share(target_channels, panels.padded()) *
                               share(target_plane, round_up(target_plane, conv_rows)) *
                               share(steps, steps + 20);
    const double by_pixels = share(target_channels, round_up(target_channels, flat_tile.channels)) *
                             share(target_plane, round_up(line, flat_tile.vectors * native_width<T>)) *
                             share(steps, steps + 10);
    return by_pixels > by_channels * 2.5;
  }();
  static constexpr Index flat_tiles = ceil_div(target_channels, flat_tile.channels);
  /// Channels of the packed weights.
  static constexpr Index packed = flat ? flat_tiles * flat_tile.channels : panels.padded();

  struct Layout {
    std::size_t weights = 0, start = 0, from = 0, to = 0, step = 0, classes = 0, slots = 0;
  };
  static constexpr Layout layout = [] {
    Carver c;
    Layout l;
    l.weights = c.take(G.groups * steps * packed, sizeof(T));
    l.start = c.take(G.groups * packed, sizeof(T));
    l.from = c.take(target_plane, sizeof(Offset));
    l.to = c.take(target_plane, sizeof(Offset));
    l.step = c.take(steps, sizeof(Offset));
    l.classes = c.take(class_count, sizeof(PixelClass));
    l.slots = c.used;
    return l;
  }();
  static constexpr std::size_t slot =
      pads ? align_up(static_cast<std::size_t>(G.groups * source_channels * plane) * sizeof(T)) : 0;
  static constexpr Bytes scratch{layout.slots, slot};
  /// Of the scratch memory, what depends on the weights alone: `prepare` fills it, any number of runs read
  /// it.
  static constexpr std::size_t prepared_bytes = layout.slots;
  static constexpr std::size_t prepared_scratch = slot; ///< for each sample

  T* weights;
  T* start;
  Offset *from, *to, *step;
  PixelClass* classes;
  std::byte* slots;

  [[gnu::noinline]] static void run(const T* x, const T* w, const T* bias, T* y, Index batch,
                                    std::byte* space) {
    if (batch == 0) return;
    conv_pass(space, nullptr).prepare(w, bias);
    run_prepared(x, space, y, batch, space + layout.slots);
  }

  /// As `run`, with what `prepare` has filled.
  [[gnu::noinline]] static void run_prepared(const T* x, const std::byte* prepared, T* y, Index batch,
                                             std::byte* padded_samples) {
    if (batch == 0) return;
    const conv_pass pass(const_cast<std::byte*>(prepared), padded_samples); // only read from here on
    constexpr Index per_sample = G.out_channels * product(output) * (G.in_channels / G.groups) * taps;
    const Index work = per_sample * batch;
    const Index threads = chunk_count(max_threads, work);
    if (batch >= threads) {
      parallel_for_chunks(batch, threads, [&](Index first, Index last, Index chunk) {
        for (Index n = first; n < last; ++n) {
          const T* in = pass.padded_sample(x, n, chunk);
          pass.share(in, y, n, 0, 1);
        }
      });
      return;
    }
    // Fewer samples than threads: parts of the pixels of each class.
    if (pads)
      parallel_for_chunks(batch, batch, [&](Index first, Index last, Index) {
        for (Index n = first; n < last; ++n) pass.padded_sample(x, n, n);
      });
    const Index parts = ceil_div(threads, batch);
    parallel_for_chunks(batch * parts, threads, [&](Index first, Index last, Index) {
      for (Index item = first; item < last; ++item) {
        const Index n = item / parts, part = item % parts;
        const T* in =
            pads ? reinterpret_cast<const T*>(pass.slots + static_cast<std::size_t>(n) * slot) : sample(x, n);
        pass.share(in, y, n, part, parts);
      }
    });
  }

  static void prepare(const T* w, const T* bias, std::byte* prepared) {
    conv_pass(prepared, nullptr).prepare(w, bias);
  }

private:
  /// `space`: prepared_bytes; `padded_samples`: `slot` bytes for each sample.
  conv_pass(std::byte* space, std::byte* padded_samples)
      : weights(reinterpret_cast<T*>(space + layout.weights)),
        start(reinterpret_cast<T*>(space + layout.start)),
        from(reinterpret_cast<Offset*>(space + layout.from)),
        to(reinterpret_cast<Offset*>(space + layout.to)),
        step(reinterpret_cast<Offset*>(space + layout.step)),
        classes(reinterpret_cast<PixelClass*>(space + layout.classes)), slots(padded_samples) {}

  void prepare(const T* w, const T* bias) {
    for (Index g = 0; g < G.groups; ++g)
      for (Index c = 0; c < packed; ++c)
        start[g * packed + c] = bias && c < target_channels ? bias[g * target_channels + c] : T{};
    if constexpr (Backward)
      prepare_backward(w);
    else
      prepare_forward(w);
  }

  static const T* sample(const T* x, Index n) { return x + n * G.groups * source_channels * source_plane; }

  const T* padded_sample(const T* x, Index n, Index place) const {
    if constexpr (!pads) return sample(x, n);
    T* to_slot = reinterpret_cast<T*>(slots + static_cast<std::size_t>(place) * slot);
    pad_planes<D>(sample(x, n), G.groups * source_channels, source, front, padded, to_slot);
    return to_slot;
  }

  /// Part `part` of `parts` of a sample.
  void share(const T* in, T* y, Index n, Index part, Index parts) const {
    if constexpr (flat) {
      const Index tile = flat_tile.vectors * native_width<T>, tiles = ceil_div(line, tile);
      lines(in, y, n, tiles * part / parts * tile, std::min(tiles * (part + 1) / parts * tile, line));
    } else {
      for (Index c = 0; c < class_count; ++c) {
        const Index tiles = ceil_div(classes[c].pixels, conv_rows);
        pixels(in, y, n, classes[c], tiles * part / parts * conv_rows,
               std::min(tiles * (part + 1) / parts * conv_rows, classes[c].pixels));
      }
    }
  }

  /// Pixels [first, last) of the line, all channels.
  void lines(const T* x, T* y, Index n, Index first, Index last) const {
    if (first >= last) return;
    constexpr Index MR = flat_tile.channels;
    for (Index g = 0; g < G.groups; ++g)
      for (Index t = 0; t < flat_tiles; ++t)
        conv_flat<T, MR, flat_tile.vectors, padded, target>(
            x + g * source_channels * plane, first, last, line, step, steps,
            weights + (g * flat_tiles + t) * steps * MR, start + (g * flat_tiles + t) * MR,
            y + ((n * G.groups + g) * target_channels + t * MR) * target_plane, target_plane,
            std::min(MR, target_channels - t * MR));
  }

  /// Weights in the order of `conv_line`.
  void pack_lines(const T* w) {
    constexpr Index MR = flat_tile.channels;
    T* out = weights;
    for (Index g = 0; g < G.groups; ++g)
      for (Index t = 0; t < flat_tiles; ++t)
        for (Index s = 0; s < source_channels; ++s)
          for (Index k = 0; k < taps; ++k)
            for (Index i = 0; i < MR; ++i) {
              const Index o = t * MR + i;
              const Index at = Backward ? (g * source_channels + s) * target_channels + o
                                        : (g * target_channels + o) * source_channels + s;
              *out++ = o < target_channels ? w[at * taps + k] : T{};
            }
  }

  /// Pixels [first, last) of a class, all channels.
  void pixels(const T* x, T* y, Index n, const PixelClass& of, Index first, Index last) const {
    if (first >= last) return;
    const Index k = source_channels * of.taps;
    for (Index g = 0; g < G.groups; ++g) {
      const T* in = x + g * source_channels * (pads ? plane : source_plane);
      T* out = y + (n * G.groups + g) * target_channels * target_plane;
      const T* b = weights + (g * steps + of.step) * panels.padded();
      for (Index p = 0; p < panels.panels; ++p) {
        const Index c = p * panels.panel();
        const auto call = [&]<Index NV>() {
          conv_pixels<T, W, NV>(in, from + of.pixel + first, to + of.pixel + first, last - first,
                                step + of.step, k, b + c * k, start + g * packed + c, out + c * target_plane,
                                target_plane, std::min(NV * W, target_channels - c));
        };
        if (p + 1 < panels.panels)
          call.template operator()<panels.vectors>();
        else
          call.template operator()<panels.last>();
      }
    }
  }

  void prepare_forward(const T* w) {
    classes[0] = {0, target_plane, 0, taps};
    Index q = 0;
    for_each_index<D>(target, [&](const std::array<Index, D>& i) {
      std::array<Index, D> at{};
      for (std::size_t d = 0; d < D; ++d) at[d] = i[d] * G.stride[d];
      from[q] = static_cast<Offset>(flat_index(at, padded));
      to[q] = static_cast<Offset>(q);
      ++q;
    });
    Index k = 0;
    for_each_index<D>(G.kernel, [&](const std::array<Index, D>& i) {
      std::array<Index, D> at{};
      for (std::size_t d = 0; d < D; ++d) at[d] = i[d] * G.dilation[d];
      for (Index c = 0; c < source_channels; ++c)
        step[c * taps + k] = static_cast<Offset>(c * plane + flat_index(at, padded));
      ++k;
    });
    if constexpr (flat)
      pack_lines(w);
    else
      for (Index g = 0; g < G.groups; ++g)
        for (Index p = 0; p < panels.panels; ++p) {
          const Index c = p * panels.panel();
          const Index width = p + 1 < panels.panels ? panels.panel() : panels.last * W;
          pack_columns<T, W>(w + (g * target_channels + c) * steps, steps,
                             std::min(width, target_channels - c), steps, width,
                             weights + g * steps * panels.padded() + c * steps);
        }
  }

  void prepare_backward(const T* w) {
    Index pixel = 0, first_step = 0, number = 0;
    for_each_index<D>(G.stride, [&](const std::array<Index, D>& residue) {
      // Along each axis: pixels first, first + stride, ...; taps k with k·dilation = residue + stride·shift.
      std::array<Index, D> first{}, count{}, deepest{}, tap_count{};
      for (std::size_t d = 0; d < D; ++d) {
        first[d] = ((residue[d] - G.padding_begin[d]) % G.stride[d] + G.stride[d]) % G.stride[d];
        count[d] = first[d] < target[d] ? ceil_div(target[d] - first[d], G.stride[d]) : 0;
        for (Index k = 0; k < G.kernel[d]; ++k)
          if (k * G.dilation[d] % G.stride[d] == residue[d]) {
            ++tap_count[d];
            deepest[d] = k * G.dilation[d] / G.stride[d];
          }
      }
      PixelClass& of = classes[number++];
      of = {pixel, product(count), first_step, product(tap_count)};
      for_each_index<D>(count, [&](const std::array<Index, D>& i) {
        std::array<Index, D> at{}, source_at{};
        for (std::size_t d = 0; d < D; ++d) {
          at[d] = first[d] + i[d] * G.stride[d];
          source_at[d] = (at[d] + G.padding_begin[d] - residue[d]) / G.stride[d] + front[d] - deepest[d];
        }
        to[pixel] = static_cast<Offset>(flat_index(at, target));
        from[pixel] = of.taps > 0 ? static_cast<Offset>(flat_index(source_at, padded)) : Offset{0};
        ++pixel;
      });
      Index at_tap = 0;
      for_each_index<D>(G.kernel, [&](const std::array<Index, D>& k) {
        std::array<Index, D> at{};
        for (std::size_t d = 0; d < D; ++d) {
          if (k[d] * G.dilation[d] % G.stride[d] != residue[d]) return;
          at[d] = deepest[d] - k[d] * G.dilation[d] / G.stride[d];
        }
        for (Index c = 0; c < source_channels; ++c)
          step[first_step + c * of.taps + at_tap] = static_cast<Offset>(c * plane + flat_index(at, padded));
        if constexpr (!flat) pack_tap(w + flat_index(k, G.kernel), of, at_tap);
        ++at_tap;
      });
      first_step += source_channels * of.taps;
    });
    if constexpr (flat) pack_lines(w);
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
          const T* row = w + ((g * source_channels + s) * target_channels + c) * taps;
          T* out = panel + (s * of.taps + at_tap) * width;
          const Index valid = std::min(width, target_channels - c);
          for (Index j = 0; j < valid; ++j) out[j] = row[j * taps];
          for (Index j = valid; j < width; ++j) out[j] = T{};
        }
      }
  }
};

} // namespace stator::kernel::detail
