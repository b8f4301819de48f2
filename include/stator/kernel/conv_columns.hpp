// SPDX-License-Identifier: BSL-1.0
// Convolutions of many channels over small planes, forward and backward to the input: the weights are larger
// than everything else, so they are read in place, and panels of the column matrix (im2col) are made for a
// block of steps at a time. Vectors run along pixels, which also lie side by side in the result.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_direction.hpp"
#include "stator/kernel/pack.hpp"
#include "stator/kernel/parallel.hpp"
#include "stator/kernel/tile.hpp"

#include <bit>
#include <numeric>

namespace stator::kernel::detail {

template<class T, auto G, bool Backward>
struct conv_columns {
  using direction = conv_direction<G, Backward>;
  static constexpr std::size_t D = G.axes;
  static constexpr Index W = native_width<T>, taps = direction::taps, steps = direction::steps;
  static constexpr Index channels = direction::target_channels, plane = direction::target_plane;
  /// Vectors of pixels in a panel.
  static constexpr Index NV = plane % (2 * W) == 0 ? 2 : 1;
  static constexpr Index panel = NV * W, panels = plane / panel;
  /// Whether there are so many weights for a pixel that packing them costs more than making columns.
  static constexpr bool wins = vectorizable<T> && G.groups == 1 && plane > 0 && plane % W == 0 &&
                               plane <= 64 && channels >= 32 && channels* steps >= 64 * 1024 &&
                               (!Backward || G.stride == filled<D>(1));
  /// Rows of a strip of prepared weights: as high as a tile.
  static constexpr Index strip = tile_rows(NV);
  /// Steps at once, and rows of weights that stay in the second-level cache meanwhile: whole strips.
  static constexpr Index depth = 1024 / static_cast<Index>(sizeof(T)),
                         rows = round_up(16 * conv_rows, std::lcm(conv_rows, strip));
  /// Neighbouring pixels of the target that are neighbours in the source too.
  static constexpr Index run_length = [] {
    if (G.stride[D - 1] != 1) return Index{1};
    const Index common = std::gcd(direction::target[D - 1], panel);
    return static_cast<Index>(std::size_t{1} << std::countr_zero(static_cast<std::size_t>(common)));
  }();

  struct Layout {
    std::size_t step = 0, weight_step = 0, row = 0, from = 0, samples = 0;
  };
  static constexpr Layout layout = [] {
    Carver c;
    Layout l;
    l.step = c.take(steps, sizeof(Offset));
    l.weight_step = c.take(steps, sizeof(Offset));
    l.row = c.take(channels, sizeof(Offset));
    l.from = c.take(plane, sizeof(Offset));
    l.samples = c.used;
    return l;
  }();
  static constexpr std::size_t columns_bytes = align_up(static_cast<std::size_t>(depth * plane) * sizeof(T));
  static constexpr std::size_t slot =
      direction::pads
          ? align_up(static_cast<std::size_t>(direction::source_channels * direction::plane) * sizeof(T))
          : 0;
  static constexpr Bytes scratch{layout.samples, columns_bytes + slot};

  STATOR_NOINLINE static void run(const T* x, const T* w, const T* bias, T* y, Index batch,
                                  std::byte* space) {
    Offset* step = reinterpret_cast<Offset*>(space + layout.step);
    Offset* weight_step = reinterpret_cast<Offset*>(space + layout.weight_step);
    Offset* row = reinterpret_cast<Offset*>(space + layout.row);
    Offset* from = reinterpret_cast<Offset*>(space + layout.from);
    tables(step, from, [&](Index k, Index at) { weight_step[k] = static_cast<Offset>(at); });
    for (Index c = 0; c < channels; ++c) row[c] = static_cast<Offset>(c * distance);
    multiply(x, step, from, bias, y, batch, space + layout.samples,
             [&](Index c, Index count, Index d, Index k, const T* columns, T* out) {
               conv_add_rows<T, W, NV>(w, row + c, count, weight_step + d, k, columns, out, plane);
             });
  }

  /// Weights in strips, block after block of steps, so that they are read from the first to the last byte;
  /// the tables; the bias.
  static constexpr Index strips = ceil_div(channels, strip);
  struct PreparedLayout {
    std::size_t weights = 0, step = 0, from = 0, bias = 0, bytes = 0;
  };
  static constexpr PreparedLayout prepared_layout = [] {
    Carver c;
    PreparedLayout l;
    l.weights = c.take(strips * strip * steps, sizeof(T));
    l.step = c.take(steps, sizeof(Offset));
    l.from = c.take(plane, sizeof(Offset));
    l.bias = c.take(channels, sizeof(T));
    l.bytes = c.used;
    return l;
  }();
  static constexpr std::size_t prepared_bytes = prepared_layout.bytes;
  static constexpr std::size_t prepared_scratch = columns_bytes + slot; ///< for each sample

  static void prepare(const T* w, const T* bias, std::byte* space) {
    T* const to = reinterpret_cast<T*>(space + prepared_layout.weights);
    tables(reinterpret_cast<Offset*>(space + prepared_layout.step),
           reinterpret_cast<Offset*>(space + prepared_layout.from), [&](Index k, Index at) {
             const Index d = k / depth * depth, deep = std::min(depth, steps - d);
             for (Index c = 0; c < strips * strip; ++c)
               to[strips * strip * d + c / strip * strip * deep + (k - d) * strip + c % strip] =
                   c < channels ? w[c * distance + at] : T{};
           });
    T* const start = reinterpret_cast<T*>(space + prepared_layout.bias);
    for (Index c = 0; c < channels; ++c) start[c] = bias ? bias[c] : T{};
  }

  /// As `run`, bit by bit, with what `prepare` has filled.
  STATOR_NOINLINE static void run_prepared(const T* x, const std::byte* prepared, T* y, Index batch,
                                           std::byte* space) {
    const T* const weights = reinterpret_cast<const T*>(prepared + prepared_layout.weights);
    multiply(x, reinterpret_cast<const Offset*>(prepared + prepared_layout.step),
             reinterpret_cast<const Offset*>(prepared + prepared_layout.from),
             reinterpret_cast<const T*>(prepared + prepared_layout.bias), y, batch, space,
             [&](Index c, Index count, Index d, Index k, const T* columns, T* out) {
               tile_rows_of<T, W, strip, NV, in_strips, strip, NV * W>(weights + strips * strip * d + c * k,
                                                                       1, strip, columns, NV * W, k, nullptr,
                                                                       true, out, plane, NV * W, count);
             });
  }

private:
  /// Makes columns for a block of steps after the other and has `add` multiply them with the weights of
  /// channels [c, c + count) for steps [d, d + k).
  template<class Add>
  static void multiply(const T* x, const Offset* step, const Offset* from, const T* bias, T* y, Index batch,
                       std::byte* space, const Add& add) {
    T* columns = reinterpret_cast<T*>(space);
    T* padded = columns + static_cast<Index>(columns_bytes / sizeof(T)) * batch;
    const Index threads = chunk_count(max_threads, batch * plane * channels * steps);
    constexpr Index sample = direction::source_channels * direction::plane;
    parallel_for_chunks(batch, std::min(threads, batch), [&](Index first, Index last, Index) {
      for (Index n = first; n < last; ++n) {
        if constexpr (direction::pads)
          pad_planes<D>(x + n * direction::source_channels * direction::source_plane,
                        direction::source_channels, direction::source, direction::front, direction::padded,
                        padded + n * sample);
        for (Index c = 0; c < channels; ++c)
          std::fill_n(y + (n * channels + c) * plane, plane, bias ? bias[c] : T{});
      }
    });
    const T* source = direction::pads ? padded : x;
    constexpr Index blocks = ceil_div(channels, rows);
    for (Index d = 0; d < steps; d += depth) {
      const Index k = std::min(depth, steps - d);
      parallel_for_chunks(batch * panels, std::min(threads, batch * panels),
                          [&](Index first, Index last, Index) {
                            for (Index i = first; i < last; ++i)
                              pack(source + i / panels * sample, from + i % panels * panel, step + d, k,
                                   columns + i * depth * panel);
                          });
      const Index items = blocks * batch * panels;
      parallel_for_chunks(items, std::min(threads, items), [&](Index first, Index last, Index) {
        for (Index item = first; item < last; ++item) {
          const Index i = item % (batch * panels), c = item / (batch * panels) * rows;
          add(c, std::min(rows, channels - c), d, k, columns + i * depth * panel,
              y + (i / panels * channels + c) * plane + i % panels * panel);
        }
      });
    }
  }

  /// Elements between the weights of one target channel and the next.
  static constexpr Index distance = Backward ? taps : steps;

  /// Fills the tables; `weight(k, at)` hears where in the weights of a target channel that of step k is.
  static void tables(Offset* step, Offset* from, auto&& weight) {
    Index q = 0;
    for_each_index<D>(direction::target, [&](const std::array<Index, D>& i) {
      std::array<Index, D> at{};
      for (std::size_t d = 0; d < D; ++d)
        at[d] = Backward ? i[d] + G.padding_begin[d] + direction::front[d] - G.dilation[d] * (G.kernel[d] - 1)
                         : i[d] * G.stride[d];
      from[q++] = static_cast<Offset>(flat_index(at, direction::padded));
    });
    Index tap = 0;
    for_each_index<D>(G.kernel, [&](const std::array<Index, D>& k) {
      std::array<Index, D> at{};
      for (std::size_t d = 0; d < D; ++d) at[d] = (Backward ? G.kernel[d] - 1 - k[d] : k[d]) * G.dilation[d];
      for (Index c = 0; c < direction::source_channels; ++c) {
        step[c * taps + tap] = static_cast<Offset>(c * direction::plane + flat_index(at, direction::padded));
        weight(c * taps + tap, Backward ? c * channels * taps + tap : c * taps + tap);
      }
      ++tap;
    });
  }

  /// k rows of the column matrix for the pixels of one panel.
  static void pack(const T* x, const Offset* from, const Offset* step, Index k, T* to) {
    for (Index p = 0; p < k; ++p, to += panel) {
      const T* shifted = x + step[p];
      for (Index j = 0; j < panel; j += run_length) {
        if constexpr (run_length >= quad<T>) {
          constexpr Index V = std::min(run_length, W);
          for (Index v = 0; v < run_length; v += V) {
            vec<T, V> pixels;
            load(pixels, shifted + from[j] + v);
            store(pixels, to + j + v);
          }
        } else {
          for (Index v = 0; v < run_length; ++v) to[j + v] = shifted[from[j] + v];
        }
      }
    }
  }
};

} // namespace stator::kernel::detail
