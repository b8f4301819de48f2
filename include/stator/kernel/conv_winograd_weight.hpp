// SPDX-License-Identifier: BSL-1.0
// The weight gradient of a convolution of 3x3 and stride one by F(2x2, 3x3) in its gradient form: tiles of
// the source and of the gradient are transformed, their products summed over some tiles, and the sums of 16
// points transformed to nine weights. Every weight belongs to one thread, which adds tiles in their order, so
// results do not depend on the number of threads; they differ from those of other kernels in rounding.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_winograd_pass.hpp"

namespace stator::kernel::detail {

template<class T, auto G>
struct conv_winograd_weight {
  using forward = conv_winograd_pass<T, G, false>;
  static constexpr std::size_t D = G.axes;
  static constexpr Index W = native_width<T>, points = winograd_points, in = G.in_channels,
                         out = G.out_channels;
  static constexpr auto output = G.output();
  static constexpr Index down = forward::down, across = forward::across;
  static constexpr WinogradPlanes target{.channels = out,
                                         .high = output[0],
                                         .wide = output[D - 1],
                                         .top = 0,
                                         .left = 0,
                                         .down = down,
                                         .across = across};
  using source_tiles = winograd_source<T, forward::planes>;
  using target_tiles = winograd_gradient<T, target>;
  static constexpr bool fits = forward::fits;
  static constexpr bool wins = forward::wins;

  static constexpr Index vectors = in / W, NV = vectors % 2 == 0                           ? 2
                                                : vectors % 3 == 0 && max_tile_vectors > 2 ? 3
                                                                                           : 1;
  static constexpr Index MR = tile_rows(NV), columns = NV * W;
  /// Output channels of an item, whose weights belong to `columns` input channels: many for a single thread,
  /// few so that there are items for several.
  static constexpr Index high = std::min(8 * MR, out), low = std::min(2 * MR, out);
  static constexpr Index parts = std::min(ceil_div(out, low) * (in / columns), max_threads);
  /// Rows of tiles at once: about a megabyte of points, but no fewer tiles than pay for a pass over dw.
  static constexpr Index group =
      std::max<Index>({(Index{5} << 18) / static_cast<Index>(sizeof(T)) / (points * (in + out) * across),
                       ceil_div(Index{32}, across), 1});

  static constexpr std::size_t bytes(Index elements) { return forward::bytes(elements); }
  /// Elements between output channels of the sums [output channel][point][input channel].
  static constexpr Index sums_row = points * columns + W;
  static constexpr std::size_t part_bytes(Index rows) {
    return std::max(bytes(rows * sums_row),
                    bytes(std::max(source_tiles::lines::kept, target_tiles::lines::kept)));
  }
  static constexpr Index rows_for(Index batch) { return std::min(group, std::max<Index>(batch * down, 1)); }
  static constexpr std::size_t source_bytes(Index rows) {
    return bytes(points * source_tiles::point(rows * across));
  }
  static constexpr std::size_t target_bytes(Index rows) {
    return bytes(points * target_tiles::point(rows * across));
  }
  /// Temporary memory for so many samples.
  static constexpr std::size_t scratch_for(Index batch) {
    return source_bytes(rows_for(batch)) + target_bytes(rows_for(batch)) +
           std::max(part_bytes(high), static_cast<std::size_t>(parts) * part_bytes(low));
  }

  /// dy: the gradient, or a PooledGradient.
  STATOR_NOINLINE static void run(const T* x, auto dy, T* dw, bool accumulate, Index batch,
                                  std::byte* space) {
    const Index all = batch * down, most = rows_for(batch);
    if (batch == 0 && !accumulate) std::fill_n(dw, in * out * 9, T{});
    T* const sources = reinterpret_cast<T*>(space);
    T* const targets = reinterpret_cast<T*>(space + source_bytes(most));
    space += source_bytes(most) + target_bytes(most);
    const Index source_point = source_tiles::point(most * across),
                target_point = target_tiles::point(most * across);
    const Index threads = chunk_count(parts, most * across * points * in * out);
    const Index step = threads > 1 ? shared_rows(threads) : high, items_down = ceil_div(out, step);
    const auto own = [&](Index chunk) {
      return reinterpret_cast<T*>(space + static_cast<std::size_t>(chunk) * part_bytes(step));
    };
    for (Index begin = 0; begin < all; begin += most) {
      const Index count = std::min(most, all - begin);
      parallel_for_chunks(count, std::min(threads, count), [&](Index first, Index last, Index chunk) {
        source_tiles::run(x, begin + first, last - first, sources + first * across * source_tiles::stride,
                          source_point, own(chunk));
        target_tiles::run(dy, begin + first, last - first, targets + first * across * target_tiles::stride,
                          target_point, own(chunk));
      });
      const bool add = accumulate || begin > 0;
      parallel_for_chunks(items_down * (in / columns), threads, [&](Index first, Index last, Index chunk) {
        T* const sums = own(chunk);
        for (Index i = first; i < last; ++i) {
          const Index o = i % items_down * step, c = i / items_down * columns, rows = std::min(step, out - o);
          for (Index p = 0; p < points; ++p)
            tile_rows_of<T, W, MR, NV, 1, target_tiles::stride, source_tiles::stride>(
                targets + p * target_point + o, 1, target_tiles::stride, sources + p * source_point + c,
                source_tiles::stride, count * across, nullptr, false, sums + p * columns, sums_row, columns,
                rows);
          for (Index r = 0; r < rows; ++r)
            for (Index v = 0; v < columns; v += W)
              put(sums + r * sums_row + v, dw + ((o + r) * in + c + v) * 9, add);
        }
      });
    }
  }

private:
  /// Output channels of an item for so many threads: as few as `low`, or, where these items do not come out
  /// even, as many as give each thread one.
  static Index shared_rows(Index threads) {
    const Index share = round_up(ceil_div(out, threads), 4);
    const auto longest = [threads](Index rows) {
      return ceil_div(ceil_div(out, rows) * (in / columns), threads) * rows;
    };
    const bool fits_in = static_cast<std::size_t>(threads) * part_bytes(share) <=
                         std::max(part_bytes(high), static_cast<std::size_t>(parts) * part_bytes(low));
    return fits_in && longest(share) < longest(low) ? share : low;
  }

  /// The nine weights of each of W input channels, one after the other.
  STATOR_ALWAYS_INLINE static void put(const T* sums, T* dw, bool add) {
    using V = vec<T>;
    constexpr Index Q = quad<T>;
    V taps[9];
    winograd_taps<T>(sums, columns, taps);
    alignas(64) T rows[9 * W];
    for (const Index p : {0, 4, 5}) {
      V r[Q];
      STATOR_UNROLL
      for (Index j = 0; j < Q; ++j) r[j] = taps[p + j];
      transpose_quads<T, W>(r);
      STATOR_UNROLL
      for (Index j = 0; j < Q; ++j) store_quads<T, W>(r[j], rows + j * 9 + p, Q * 9);
    }
    STATOR_UNROLL
    for (Index i = 0; i < 9; ++i) {
      V now, old{};
      load(now, rows + i * W);
      if (add) load(old, dw + i * W);
      now += old;
      store(now, dw + i * W);
    }
  }
};

} // namespace stator::kernel::detail
