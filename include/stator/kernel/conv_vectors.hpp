// SPDX-License-Identifier: BSL-1.0
// One direction of a convolution with vectors along the pixels instead of the channels: for few channels in a
// group, or few steps for a pixel.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_lanes.hpp"
#include "stator/kernel/conv_pass.hpp"
#include "stator/kernel/parallel.hpp"

namespace stator::kernel::detail {

template<class T, auto G, bool Backward>
struct conv_vectors {
  using direction = conv_direction<G, Backward>;
  using lanes = conv_lanes<T, G, Backward, true>;
  static constexpr std::size_t D = G.axes;
  static constexpr Index W = lanes::W, steps = direction::steps, channels = direction::target_channels;
  static constexpr Index target_plane = direction::target_plane;

  /// Channels and vectors of pixels in a register tile.
  static constexpr Index MR = channels <= 4 ? channels : channels % 4 != 0 && channels % 6 == 0 ? 6 : 4;
  static constexpr Index NV = [] {
    constexpr bool many = vector_registers >= 32;
    const Index most = MR == 1   ? 8
                       : MR == 2 ? 6
                       : MR == 3 ? (many ? 8 : 4)
                       : MR == 4 ? (many ? 6 : 3)
                       : many    ? 4
                                 : 2;
    // The last tile of a class overlaps: as many as leave little to do twice, or else as many as possible.
    const Index vectors = std::max<Index>(lanes::all_vectors / direction::class_count, 1);
    Index best = 1;
    double least = 0;
    for (Index nv = 1; nv <= std::min(most, vectors); ++nv) {
      // Of a step: products, loads, and how long an addition takes; of a tile: its beginning and its end.
      const Index step = std::max({nv * MR, nv + MR, Index{8}});
      const double cycles = static_cast<double>(ceil_div(vectors, nv) * (steps * step + 4 * nv * MR));
      if (nv == 1 || cycles <= least) best = nv, least = cycles;
    }
    return best;
  }();
  static constexpr Index tiles = ceil_div(channels, MR);

  /// Whether the pixels of a tile are copied, for all channels of the target to read: of a product of
  /// matrices, where planes are so many bytes apart that their pixels displace one another in the caches.
  static constexpr bool copies = direction::taps == 1 && !lanes::lays_out && !direction::in_phases &&
                                 tiles >= 4 && steps >= 16 &&
                                 lanes::plane * static_cast<Index>(sizeof(T)) % 1024 == 0 &&
                                 steps * NV * W * static_cast<Index>(sizeof(T)) <= (Index{1} << 15);

  /// Whether it is faster than vectors along the channels: by the share of lanes that do something, and what
  /// both cost beside their multiplications (measured).
  static constexpr bool wins = [] {
    if (!lanes::possible || lanes::split > direction::taps) return false;
    const auto share = [](Index used, Index all) {
      return static_cast<double>(used) / static_cast<double>(std::max<Index>(all, 1));
    };
    constexpr ConvPanels<T> panels{channels};
    // A single vector of channels leaves too few sums at once to hide how long an addition takes, but for
    // rows of pixels.
    constexpr bool in_rows =
        vector_registers >= 32 && channels == native_width<T> && conv_pass<T, G, Backward>::row_pixels > 0;
    const double by_channels = share(channels, panels.padded() * native_width<T> / panels.width) *
                               share(target_plane, round_up(target_plane, conv_rows)) *
                               share(steps, steps + 20) * (panels.vectors == 1 && !in_rows ? 0.65 : 1.0);
    const double by_pixels = share(channels, tiles * MR) *
                             share(target_plane, lanes::all_vectors * native_width<T>) *
                             share(steps, steps + 4);
    // With many steps the source leaves the first-level cache.
    return by_pixels > by_channels * (steps <= 256 ? 1.1 : 1.3);
  }();

  struct Layout {
    std::size_t weights = 0, start = 0, from = 0, to = 0, step = 0, classes = 0, slots = 0;
  };
  static constexpr Layout layout = [] {
    Carver c;
    Layout l;
    l.weights = c.take(G.groups * tiles * steps * MR, sizeof(T));
    l.start = c.take(G.groups * tiles * MR, sizeof(T));
    l.from = c.take(lanes::all_vectors, sizeof(Offset));
    l.to = c.take(lanes::all_vectors, sizeof(Offset));
    l.step = c.take(steps, sizeof(Offset));
    l.classes = c.take(direction::class_count, sizeof(PixelClass));
    l.slots = c.used;
    return l;
  }();
  static constexpr Index laid = lanes::lays_out ? direction::source_channels * lanes::plane : 0;
  static constexpr std::size_t slot =
      align_up(static_cast<std::size_t>(G.groups * laid + (lanes::valid < W ? W : 0) +
                                        (direction::in_phases ? MR * target_plane : 0)) *
               sizeof(T));
  static constexpr Bytes scratch{layout.slots, slot};

  /// Of the scratch memory, what depends on the weights alone.
  static constexpr std::size_t prepared_bytes = layout.slots;
  static constexpr std::size_t prepared_scratch = slot; ///< for each sample

  STATOR_NOINLINE static void run(const T* x, const T* w, const T* bias, T* y, Index batch,
                                  std::byte* space) {
    if (batch == 0) return;
    conv_vectors(space, nullptr).prepare(w, bias);
    run_prepared(x, space, y, batch, space + layout.slots);
  }

  static void prepare(const T* w, const T* bias, std::byte* prepared) {
    conv_vectors(prepared, nullptr).prepare(w, bias);
  }

  /// As `run`, with what `prepare` has filled.
  STATOR_NOINLINE static void run_prepared(const T* x, const std::byte* prepared, T* y, Index batch,
                                           std::byte* samples) {
    if (batch == 0) return;
    const conv_vectors pass(const_cast<std::byte*>(prepared), samples); // only read from here on
    const Index threads = chunk_count(max_threads, direction::work * batch);
    if (batch >= threads || direction::in_phases) {
      parallel_for_chunks(batch, std::min(batch, threads), [&](Index first, Index last, Index chunk) {
        for (Index n = first; n < last; ++n)
          for (Index g = 0; g < G.groups; ++g)
            pass.group(pass.laid_out(x, n, g, pass.place(chunk), n == first && g == 0), y, n, g,
                       pass.place(chunk), 0, 1);
      });
      return;
    }
    // Fewer samples than threads: each computes a part of the vectors.
    if constexpr (lanes::lays_out)
      parallel_for_chunks(batch * G.groups, std::min(threads, batch * G.groups),
                          [&](Index first, Index last, Index) {
                            for (Index i = first; i < last; ++i)
                              pass.laid_out(x, i / G.groups, i % G.groups,
                                            pass.place(i / G.groups) + i % G.groups * laid, true);
                          });
    const Index parts = ceil_div(threads, batch);
    parallel_for_chunks(batch * parts, threads, [&](Index first, Index last, Index) {
      for (Index item = first; item < last; ++item) {
        const Index n = item / parts;
        for (Index g = 0; g < G.groups; ++g)
          pass.group(lanes::lays_out ? pass.place(n) + g * laid : sample(x, n, g), y, n, g, nullptr,
                     item % parts, parts);
      }
    });
  }

private:
  T* weights;
  T* start;
  Offset *from, *to, *step;
  PixelClass* classes;
  std::byte* slots;

  /// `space`: prepared_bytes; `samples`: `slot` bytes for each sample.
  conv_vectors(std::byte* space, std::byte* samples)
      : weights(reinterpret_cast<T*>(space + layout.weights)),
        start(reinterpret_cast<T*>(space + layout.start)),
        from(reinterpret_cast<Offset*>(space + layout.from)),
        to(reinterpret_cast<Offset*>(space + layout.to)),
        step(reinterpret_cast<Offset*>(space + layout.step)),
        classes(reinterpret_cast<PixelClass*>(space + layout.classes)), slots(samples) {}

  T* place(Index n) const { return reinterpret_cast<T*>(slots + static_cast<std::size_t>(n) * slot); }
  static const T* sample(const T* x, Index n, Index g) {
    return x + (n * G.groups + g) * direction::source_channels * direction::source_plane;
  }
  /// `fresh`: the slot holds nothing yet.
  static const T* laid_out(const T* x, Index n, Index g, T* to_slot, bool fresh) {
    if constexpr (!lanes::lays_out) return sample(x, n, g);
    lanes::lay_out(sample(x, n, g), direction::source_channels, to_slot, fresh);
    return to_slot;
  }

  /// Part `part` of `parts` of the vectors of a group; `mine` is the thread's slot.
  void group(const T* in, T* y, Index n, Index g, T* mine, Index part, Index parts) const {
    if constexpr (copies) return group_of_copies(in, y, n, g, part, parts);
    for (Index t = 0; t < tiles; ++t) {
      const Index c = t * MR, valid = std::min(MR, channels - c);
      T* out = y + ((n * G.groups + g) * channels + c) * target_plane;
      T* phases = direction::in_phases ? mine + G.groups * laid : out;
      for (Index i = 0; i < direction::class_count; ++i) {
        const PixelClass& of = classes[i];
        const Index first = of.pixels * part / parts, last = of.pixels * (part + 1) / parts;
        conv_lanes_tiles<T, W, MR, NV, lanes::valid>(
            in, from + of.pixel + first, to + of.pixel + first, last - first, step + of.step,
            direction::source_channels * of.taps, weights + ((g * tiles + t) * steps + of.step) * MR,
            start + (g * tiles + t) * MR, phases, target_plane, valid);
      }
      if constexpr (direction::in_phases)
        for (Index i = 0; i < valid; ++i) join_phases<G>(phases + i * target_plane, out + i * target_plane);
    }
  }

  /// The same with the pixels of a tile copied, so that they stay near for all channels.
  void group_of_copies(const T* in, T* y, Index n, Index g, Index part, Index parts) const {
    alignas(alignment) T copied[static_cast<std::size_t>(steps * NV * W)];
    Offset vector[NV], line[steps];
    for (Index v = 0; v < NV; ++v) vector[v] = static_cast<Offset>(v * W);
    for (Index p = 0; p < steps; ++p) line[p] = static_cast<Offset>(p * NV * W);
    const Index last = lanes::all_vectors * (part + 1) / parts;
    for (Index q = lanes::all_vectors * part / parts; q < last; q += NV) {
      const Index count = std::min(NV, last - q);
      for (Index p = 0; p < steps; ++p)
        for (Index v = 0; v < count; ++v) {
          vec<T, W> pixels;
          load(pixels, in + from[q + v] + step[p]);
          store(pixels, copied + (p * NV + v) * W);
        }
      for (Index t = 0; t < tiles; ++t)
        conv_lanes_tiles<T, W, MR, NV>(copied, vector, to + q, count, line, steps,
                                       weights + (g * tiles + t) * steps * MR, start + (g * tiles + t) * MR,
                                       y + ((n * G.groups + g) * channels + t * MR) * target_plane,
                                       target_plane, std::min(MR, channels - t * MR));
    }
  }

  void prepare(const T* w, const T* bias) {
    for (Index g = 0; g < G.groups; ++g)
      for (Index c = 0; c < tiles * MR; ++c)
        start[g * tiles * MR + c] = bias && c < channels ? bias[g * channels + c] : T{};
    Index vector = 0, pixel = 0, first_step = 0, number = 0;
    direction::each_class([&](const ConvClass<D>& c) {
      const Index seen = product(c.taps);
      classes[number++] = {vector, lanes::vectors(c), first_step, seen};
      lanes::each_vector(c, [&](Index at, const std::array<Index, D>& i) {
        from[vector] = seen > 0 ? static_cast<Offset>(lanes::at(direction::source_of(c, i))) : Offset{0};
        to[vector++] = static_cast<Offset>(pixel + at);
      });
      pixel += product(c.count);
      Index tap = 0;
      direction::each_tap(c, [&](Index k, const std::array<Index, D>& shift) {
        for (Index s = 0; s < direction::source_channels; ++s) {
          const Index p = first_step + s * seen + tap;
          step[p] = static_cast<Offset>(s * lanes::plane + lanes::at(shift));
          for (Index t = 0; t < G.groups * tiles; ++t)
            for (Index i = 0; i < MR; ++i) {
              const Index o = t % tiles * MR + i;
              weights[(t * steps + p) * MR + i] =
                  o < channels ? w[direction::weight_at(t / tiles, o, s) + k] : T{};
            }
        }
        ++tap;
      });
      first_step += direction::source_channels * seen;
    });
  }
};

} // namespace stator::kernel::detail
