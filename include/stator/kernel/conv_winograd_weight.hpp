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
  /// Whether this is faster than one product for each tap: where there are pixels for the weights.
  static constexpr bool wins = forward::wins && (in * out <= 64 * 1024 || across * down >= 16);

  static constexpr Index vectors = in / W, NV = vectors % 2 == 0                           ? 2
                                                : vectors % 3 == 0 && max_tile_vectors > 2 ? 3
                                                                                           : 1;
  /// Weights of an item: so many input and output channels.
  static constexpr Index MR = tile_rows(NV), columns = NV * W, high = std::min(2 * MR, out);
  static constexpr Index items_down = ceil_div(out, high), items = items_down * ceil_div(in, columns);
  /// Rows of tiles at once.
  static constexpr Index group =
      std::max<Index>((Index{5} << 18) / static_cast<Index>(sizeof(T)) / (points * (in + out) * across), 1);

  static constexpr std::size_t bytes(Index elements) { return forward::bytes(elements); }
  static constexpr Index sums_point = high * columns + W;
  static constexpr std::size_t sums_bytes = bytes(points * sums_point);
  static constexpr std::size_t part_bytes =
      std::max(sums_bytes, bytes(std::max(source_tiles::lines::kept, target_tiles::lines::kept)));
  static constexpr Index rows_for(Index batch) { return std::min(group, std::max<Index>(batch * down, 1)); }
  static constexpr std::size_t source_bytes(Index rows) {
    return bytes(points * source_tiles::point(rows * across));
  }
  static constexpr std::size_t target_bytes(Index rows) {
    return bytes(points * target_tiles::point(rows * across));
  }
  static constexpr Index parts = std::min(items, max_threads);
  /// Temporary memory for so many samples.
  static constexpr std::size_t scratch_for(Index batch) {
    return source_bytes(rows_for(batch)) + target_bytes(rows_for(batch)) +
           static_cast<std::size_t>(parts) * part_bytes;
  }

  STATOR_NOINLINE static void run(const T* x, const T* dy, T* dw, bool accumulate, Index batch,
                                  std::byte* space) {
    const Index all = batch * down, most = rows_for(batch);
    if (batch == 0 && !accumulate) std::fill_n(dw, in * out * 9, T{});
    T* const sources = reinterpret_cast<T*>(space);
    T* const targets = reinterpret_cast<T*>(space + source_bytes(most));
    space += source_bytes(most) + target_bytes(most);
    const Index source_point = source_tiles::point(most * across),
                target_point = target_tiles::point(most * across);
    const auto own = [&](Index chunk) {
      return reinterpret_cast<T*>(space + static_cast<std::size_t>(chunk) * part_bytes);
    };
    for (Index begin = 0; begin < all; begin += most) {
      const Index count = std::min(most, all - begin);
      const Index work = count * across * points * in * out;
      parallel_for_chunks(
          count, chunk_count(std::min(parts, count), work), [&](Index first, Index last, Index chunk) {
            source_tiles::run(x, begin + first, last - first, sources + first * across * source_tiles::stride,
                              source_point, own(chunk));
            target_tiles::run(dy, begin + first, last - first,
                              targets + first * across * target_tiles::stride, target_point, own(chunk));
          });
      const bool add = accumulate || begin > 0;
      parallel_for_chunks(items, chunk_count(parts, work), [&](Index first, Index last, Index chunk) {
        T* const sums = own(chunk);
        for (Index i = first; i < last; ++i) {
          const Index o = i % items_down * high, c = i / items_down * columns, rows = std::min(high, out - o);
          for (Index p = 0; p < points; ++p)
            tile_rows_of<T, W, MR, NV, 1, target_tiles::stride, source_tiles::stride>(
                targets + p * target_point + o, 1, target_tiles::stride, sources + p * source_point + c,
                source_tiles::stride, count * across, nullptr, false, sums + p * sums_point, columns, columns,
                rows);
          for (Index r = 0; r < rows; ++r)
            for (Index v = 0; v < columns; v += W)
              put(sums + r * columns + v, dw + ((o + r) * in + c + v) * 9, add);
        }
      });
    }
  }

private:
  /// The nine weights of each of W input channels, one after the other.
  STATOR_ALWAYS_INLINE static void put(const T* sums, T* dw, bool add) {
    using V = vec<T>;
    constexpr Index Q = quad<T>;
    V taps[9];
    winograd_taps<T>(sums, sums_point, taps);
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
