// SPDX-License-Identifier: BSL-1.0
// The weight gradient of a convolution as inner products over vectors of pixels: for few channels in a group,
// or few weights for an output channel. dw[o, (c, tap)] = Σ over pixels of dy[o, pixel] · x[c, pixel + tap].
// Some samples are laid out, then each sum runs over all of them in registers; every sum belongs to one
// thread.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_lanes.hpp"
#include "stator/kernel/parallel.hpp"

namespace stator::kernel::detail {

/// sum[i][j] += Σ_v x[row[i] + from[v] ...] · dy[column[j] + to[v] ...] for `count` vectors v of pixels of
/// each of `samples` samples; from vector `whole` on without the first `over` lanes.
template<class T, Index W, Index MR, Index NR>
STATOR_NOINLINE void conv_lanes_products(const T* x, Index x_sample, const T* dy, Index dy_sample,
                                         Index samples, const Offset* row, const Offset* column,
                                         const Offset* from, const Offset* to, Index whole, Index count,
                                         Index over, T* sums) {
  using V = vec<T, W>;
  V sum[MR][NR];
  STATOR_UNROLL
  for (Index i = 0; i < MR; ++i) {
    STATOR_UNROLL
    for (Index j = 0; j < NR; ++j) sum[i][j] = V{};
  }
  Index rows[MR], columns[NR];
  STATOR_UNROLL
  for (Index i = 0; i < MR; ++i) rows[i] = row[i];
  STATOR_UNROLL
  for (Index j = 0; j < NR; ++j) columns[j] = column[j];
  const auto add = [&](Index v, auto keep) STATOR_INLINE_LAMBDA {
    const T *in = x + from[v], *out = dy + to[v];
    V pixels[MR], g[NR];
    // The shorter side stays in registers.
    if constexpr (MR <= NR) {
      STATOR_UNROLL
      for (Index i = 0; i < MR; ++i) load(pixels[i], in + rows[i]);
      STATOR_UNROLL
      for (Index j = 0; j < NR; ++j) {
        load(g[j], out + columns[j]);
        keep(g[j]);
        STATOR_UNROLL
        for (Index i = 0; i < MR; ++i) sum[i][j] += pixels[i] * g[j];
      }
    } else {
      STATOR_UNROLL
      for (Index j = 0; j < NR; ++j) {
        load(g[j], out + columns[j]);
        keep(g[j]);
      }
      STATOR_UNROLL
      for (Index i = 0; i < MR; ++i) {
        load(pixels[i], in + rows[i]);
        STATOR_UNROLL
        for (Index j = 0; j < NR; ++j) sum[i][j] += pixels[i] * g[j];
      }
    }
  };
  using Lane = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  vec<Lane, W> kept;
  for (Index l = 0; l < W; ++l) kept[l] = l >= over ? Lane{-1} : Lane{};
  for (Index n = 0; n < samples; ++n, x += x_sample, dy += dy_sample) {
    for (Index v = 0; v < whole; ++v) add(v, [](V&) STATOR_INLINE_LAMBDA {});
    for (Index v = whole; v < count; ++v)
      add(v, [&](V& g) STATOR_INLINE_LAMBDA {
        vec<Lane, W> bits;
        STATOR_MEMCPY(&bits, &g, sizeof g);
        bits &= kept;
        STATOR_MEMCPY(&g, &bits, sizeof g);
      });
  }
  STATOR_UNROLL
  for (Index i = 0; i < MR; ++i) {
    STATOR_UNROLL
    for (Index j = 0; j < NR; ++j) {
      V before;
      load(before, sums + (i * NR + j) * W);
      before += sum[i][j];
      store(before, sums + (i * NR + j) * W);
    }
  }
}

template<class T, auto G>
struct conv_weight_vectors {
  using direction = conv_direction<G, false>;
  using lanes = conv_lanes<T, G, false>;
  static constexpr std::size_t D = G.axes;
  static constexpr Index W = lanes::W, in = G.in_channels / G.groups, out = G.out_channels / G.groups;
  static constexpr Index taps = direction::taps, rows = in * taps, pixels = direction::target_plane;
  static constexpr Index vectors = lanes::all_vectors;

  /// Output channels, and weights for each, of a register tile.
  static constexpr Index NR = out % 4 == 0 ? 4 : out % 3 == 0 ? 3 : out % 2 == 0 ? 2 : out == 1 ? 1 : 4;
  static constexpr Index MR = [] {
    constexpr bool many = vector_registers >= 32;
    const Index most = NR == 1 ? 10 : NR == 2 ? (many ? 8 : 5) : NR == 3 ? (many ? 8 : 3) : many ? 6 : 3;
    return ceil_div(rows, ceil_div(rows, most));
  }();
  static constexpr Index row_tiles = ceil_div(rows, MR), column_tiles = ceil_div(out, NR);
  static constexpr Index items = G.groups * column_tiles * row_tiles;

  /// Whether vectors of channels would be emptier, or transposing dy for them cost more than it gives.
  static constexpr bool wins = lanes::possible && (out < native_width<T> / 2 + 1 || rows <= 32);

  /// Lanes of the last vector of a row that the one before has already.
  static constexpr Index over = round_up(direction::target[D - 1], W) - direction::target[D - 1];
  /// Vectors that do not end a row in such a way.
  static constexpr Index whole = over > 0 ? vectors - pixels / std::max<Index>(direction::target[D - 1], 1)
                                          : vectors;
  static constexpr Index dy_sample = G.out_channels * pixels;
  static constexpr Index x_sample = G.in_channels * (lanes::lays_out ? lanes::plane : G.input_plane());
  /// Samples laid out at once: about 256 KiB.
  static constexpr Index samples = std::clamp<Index>(
      (Index{1} << 18) / static_cast<Index>(sizeof(T)) / std::max<Index>(dy_sample + x_sample, 1), 1, 64);

  /// Samples for one reading and writing of the sums; few, so that dy stays in the first-level cache from one
  /// tile of rows to the next.
  static constexpr Index joined = ceil_div(64, std::max<Index>(vectors, 1));

  struct Layout {
    std::size_t sums = 0, row = 0, column = 0, from = 0, to = 0, x = 0, end = 0;
  };
  static constexpr Layout layout = [] {
    Carver c;
    Layout l;
    l.sums = c.take(items * MR * NR * W, sizeof(T));
    l.row = c.take(row_tiles * MR, sizeof(Offset));
    l.column = c.take(column_tiles * NR, sizeof(Offset));
    l.from = c.take(vectors, sizeof(Offset));
    l.to = c.take(vectors, sizeof(Offset));
    l.x = c.take(lanes::lays_out ? samples * x_sample : 0, sizeof(T));
    l.end = c.used;
    return l;
  }();
  static constexpr Bytes scratch{layout.end, 0};

  STATOR_NOINLINE static void run(const T* x, const T* dy, T* dw, bool accumulate, Index batch,
                                  std::byte* space) {
    T* sums = reinterpret_cast<T*>(space + layout.sums);
    auto* row = reinterpret_cast<Offset*>(space + layout.row);
    auto* column = reinterpret_cast<Offset*>(space + layout.column);
    auto* from = reinterpret_cast<Offset*>(space + layout.from);
    auto* to = reinterpret_cast<Offset*>(space + layout.to);
    T* x_slots = reinterpret_cast<T*>(space + layout.x);
    tables(row, column, from, to);
    std::fill_n(sums, items * MR * NR * W, T{});

    const Index threads = chunk_count(max_threads, direction::work * std::min(samples, batch));
    for (Index begin = 0; begin < batch; begin += samples) {
      const Index count = std::min(samples, batch - begin);
      const T* in_x = x + begin * G.in_channels * G.input_plane();
      const T* in_dy = dy + begin * G.out_channels * pixels;
      if constexpr (lanes::lays_out)
        parallel_for_chunks(count, std::min(threads, count), [&](Index first, Index last, Index) {
          for (Index n = first; n < last; ++n)
            lanes::lay_out(in_x + n * G.in_channels * G.input_plane(), G.in_channels, x_slots + n * x_sample);
        });
      const T* wide = lanes::lays_out ? x_slots : in_x;
      parallel_for_chunks(items, std::min(threads, items), [&](Index first, Index last, Index) {
        for (Index n = 0; n < count; n += joined)
          for (Index i = first; i < last; ++i) {
            const Index r = i % row_tiles, c = i / row_tiles % column_tiles, g = i / row_tiles / column_tiles;
            conv_lanes_products<T, W, MR, NR>(wide + n * x_sample + g * in * (x_sample / G.in_channels),
                                              x_sample, in_dy + n * dy_sample + g * out * pixels, dy_sample,
                                              std::min(joined, count - n), row + r * MR, column + c * NR,
                                              from, to, whole, vectors, over, sums + i * MR * NR * W);
          }
      });
    }
    finish(sums, dw, accumulate);
  }

private:
  static void tables(Offset* row, Offset* column, Offset* from, Offset* to) {
    direction::each_class([&](const ConvClass<D>& c) {
      Index filled = 0, ragged = whole;
      lanes::each_vector(c, [&](Index at, const std::array<Index, D>& i) {
        const bool last = over > 0 && i[D - 1] + W == direction::target[D - 1];
        Index& v = last ? ragged : filled;
        from[v] = static_cast<Offset>(lanes::at(direction::source_of(c, i)));
        to[v++] = static_cast<Offset>(at);
      });
      Index tap = 0;
      direction::each_tap(c, [&](Index, const std::array<Index, D>& shift) {
        for (Index s = 0; s < in; ++s)
          row[s * taps + tap] = static_cast<Offset>(s * lanes::plane + lanes::at(shift));
        ++tap;
      });
    });
    for (Index r = rows; r < row_tiles * MR; ++r) row[r] = row[rows - 1];
    for (Index o = 0; o < column_tiles * NR; ++o)
      column[o] = static_cast<Offset>(std::min(o, out - 1) * pixels);
  }

  static void finish(const T* sums, T* dw, bool accumulate) {
    for (Index i = 0; i < items; ++i) {
      const Index r = i % row_tiles * MR, c = i / row_tiles % column_tiles * NR,
                  g = i / row_tiles / column_tiles;
      for (Index a = 0; a < std::min(MR, rows - r); ++a)
        for (Index b = 0; b < std::min(NR, out - c); ++b) {
          vec<T, W> sum;
          load(sum, sums + ((i * MR + a) * NR + b) * W);
          T& to = dw[((g * out + c + b) * rows) + r + a];
          const T total = horizontal_sum<T, W>(sum);
          to = accumulate ? static_cast<T>(to + total) : total;
        }
    }
  }
};

} // namespace stator::kernel::detail
