// SPDX-License-Identifier: BSL-1.0
// Convolutions of 3x3 and stride one by F(2x2, 3x3), forward and backward to the input: 16 multiplications
// for four pixels instead of 36. Rows of tiles are transformed, multiplied with the transformed weights of
// some channels, and transformed back, a panel at a time, which stays in the second-level cache. Results
// differ from those of other kernels in rounding.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_planes.hpp"
#include "stator/kernel/conv_winograd_tiles.hpp"
#include "stator/kernel/parallel.hpp"
#include "stator/kernel/tile.hpp"

namespace stator::kernel::detail {

/// Whether F(2x2, 3x3) computes convolutions of this geometry at all.
template<class T, auto G>
constexpr bool winograd_fits() {
  constexpr std::size_t D = G.axes;
  constexpr auto output = G.output();
  if (!std::is_same_v<T, float> || D != 2 || G.groups != 1 || G.kernel != filled<D>(3) ||
      G.stride != filled<D>(1) || G.dilation != filled<D>(1))
    return false;
  for (std::size_t d = 0; d < D; ++d)
    if (G.padding_begin[d] > 2 || output[d] < 1 || output[d] > 512 || G.input[d] > 512) return false;
  return G.in_channels % native_width<T> == 0 && G.out_channels % native_width<T> == 0;
}

template<class T, auto G, bool Backward>
struct conv_winograd_pass {
  static constexpr std::size_t D = G.axes;
  static constexpr Index W = native_width<T>, points = winograd_points;
  static constexpr bool fits = winograd_fits<T, G>();
  static constexpr Index sources = Backward ? G.out_channels : G.in_channels,
                         targets = Backward ? G.in_channels : G.out_channels;
  static constexpr auto source = Backward ? G.output() : G.input, target = Backward ? G.input : G.output();
  static constexpr Index height = target[0], width = target[D - 1];
  static constexpr WinogradPlanes planes{.channels = sources,
                                         .high = source[0],
                                         .wide = source[D - 1],
                                         .top = Backward ? 2 - G.padding_begin[0] : G.padding_begin[0],
                                         .left = Backward ? 2 - G.padding_begin[D - 1] : G.padding_begin[D - 1],
                                         .down = ceil_div(height, 2),
                                         .across = ceil_div(width, 2)};
  static constexpr Index down = planes.down, across = planes.across;
  /// Whether this is faster than one product for each tap: enough channels for the sums to be few beside the
  /// products, and tiles that are used.
  static constexpr bool wins = fits && sources >= 32 && targets >= 32 &&
                               height * width * 4 >= down * across * 13;

  /// Vectors of channels of a block, and channels.
  static constexpr Index vectors = targets / W, NV = vectors % 2 == 0                          ? 2
                                                     : vectors % 3 == 0 && max_tile_vectors > 2 ? 3
                                                                                               : 1;
  static constexpr Index MR = tile_rows(NV), channels = NV * W, blocks = ceil_div(targets, channels);
  /// Rows of tiles of a panel: about 50 tiles, that fill register tiles.
  static constexpr Index rows = [] {
    Index best = 1;
    const auto waste = [](Index r) { return round_up(r * across, MR) * 1000 / (r * across); };
    for (Index r = 2; r * across <= 64; ++r)
      if (waste(r) <= waste(best)) best = r;
    return best;
  }();
  static constexpr Index panel = rows * across;
  using transform = winograd_source<T, planes>;
  static constexpr Index block_point = sources * channels + W, products_point = panel * channels + W;

  /// Whether the transformed weights of all channels are kept; else they are made again for each group of
  /// panels, which costs no more than it would to fetch them.
  static constexpr bool keeps = points * sources * targets * static_cast<Index>(sizeof(T)) <= 5 << 18;
  /// Rows of tiles whose source is transformed before products are taken.
  static constexpr Index group =
      keeps ? rows
            : rows * std::max<Index>((Index{1} << 21) / static_cast<Index>(sizeof(T)) /
                                         (points * transform::point(panel)),
                                     1);
  static constexpr Index source_point = transform::point(group * across);

  static constexpr std::size_t bytes(Index elements) {
    return align_up(static_cast<std::size_t>(elements) * sizeof(T));
  }
  static constexpr std::size_t block_bytes = bytes(points * block_point),
                               source_bytes = bytes(points * source_point),
                               products_bytes = bytes(points * products_point),
                               lines_bytes = bytes(transform::lines::kept);
  /// What a thread needs for itself.
  static constexpr std::size_t part_bytes =
      products_bytes + lines_bytes + (keeps ? source_bytes : block_bytes);
  /// Into how many parts a batch is divided at most: so many that they need about 4 MB.
  static constexpr Index parts(Index batch) {
    const Index items = keeps ? ceil_div(batch * down, rows) : blocks;
    const Index most = static_cast<Index>((std::size_t{4} << 20) / part_bytes);
    return std::max<Index>(std::min({items, max_threads, most}), 1);
  }
  static constexpr std::size_t start_bytes = bytes(targets);
  /// Temporary memory for so many samples.
  static constexpr std::size_t scratch_for(Index batch) { return prepared_bytes_for_run + shared(batch); }
  static constexpr Index many = Index{1} << 24;
  static constexpr std::size_t prepared_bytes_for_run =
      start_bytes + (keeps ? static_cast<std::size_t>(blocks) * block_bytes : 0);
  static constexpr std::size_t shared(Index batch) {
    return (keeps ? 0 : source_bytes) + static_cast<std::size_t>(parts(batch)) * part_bytes;
  }
  static constexpr Bytes scratch{scratch_for(many), 0};
  static constexpr std::size_t prepared_bytes =
      start_bytes + static_cast<std::size_t>(blocks) * block_bytes;

  STATOR_NOINLINE static void run(const T* x, const T* w, const T* bias, T* y, Index batch,
                                  std::byte* space) {
    if (batch == 0) return;
    T* const start = reinterpret_cast<T*>(space);
    prepare_start(bias, start);
    std::byte* const made = space + start_bytes;
    if constexpr (keeps)
      parallel_for_chunks(blocks, chunk_count(blocks, targets * sources * 64),
                          [&](Index first, Index last, Index) {
                            for (Index b = first; b < last; ++b) prepare_block(w, b, block_at(made, b));
                          });
    multiply(x, w, keeps ? made : nullptr, start, y, batch, space + prepared_bytes_for_run, {});
  }

  static void prepare(const T* w, const T* bias, std::byte* prepared) {
    prepare_start(bias, reinterpret_cast<T*>(prepared));
    for (Index b = 0; b < blocks; ++b) prepare_block(w, b, block_at(prepared + start_bytes, b));
  }

private:
  static T* block_at(std::byte* made, Index b) {
    return reinterpret_cast<T*>(made + static_cast<std::size_t>(b) * block_bytes);
  }
  static void prepare_start(const T* bias, T* start) {
    for (Index c = 0; c < targets; ++c) start[c] = bias ? bias[c] : T{};
  }

  /// The transformed weights of block b: to[point][source channel][target channel].
  STATOR_NOINLINE static void prepare_block(const T* w, Index b, T* to) {
    constexpr Index at_once = Backward ? 1 : 4;
    alignas(64) T taps[at_once * 9 * channels];
    for (Index s = 0; s < sources; s += at_once) {
      if constexpr (Backward) {
        for (Index v = 0; v < channels; v += W)
          for (const Index p : {0, 4, 5}) // what is left of nine taps overlaps
            transpose_block<T, W>(w + (s * targets + b * channels + v) * 9 + p, 9, taps + p * channels + v,
                                  channels);
      } else {
        pack_columns<T, W>(w + (b * channels * sources + s) * 9, sources * 9, channels, at_once * 9, channels,
                           taps);
      }
      for (Index i = 0; i < at_once; ++i)
        for (Index v = 0; v < channels; v += W)
          winograd_weights<T, Backward>(taps + i * 9 * channels + v, channels, to + (s + i) * channels + v,
                                        block_point);
    }
  }

  /// With the weights that were transformed, or w.
  static void multiply(const T* x, const T* w, const std::byte* made, const T* start, T* y, Index batch,
                       std::byte* space, const ConvFinish<T>& finish) {
    const Index all = batch * down, most = parts(batch);
    const Index work = batch * down * across * points * sources * targets;
    if constexpr (keeps) {
      const Index panels = ceil_div(all, rows), threads = chunk_count(most, work);
      parallel_for_chunks(panels, threads, [&](Index first, Index last, Index chunk) {
        std::byte* const mine = space + static_cast<std::size_t>(chunk) * part_bytes;
        T* const transformed = reinterpret_cast<T*>(mine + products_bytes + lines_bytes);
        for (Index p = first; p < last; ++p) {
          const Index count = std::min(rows, all - p * rows);
          transform::run(x, p * rows, count, transformed, source_point, lines_of(mine));
          for (Index b = 0; b < blocks; ++b)
            panel_of(transformed, block_at(const_cast<std::byte*>(made), b), b, p * rows, count, start, y,
                     mine, finish);
        }
      });
    } else {
      T* const transformed = reinterpret_cast<T*>(space);
      space += source_bytes;
      for (Index begin = 0; begin < all; begin += group) {
        const Index count = std::min(group, all - begin);
        parallel_for_chunks(count, chunk_count(std::min(most, count), work),
                            [&](Index first, Index last, Index chunk) {
                              transform::run(x, begin + first, last - first,
                                             transformed + first * across * transform::stride, source_point,
                                             lines_of(space + static_cast<std::size_t>(chunk) * part_bytes));
                            });
        parallel_for_chunks(blocks, chunk_count(most, work), [&](Index first, Index last, Index chunk) {
          std::byte* const mine = space + static_cast<std::size_t>(chunk) * part_bytes;
          for (Index b = first; b < last; ++b) {
            const T* block = block_at(const_cast<std::byte*>(made), b);
            if (!made) {
              T* const own = reinterpret_cast<T*>(mine + products_bytes + lines_bytes);
              prepare_block(w, b, own);
              block = own;
            }
            for (Index r = 0; r < count; r += rows)
              panel_of(transformed + r * across * transform::stride, block, b, begin + r,
                       std::min(rows, count - r), start, y, mine, finish);
          }
        });
      }
    }
  }
  static T* lines_of(std::byte* mine) { return reinterpret_cast<T*>(mine + products_bytes); }

  /// The channels of block b of `count` rows of tiles from `first` on.
  static void panel_of(const T* transformed, const T* block, Index b, Index first, Index count,
                       const T* start, T* y, std::byte* mine, const ConvFinish<T>& finish) {
    T* const products = reinterpret_cast<T*>(mine);
    for (Index p = 0; p < points; ++p)
      tile_rows_of<T, W, MR, NV, transform::stride, 1, channels>(
          transformed + p * source_point, transform::stride, 1, block + p * block_point, channels, sources,
          nullptr, false, products + p * products_point, channels, channels, count * across);
    for (Index r = 0; r < count; ++r)
      for (Index v = 0; v < NV; ++v)
        put_row(products + r * across * channels + v * W, first + r, b * channels + v * W, start, y,
                lines_of(mine), finish);
  }

  /// W channels from c on of one row of tiles.
  STATOR_NOINLINE static void put_row(const T* products, Index row, Index c, const T* start, T* y, T* pixels,
                                      const ConvFinish<T>& finish) {
    constexpr Index length = 2 * across * W;
    vec<T> bias;
    load(bias, start + c);
    for (Index t = 0; t < across; ++t)
      winograd_pixels<T>(products + t * channels, products_point,
                         [&](Index r, Index k, const vec<T>& pixel) STATOR_INLINE_LAMBDA {
                           const vec<T> v = pixel + bias;
                           store(v, pixels + r * length + (2 * t + k) * W);
                         });
    const Index n = row / down, top = 2 * (row % down), at = (n * targets + c) * height * width + top * width;
    for (Index r = 0; r < 2 && top + r < height; ++r)
      lanes_to_planes<T, W, width>(pixels + r * length, y + at + r * width, height * width,
                                   finish.summand ? finish.summand + at + r * width : nullptr, finish);
  }
};

} // namespace stator::kernel::detail
