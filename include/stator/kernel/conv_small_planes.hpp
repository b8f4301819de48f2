// SPDX-License-Identifier: BSL-1.0
// Convolutions of many channels over planes of a few pixels, forward and, with stride one, backward to the
// input. Channels lie in the lanes; the pixels of a tile, most of them whole planes, stay in registers, so
// that every weight is read once, and taps that would read padding are not computed: of 3x3 over 4x4 pixels
// 100 products of 144. Weights come from far away: they are asked for before they are needed.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_channel_lanes.hpp"
#include "stator/kernel/conv_direction.hpp"
#include "stator/kernel/parallel.hpp"

namespace stator::kernel::detail {

template<class T, auto G, bool Backward>
struct conv_small_planes {
  using direction = conv_direction<G, Backward>;
  static constexpr std::size_t D = G.axes;
  static constexpr Index W = native_width<T>, taps = direction::taps, steps = direction::steps;
  static constexpr Index sources = direction::source_channels, targets = direction::target_channels,
                         plane = direction::target_plane, source_plane = direction::source_plane;
  /// Extents along both axes, and pixels before the first one.
  static constexpr Index wide = direction::target[D - 1], source_high = direction::source[0],
                         source_wide = direction::source[D - 1], high_taps = G.kernel[0],
                         wide_taps = G.kernel[D - 1], down = Backward ? 1 : G.stride[0],
                         across = Backward ? 1 : G.stride[D - 1],
                         top = Backward ? high_taps - 1 - G.padding_begin[0] : G.padding_begin[0],
                         left = Backward ? wide_taps - 1 - G.padding_begin[D - 1] : G.padding_begin[D - 1];

  /// Pixels of a tile at most, and its vectors of channels: a sum takes as many additions one after the other
  /// as it has taps, which so many others hide.
  static constexpr bool many_registers = vector_registers >= 32;
  static constexpr Index most = many_registers ? 16 : 6, NV = many_registers ? 1 : 2, channels = NV * W;
  static constexpr Index tiles = ceil_div(plane, most), MR = ceil_div(plane, tiles),
                         blocks = targets / channels;
  /// Whether there are so few pixels, and so many weights, that this is faster.
  static constexpr bool wins = vectorizable<T> && D == 2 && G.groups == 1 && G.dilation == filled<D>(1) &&
                               (!Backward || G.stride == filled<D>(1)) && taps >= 4 && taps <= 9 &&
                               plane >= 9 && plane <= (many_registers ? 32 : 24) && source_plane <= 128 &&
                               sources >= 16 && targets % channels == 0 && targets * steps >= 64 * 1024;

  /// Source channels at once, whose weights stay in the first-level cache.
  static constexpr Index depth = std::min(
      sources, std::max<Index>(
                   (many_registers ? 32768 : 16384) / (taps * channels * static_cast<Index>(sizeof(T))), 1));
  /// Samples at once.
  static constexpr Index group = 8;
  static constexpr Index part = depth * taps * channels, waiting = plane * channels;

  static constexpr std::size_t bytes(Index elements) {
    return align_up(static_cast<std::size_t>(elements) * sizeof(T));
  }
  /// The bias, then blocks of weights, [source channel][tap][target channel].
  static constexpr std::size_t start_bytes = bytes(targets);
  static constexpr std::size_t prepared_bytes = start_bytes + bytes(targets * steps);
  static constexpr Index parts = std::min(blocks, max_threads);
  static constexpr std::size_t scratch_for(Index batch) {
    return static_cast<std::size_t>(parts) * bytes(part) + prepared_scratch_for(batch);
  }
  static constexpr std::size_t prepared_scratch_for(Index batch) {
    return static_cast<std::size_t>(parts) * bytes(std::min(batch, group) * waiting);
  }

  STATOR_NOINLINE static void run(const T* x, const T* w, const T* bias, T* y, Index batch,
                                  std::byte* space) {
    T* const own = reinterpret_cast<T*>(space);
    multiply(x, bias, y, batch, reinterpret_cast<T*>(space + static_cast<std::size_t>(parts) * bytes(part)),
             {}, [&](Index b, Index d, Index count, Index chunk) {
               T* const to = own + chunk * static_cast<Index>(bytes(part) / sizeof(T));
               pack(w, b, d, count, to);
               return to;
             });
  }

  static void prepare(const T* w, const T* bias, std::byte* prepared) {
    T* const start = reinterpret_cast<T*>(prepared);
    for (Index c = 0; c < targets; ++c) start[c] = bias ? bias[c] : T{};
    T* const to = reinterpret_cast<T*>(prepared + start_bytes);
    for (Index b = 0; b < blocks; ++b) pack(w, b, 0, sources, to + b * steps * channels);
  }

  /// As `run`, bit by bit, with what `prepare` has filled.
  static void run_prepared(const T* x, const std::byte* prepared, T* y, Index batch, std::byte* space) {
    run_finished(x, prepared, y, batch, space, {});
  }
  static constexpr bool can_halve = false;
  /// The same with what is to be done to the result.
  STATOR_NOINLINE static void run_finished(const T* x, const std::byte* prepared, T* y, Index batch,
                                           std::byte* space, const ConvFinish<T>& finish) {
    const T* const weights = reinterpret_cast<const T*>(prepared + start_bytes);
    multiply(x, reinterpret_cast<const T*>(prepared), y, batch, reinterpret_cast<T*>(space), finish,
             [&](Index b, Index d, Index, Index) { return weights + (b * sources + d) * taps * channels; });
  }

private:
  /// `weights(block, source channel, how many, chunk)` says where they are.
  static void multiply(const T* x, const T* bias, T* y, Index batch, T* sums, const ConvFinish<T>& finish,
                       auto&& weights) {
    const Index threads = chunk_count(parts, batch * plane * targets * steps);
    const Index each = static_cast<Index>(bytes(std::min(batch, group) * waiting) / sizeof(T));
    parallel_for_chunks(blocks, threads, [&](Index first, Index last, Index chunk) {
      T* const own = sums + chunk * each;
      for (Index b = first; b < last; ++b)
        for (Index n = 0; n < batch; n += group) {
          const Index count = std::min(group, batch - n);
          for (Index i = 0; i < count * NV; ++i) {
            vec<T> start{};
            if (bias) load(start, bias + b * channels + i % NV * W);
            for (Index q = 0; q < plane; ++q) store(start, own + (i * plane + q) * W);
          }
          for (Index d = 0; d < sources; d += depth) {
            const Index k = std::min(depth, sources - d);
            const T* const w = weights(b, d, k, chunk);
            for (Index i = 0; i < count; ++i)
              all_tiles(x + ((n + i) * sources + d) * source_plane, w, k, own + i * waiting,
                        std::make_index_sequence<static_cast<std::size_t>(tiles)>());
          }
          for (Index i = 0; i < count; ++i)
            for (Index v = 0; v < NV; ++v) {
              const Index at = ((n + i) * targets + b * channels + v * W) * plane;
              lanes_to_planes<T, W, plane, plane>(own + i * waiting + v * plane * W, y + at,
                                                  finish.summand ? finish.summand + at : nullptr, finish);
            }
        }
    });
  }
  template<std::size_t... I>
  static void all_tiles(const T* x, const T* w, Index k, T* sums, std::index_sequence<I...>) {
    (tile<static_cast<Index>(I) * MR>(x, w, k, sums), ...);
  }

  /// sums[vector][pixel][channel] += k source channels of x times their weights, for pixels from First on.
  template<Index First>
  STATOR_NOINLINE static void tile(const T* x, const T* w, Index k, T* sums) {
    using V = vec<T>;
    constexpr Index M = std::min(MR, plane - First);
    // What is far away is divided among the tiles, which would all wait for it.
    constexpr Index line = 64 / static_cast<Index>(sizeof(T)),
                    lines = ceil_div(taps * channels, line * tiles);
    const T* ahead = w + (tiles == 1 ? 8 : k) * taps * channels + First / MR * k * lines * line;
    V sum[M][NV];
    STATOR_UNROLL
    for (Index i = 0; i < M; ++i) {
      STATOR_UNROLL
      for (Index v = 0; v < NV; ++v) sum[i][v] = V{};
    }
    for (; k > 0; --k, x += source_plane, ahead += lines * line) {
      STATOR_UNROLL
      for (Index i = 0; i < lines; ++i) STATOR_PREFETCH(ahead + i * line);
      STATOR_UNROLL
      for (Index t = 0; t < taps; ++t, w += channels) {
        const Index tap = Backward ? taps - 1 - t : t;
        V weight[NV];
        STATOR_UNROLL
        for (Index v = 0; v < NV; ++v) load_once(weight[v], w + v * W);
        if (!many_registers) STATOR_READ_AGAIN(x); // pixels of all taps would not fit into registers
        STATOR_UNROLL
        for (Index i = 0; i < M; ++i) {
          const Index r = (First + i) / wide * down + tap / wide_taps - top,
                      c = (First + i) % wide * across + tap % wide_taps - left;
          if (r >= 0 && r < source_high && c >= 0 && c < source_wide) {
            const V pixel = x[r * source_wide + c] - V{};
            STATOR_UNROLL
            for (Index v = 0; v < NV; ++v) sum[i][v] += pixel * weight[v];
          }
        }
      }
    }
    STATOR_UNROLL
    for (Index v = 0; v < NV; ++v) {
      STATOR_UNROLL
      for (Index i = 0; i < M; ++i) {
        T* const to = sums + (v * plane + First + i) * W;
        V before;
        load(before, to);
        before += sum[i][v];
        store(before, to);
      }
    }
  }

  /// Weights of `count` source channels from d on, for block b.
  static void pack(const T* w, Index b, Index d, Index count, T* to) {
    if constexpr (Backward) {
      for (Index s = d; s < d + count; ++s, to += taps * channels)
        for (Index v = 0; v < channels; v += W)
          for (Index t = 0; t < taps; t += quad<T>) { // what is left of the taps overlaps
            const Index at = std::min(t, taps - quad<T>);
            transpose_block<T, W>(w + (s * targets + b * channels + v) * taps + at, taps,
                                  to + at * channels + v, channels);
          }
    } else {
      pack_columns<T, W>(w + b * channels * steps + d * taps, steps, channels, count * taps, channels, to);
    }
  }
};

} // namespace stator::kernel::detail
