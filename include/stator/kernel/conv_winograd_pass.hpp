// SPDX-License-Identifier: BSL-1.0
// Convolutions of 3x3 and stride one by F(2x2, 3x3), forward and backward to the input: 16 multiplications
// for four pixels instead of 36. Rows of tiles are transformed, multiplied with the transformed weights of
// some channels, and transformed back, a panel at a time, which stays in the second-level cache. Errors
// against double, as shares of the largest number, by this / by one product for each tap: 64 channels of
// 32x32, forward 2.9e-7 / 8.3e-7, to the weight 5.8e-7 / 6.0e-7; 512 channels of 4x4, 7.7e-7 / 3.1e-7 and
// 2.9e-7 / 4.3e-7. F(4x4, 3x3), forward only and only where it is asked for: 36 for sixteen pixels, errors of
// 5e-6 (64 channels) to 1.1e-5 (256). A pixel that is infinite or NaN makes its whole tile NaN.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_planes.hpp"
#include "stator/kernel/conv_winograd_large_tiles.hpp"
#include "stator/kernel/conv_winograd_product.hpp"
#include "stator/kernel/conv_winograd_tiles.hpp"
#include "stator/kernel/parallel.hpp"
#include "stator/kernel/tile.hpp"

#ifndef STATOR_WINOGRAD
#if defined(__SSE2__) || defined(__aarch64__)
/// 1 when convolutions of float, of 3x3 and stride one, and their gradients, are computed by F(2x2, 3x3)
/// where that is faster: less than half of the multiplications, and other roundings. 0 keeps one product for
/// each tap; to be defined before the first include, the same in every source of a program. Machines without
/// vectors, whose memory is small too, have 0.
#define STATOR_WINOGRAD 1
#else
#define STATOR_WINOGRAD 0
#endif
#endif

namespace stator::kernel {
/// STATOR_WINOGRAD
inline constexpr bool winograd_by_default = STATOR_WINOGRAD != 0;
} // namespace stator::kernel

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

/// With tiles of M times M pixels of the result.
template<class T, auto G, bool Backward, Index M = 2>
struct conv_winograd_pass {
  static_assert(M == 2 || (M == 4 && !Backward));
  static constexpr std::size_t D = G.axes;
  static constexpr Index W = native_width<T>, points = (M + 2) * (M + 2);
  static constexpr bool fits = winograd_fits<T, G>();
  static constexpr Index sources = Backward ? G.out_channels : G.in_channels,
                         targets = Backward ? G.in_channels : G.out_channels;
  static constexpr auto source = Backward ? G.output() : G.input, target = Backward ? G.input : G.output();
  static constexpr Index height = target[0], width = target[D - 1];
  static constexpr WinogradPlanes planes{.channels = sources,
                                         .high = source[0],
                                         .wide = source[D - 1],
                                         .top = Backward ? 2 - G.padding_begin[0] : G.padding_begin[0],
                                         .left =
                                             Backward ? 2 - G.padding_begin[D - 1] : G.padding_begin[D - 1],
                                         .down = ceil_div(height, M),
                                         .across = ceil_div(width, M)};
  static constexpr Index down = planes.down, across = planes.across;
  /// Whether this is faster than one product for each tap: enough channels for the sums to be few beside the
  /// products, and tiles that are used.
  static constexpr bool wins =
      fits && sources >= 16 && targets >= 16 && height * width * 8 >= down * across * 5 * M * M;

  /// Vectors of channels of a block, and channels.
  static constexpr Index vectors = targets / W, NV = vectors % 2 == 0                           ? 2
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
  using transform = std::conditional_t<M == 2, winograd_source<T, planes>, winograd_large_source<T, planes>>;
  /// Elements between points of a block of weights, and between tiles of the products [tile][point][channel].
  static constexpr Index block_point = sources * channels + W, products_tile = points * channels + W;

  /// Whether the transformed weights of all channels are kept; else they are made again for each group of
  /// panels, which costs no more than it would to fetch them.
  static constexpr bool keeps = points * sources * targets * static_cast<Index>(sizeof(T)) <= 5 << 18;
  /// Rows of tiles whose source is transformed before products are taken.
  static constexpr Index group =
      keeps ? rows
            : rows * std::max<Index>((Index{1} << 21) / static_cast<Index>(sizeof(T)) /
                                         (points * transform::point(panel)),
                                     1);

  static constexpr std::size_t bytes(Index elements) {
    return align_up(static_cast<std::size_t>(elements) * sizeof(T));
  }
  /// The bias, then blocks of weights: of all channels where they are prepared.
  static constexpr std::size_t start_bytes = bytes(targets), block_bytes = bytes(points * block_point);
  static constexpr std::size_t prepared_bytes = start_bytes + static_cast<std::size_t>(blocks) * block_bytes;
  static constexpr std::size_t own_bytes = keeps ? prepared_bytes : start_bytes;

  /// Temporary memory for so many samples.
  struct Layout {
    Index source_point; ///< elements between points of the source
    std::size_t lines, source, part,
        shared;  ///< bytes before the rows of pixels and the source; of a part; of what they share
    Index parts; ///< of the batch, at most: so many that they need about 4 MB
    constexpr Layout(Index batch, bool prepared) {
      const Index all = std::max<Index>(batch * down, 1);
      source_point = transform::point(std::min(group, all) * across);
      lines = bytes(std::min(rows, all) * across * products_tile);
      source = lines + bytes(transform::lines::kept);
      const std::size_t sources_bytes = bytes(points * source_point);
      part = source + (keeps ? sources_bytes : prepared ? 0 : block_bytes);
      shared = keeps ? 0 : sources_bytes;
      const Index items = keeps ? ceil_div(all, rows) : blocks;
      parts = std::max<Index>(
          std::min({items, max_threads, static_cast<Index>((std::size_t{4} << 20) / part)}), 1);
    }
    constexpr std::size_t end() const { return shared + static_cast<std::size_t>(parts) * part; }
  };
  static constexpr std::size_t scratch_for(Index batch) { return own_bytes + Layout(batch, false).end(); }
  static constexpr std::size_t prepared_scratch_for(Index batch) { return Layout(batch, true).end(); }

  /// x: the source, or a PooledGradient.
  STATOR_NOINLINE static void run(auto x, const T* w, const T* bias, T* y, Index batch, std::byte* space,
                                  const ConvFinish<T>& finish = {}) {
    if (batch == 0) return;
    T* const start = reinterpret_cast<T*>(space);
    prepare_start(bias, start);
    std::byte* const made = space + start_bytes;
    if constexpr (keeps)
      parallel_for_chunks(blocks, chunk_count(blocks, targets * sources * 64),
                          [&](Index first, Index last, Index) {
                            for (Index b = first; b < last; ++b) prepare_block(w, b, block_at(made, b));
                          });
    multiply(x, {start, w, keeps ? made : nullptr, y, finish, Layout(batch, false)}, batch,
             space + own_bytes);
  }

  static void prepare(const T* w, const T* bias, std::byte* prepared) {
    prepare_start(bias, reinterpret_cast<T*>(prepared));
    for (Index b = 0; b < blocks; ++b) prepare_block(w, b, block_at(prepared + start_bytes, b));
  }

  /// x [batch, sources, ...], y [batch, targets, ...].
  static void run_prepared(const T* x, const std::byte* prepared, T* y, Index batch, std::byte* space) {
    run_finished(x, prepared, y, batch, space, {});
  }
  /// Whether tiles are windows of two by two.
  static constexpr bool can_halve = M == 2 && height % 2 == 0 && width % 2 == 0;
  /// The same with what is to be done to the result.
  STATOR_NOINLINE static void run_finished(const T* x, const std::byte* prepared, T* y, Index batch,
                                           std::byte* space, const ConvFinish<T>& finish) {
    if (batch == 0) return;
    multiply(x,
             {reinterpret_cast<const T*>(prepared), nullptr, prepared + start_bytes, y, finish,
              Layout(batch, true)},
             batch, space);
  }

private:
  static T* block_at(std::byte* made, Index b) {
    return reinterpret_cast<T*>(made + static_cast<std::size_t>(b) * block_bytes);
  }
  static const T* block_at(const std::byte* made, Index b) {
    return reinterpret_cast<const T*>(made + static_cast<std::size_t>(b) * block_bytes);
  }
  static void prepare_start(const T* bias, T* start) {
    for (Index c = 0; c < targets; ++c) start[c] = bias ? bias[c] : T{};
  }

  /// The transformed weights of block b: to[point][source channel][target channel].
  STATOR_NOINLINE static void prepare_block(const T* w, Index b, T* to) {
    // Of a row of w as much at once as fills a vector, from few rows: they may displace one another in
    // caches.
    constexpr Index at_once = Backward ? 1 : W;
    alignas(64) T taps[at_once * 9 * channels];
    for (Index s = 0; s < sources; s += at_once) {
      for (Index v = 0; v < channels; v += W) {
        if constexpr (Backward) {
          for (const Index p : {0, 4, 5}) // what is left of nine taps overlaps
            transpose_block<T, W>(w + (s * targets + b * channels + v) * 9 + p, 9, taps + p * channels + v,
                                  channels);
        } else {
          const T* const rows_of = w + ((b * channels + v) * sources + s) * 9;
          for (Index p = 0; p < 9 * W; p += W)
            transpose_square_block<T, W>(rows_of + p, sources * 9, taps + p * channels + v, channels);
        }
      }
      for (Index i = 0; i < at_once; ++i)
        for (Index v = 0; v < channels; v += W)
          if constexpr (M == 2)
            winograd_weights<T, Backward>(taps + i * 9 * channels + v, channels, to + (s + i) * channels + v,
                                          block_point);
          else
            winograd_large_weights<T>(taps + i * 9 * channels + v, channels, to + (s + i) * channels + v,
                                      block_point);
    }
  }

  /// What the parts of a call share.
  struct Call {
    const T *start, *w;
    const std::byte* made; ///< transformed weights, or null: of w
    T* y;
    ConvFinish<T> finish;
    Layout layout;
  };
  static void multiply(const auto& x, const Call& call, Index batch, std::byte* space) {
    const Layout& l = call.layout;
    const Index all = batch * down, work = all * across * points * sources * targets;
    T* const shared = reinterpret_cast<T*>(space);
    const auto part = [&](Index chunk) {
      return space + l.shared + static_cast<std::size_t>(chunk) * l.part;
    };
    if constexpr (keeps) {
      parallel_for_chunks(ceil_div(all, rows), chunk_count(l.parts, work),
                          [&](Index first, Index last, Index chunk) {
                            std::byte* const mine = part(chunk);
                            T* const transformed = reinterpret_cast<T*>(mine + l.source);
                            for (Index p = first; p < last; ++p) {
                              const Index count = std::min(rows, all - p * rows);
                              transform::run(x, p * rows, count, transformed, l.source_point,
                                             reinterpret_cast<T*>(mine + l.lines));
                              for (Index b = 0; b < blocks; ++b)
                                panel_of(call, transformed, block_at(call.made, b), b, p * rows, count, mine);
                            }
                          });
    } else {
      for (Index begin = 0; begin < all; begin += group) {
        const Index count = std::min(group, all - begin);
        parallel_for_chunks(
            count, chunk_count(std::min(l.parts, count), work), [&](Index first, Index last, Index chunk) {
              transform::run(x, begin + first, last - first, shared + first * across * transform::stride,
                             l.source_point, reinterpret_cast<T*>(part(chunk) + l.lines));
            });
        parallel_for_chunks(blocks, chunk_count(l.parts, work), [&](Index first, Index last, Index chunk) {
          std::byte* const mine = part(chunk);
          for (Index b = first; b < last; ++b) {
            const T* block = block_at(call.made, b);
            if (!call.made) {
              T* const own = reinterpret_cast<T*>(mine + l.source);
              prepare_block(call.w, b, own);
              block = own;
            }
            for (Index r = 0; r < count; r += rows)
              panel_of(call, shared + r * across * transform::stride, block, b, begin + r,
                       std::min(rows, count - r), mine);
          }
        });
      }
    }
  }

  /// The channels of block b of `count` rows of tiles from `first` on.
  static void panel_of(const Call& call, const T* transformed, const T* block, Index b, Index first,
                       Index count, std::byte* mine) {
    const Layout& l = call.layout;
    T *const products = reinterpret_cast<T*>(mine), *const pixels = reinterpret_cast<T*>(mine + l.lines);
    for (Index p = 0; p < points; ++p)
      winograd_product<T, MR, NV, transform::stride, products_tile>(transformed + p * l.source_point,
                                                                    block + p * block_point, sources,
                                                                    products + p * channels, count * across);
    for (Index r = 0; r < count; ++r)
      for (Index v = 0; v < NV; ++v) {
        const T* const from = products + r * across * products_tile + v * W;
        if (can_halve && call.finish.winners)
          put_halves<true>(call, from, first + r, b * channels + v * W, pixels);
        else if (can_halve && call.finish.halve_max)
          put_halves<false>(call, from, first + r, b * channels + v * W, pixels);
        else
          put_row(call, from, first + r, b * channels + v * W, pixels);
      }
  }

  /// W channels from c on of one row of tiles.
  STATOR_NOINLINE static void put_row(const Call& call, const T* products, Index row, Index c, T* pixels) {
    constexpr Index length = M * across * W;
    vec<T> bias;
    load(bias, call.start + c);
    for (Index t = 0; t < across; ++t) {
      const T* const tile = products + t * products_tile;
      const auto put = [&](Index r, Index k, const vec<T>& pixel) STATOR_INLINE_LAMBDA {
        const vec<T> v = pixel + bias;
        store(v, pixels + r * length + (M * t + k) * W);
      };
      if constexpr (M == 2)
        winograd_pixels<T>(tile, channels, put);
      else
        winograd_large_pixels<T>(tile, channels, put);
    }
    const T* const summand = call.finish.summand;
    const Index n = row / down, top = M * (row % down), at = (n * targets + c) * height * width + top * width;
    for (Index r = 0; r < M && top + r < height; ++r)
      lanes_to_planes<T, W, width, height * width>(pixels + r * length, call.y + at + r * width,
                                                   summand ? summand + at + r * width : nullptr, call.finish);
  }
  /// The maximum of each tile: y [batch, targets, down, across]; and which pixel it is.
  template<bool Tell>
  STATOR_NOINLINE static void put_halves(const Call& call, const T* products, Index row, Index c, T* pixels) {
    using Winners = ConvWinners<T, W, targets, down, across>;
    using Bits = typename Winners::bits;
    vec<T> bias;
    load(bias, call.start + c);
    T* word = Tell ? call.finish.winners + Winners::at(row / down, c, row % down) : nullptr;
    Bits bits{};
    for (Index t = 0; t < across; ++t) {
      vec<T> largest;
      Bits won = Bits{} + 1;
      winograd_pixels<T>(products + t * products_tile, channels,
                         [&](Index r, Index k, const vec<T>& pixel) STATOR_INLINE_LAMBDA {
                           const vec<T> v = pixel + bias;
                           if (r + k == 0) {
                             largest = v;
                             return;
                           }
                           if constexpr (Tell) {
                             won = v > largest ? Bits{} + (1 << (2 * r + k)) : won;
                             won = v != v ? Bits{} + (1 << (2 * r + k)) : won;
                           }
                           keep_larger(largest, v);
                         });
      if constexpr (Tell) {
        won = largest <= vec<T>{} ? Bits{} : won;
        bits |= won << static_cast<int>(4 * (t % 8));
        if (t % 8 == 7 || t + 1 == across) {
          store(bits, word);
          bits = Bits{};
          word += W;
        }
      }
      store(largest, pixels + t * W);
    }
    lanes_to_planes<T, W, across, down * across>(
        pixels, call.y + ((row / down * targets + c) * down + row % down) * across, nullptr, call.finish);
  }
};

} // namespace stator::kernel::detail
