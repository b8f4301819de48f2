// SPDX-License-Identifier: BSL-1.0
// Convolutions of 3x3 and stride one by F(2x2, 3x3): 16 multiplications for four pixels instead of 36. A tile
// of 4x4 pixels of the input, a tile of the weights and one of the result are transformed by sums; between
// them lie 16 products of matrices [out, in] and [in, tiles]. The weights are transformed once, in `prepare`.
// Results differ from those of other kernels in rounding. Source: Lavin and Gray 2016.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_finish.hpp"
#include "stator/kernel/conv_planes.hpp"
#include "stator/kernel/parallel.hpp"
#include "stator/kernel/tile.hpp"

namespace stator::kernel::detail {

template<class T, auto G>
struct conv_winograd {
  static constexpr std::size_t D = G.axes;
  static constexpr Index W = native_width<T>, in = G.in_channels, out = G.out_channels;
  /// Products of a tile.
  static constexpr Index points = 16;

  static constexpr bool fits = D == 2 && vectorizable<T> && G.groups == 1 && G.kernel == filled<D>(3) &&
                               G.stride == filled<D>(1) && G.dilation == filled<D>(1);
  static constexpr Index height = fits ? G.output()[0] : 1, width = fits ? G.output()[D - 1] : 1;
  /// Tiles of a sample: down, across, all.
  static constexpr Index down = ceil_div(height, 2), across = ceil_div(width, 2), tiles = down * across;
  /// Vectors of tiles that are multiplied at once: as many as leave the fewest lanes empty.
  static constexpr Index NV = [] {
    Index best = 1;
    for (Index nv = 2; nv <= max_tile_vectors && nv <= 3 && (nv - 1) * W < tiles; ++nv)
      if (round_up(tiles, nv * W) <= round_up(tiles, best * W) || best == 1) best = nv;
    return best;
  }();
  static constexpr Index panel = NV * W, panels = ceil_div(tiles, panel);
  /// Whether this is faster than one product for each tap: enough channels for the sums to be few beside the
  /// products, lanes that are used, and not more weights than the pixels pay for.
  static constexpr bool wins = fits && in >= 16 && out >= 16 && tiles * 4 >= panels * panel * 3 &&
                               height * width * 4 >= down * across * 13 && tiles >= 16;

  static constexpr Index strip = tile_rows(NV), strips = ceil_div(out, strip);
  /// Weights in strips as high as a register tile, for each point.
  static constexpr std::size_t weight_bytes =
      align_up(static_cast<std::size_t>(points * strips * strip * in) * sizeof(T));
  static constexpr std::size_t prepared_bytes =
      weight_bytes + align_up(static_cast<std::size_t>(out) * sizeof(T));

  /// A padded plane: each row is its even pixels, then its odd ones, so that pixels of neighbouring tiles are
  /// neighbours. Vectors read beyond the last row.
  static constexpr Index half = across + 1, row = 2 * half, rows = 2 * down + 2, plane = rows * row;
  static constexpr std::size_t planes_bytes =
      align_up(static_cast<std::size_t>(in * plane + 2 * W) * sizeof(T));
  static constexpr std::size_t inputs_bytes =
      align_up(static_cast<std::size_t>(points * in * panel) * sizeof(T));
  static constexpr std::size_t outputs_bytes =
      align_up(static_cast<std::size_t>(points * out * panel) * sizeof(T));
  /// Into so many parts a sample is divided at most, each with memory for what it transforms.
  static constexpr Index parts = std::min<Index>(panels, 4);
  /// Of each sample: its planes, and what each part transforms.
  static constexpr std::size_t part_bytes = inputs_bytes + outputs_bytes;
  static constexpr std::size_t prepared_scratch = planes_bytes + static_cast<std::size_t>(parts) * part_bytes;

  /// w [out, in, 3, 3], bias [out] or null.
  static void prepare(const T* w, const T* bias, std::byte* prepared) {
    T* const to = reinterpret_cast<T*>(prepared);
    constexpr T g[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
    for (Index o = 0; o < strips * strip; ++o)
      for (Index c = 0; c < in; ++c)
        for (Index r = 0; r < 4; ++r)
          for (Index s = 0; s < 4; ++s) {
            T sum{};
            for (Index i = 0; i < 3 && o < out; ++i)
              for (Index k = 0; k < 3; ++k)
                sum += g[r][i] * g[s][k] * w[(o * in + c) * 9 + i * 3 + k]; // exact but for the additions
            to[(((r * 4 + s) * strips + o / strip) * in + c) * strip + o % strip] = sum;
          }
    T* const start = reinterpret_cast<T*>(prepared + weight_bytes);
    for (Index o = 0; o < out; ++o) start[o] = bias ? bias[o] : T{};
  }

  /// x [batch, in, ...], y [batch, out, ...].
  static void run_prepared(const T* x, const std::byte* prepared, T* y, Index batch, std::byte* space) {
    run_finished(x, prepared, y, batch, space, {});
  }
  /// Whether tiles are windows of two by two.
  static constexpr bool can_halve = height % 2 == 0 && width % 2 == 0;
  /// The same with what is to be done to the result.
  STATOR_NOINLINE static void run_finished(const T* x, const std::byte* prepared, T* y, Index batch,
                                           std::byte* space, const ConvFinish<T>& finish) {
    if (batch == 0) return;
    const T* const weights = reinterpret_cast<const T*>(prepared);
    const T* const bias = reinterpret_cast<const T*>(prepared + weight_bytes);
    const auto planes_of = [&](Index n) {
      return reinterpret_cast<T*>(space + static_cast<std::size_t>(n) * planes_bytes);
    };
    std::byte* const transformed = space + static_cast<std::size_t>(batch) * planes_bytes;
    const Index threads = chunk_count(batch * parts, batch * panels * panel * points * in * out);
    parallel_for_chunks(batch, std::min(threads, batch), [&](Index first, Index last, Index) {
      for (Index n = first; n < last; ++n) divide(x + n * in * G.input_plane(), planes_of(n));
    });
    parallel_for_chunks(batch * panels, threads, [&](Index first, Index last, Index chunk) {
      std::byte* const mine = transformed + static_cast<std::size_t>(chunk) * part_bytes;
      T *const inputs = reinterpret_cast<T*>(mine), *const outputs =
                                                        reinterpret_cast<T*>(mine + inputs_bytes);
      for (Index item = first; item < last; ++item) {
        const Index n = item / panels, from = item % panels * panel;
        transform_input(planes_of(n), from, inputs);
        for (Index p = 0; p < points; ++p)
          tile_rows_of<T, W, strip, NV, in_strips, strip, panel>(
              weights + p * strips * in * strip, 1, strip, inputs + p * in * panel, panel, in, nullptr, false,
              outputs + p * out * panel, panel, panel, out);
        if (can_halve && finish.halve_max)
          halve_output(outputs, bias, from, y + n * out * tiles, finish);
        else
          transform_output(outputs, bias, from, y + n * out * height * width,
                           finish.summand ? finish.summand + n * out * height * width : nullptr, finish);
      }
    });
  }

private:
  using V = vec<T>;

  /// The planes of a sample, padded, even and odd pixels of a row apart.
  static void divide(const T* x, T* to) {
    constexpr Index high = G.input[0], wide = G.input[D - 1];
    constexpr Index top = G.padding_begin[0], left = G.padding_begin[D - 1];
    constexpr Index used = std::min(wide, row - left), used_rows = std::min(high, rows - top);
    std::fill_n(to, in * plane, T{});
    for (Index c = 0; c < in; ++c)
      for (Index r = 0; r < used_rows; ++r) {
        const T* const from = x + (c * high + r) * wide;
        T* const line = to + c * plane + (r + top) * row;
        // Pixel i is pixel i + left of the row.
        T* const first = line + left % 2 * half + left / 2;
        T* const second = line + (left + 1) % 2 * half + (left + 1) / 2;
        deal_row(from, used, first, second);
      }
  }

  /// Tiles [first, first + panel) of all channels, to [points, in, panel].
  static void transform_input(const T* planes, Index first, T* to) {
    alignas(64) T buffer[points][panel + W];
    for (Index c = 0; c < in; ++c, planes += plane) {
      for (Index lane = 0; lane < panel;) {
        const Index t = std::min(first + lane, tiles - 1), tx = t % across;
        const Index count = std::min(across - tx, panel - lane);
        for (Index i = 0; i < count; i += W)
          transform_tiles(planes + t / across * 2 * row + tx + i,
                          [&](Index p, const V& v) STATOR_INLINE_LAMBDA { store(v, buffer[p] + lane + i); });
        lane += count;
      }
      for (Index p = 0; p < points; ++p) {
        STATOR_UNROLL
        for (Index v = 0; v < NV; ++v) {
          V lanes;
          load(lanes, buffer[p] + v * W);
          store(lanes, to + (p * in + c) * panel + v * W);
        }
      }
    }
  }
  /// B^T d B of W neighbouring tiles.
  STATOR_ALWAYS_INLINE static void transform_tiles(const T* at, auto&& put) {
    V column[4][4]; // [column of the tile][row]
    STATOR_UNROLL
    for (Index k = 0; k < 4; ++k) {
      const T* const from = at + k % 2 * half + k / 2;
      V d[4];
      STATOR_UNROLL
      for (Index r = 0; r < 4; ++r) load(d[r], from + r * row);
      column[k][0] = d[0] - d[2], column[k][1] = d[1] + d[2];
      column[k][2] = d[2] - d[1], column[k][3] = d[1] - d[3];
    }
    STATOR_UNROLL
    for (Index r = 0; r < 4; ++r) {
      put(r * 4, column[0][r] - column[2][r]);
      put(r * 4 + 1, column[1][r] + column[2][r]);
      put(r * 4 + 2, column[2][r] - column[1][r]);
      put(r * 4 + 3, column[1][r] - column[3][r]);
    }
  }

  /// Elements of a and b in turn: of their lower halves, or the upper ones.
  template<int Upper>
  STATOR_ALWAYS_INLINE static void alternate(const V& a, const V& b, T* to) {
    [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
      constexpr int size = static_cast<int>(W);
      const V both = __builtin_shufflevector(a, b, (I / 2 + Upper * (size / 2) + I % 2 * size)...);
      store(both, to);
    }(std::make_integer_sequence<int, static_cast<int>(W)>{});
  }

  /// A^T m A of the tiles from `first` on, plus the bias. Some channels wait for the others before they are
  /// copied to their rows: a load from the middle of what was just stored waits for longer.
  static void transform_output(const T* products, const T* bias, Index first, T* y, const T* summand,
                               const ConvFinish<T>& finish) {
    constexpr Index at_once = 4;
    alignas(64) T pixels[at_once][2][2 * panel]; // of two rows, those of a tile side by side
    for (Index o = 0; o < out; o += at_once) {
      const Index count = std::min(at_once, out - o);
      for (Index c = 0; c < count; ++c)
        transform_channel(products + (o + c) * panel, bias[o + c],
                          [&](Index v, const V(&even)[2], const V(&odd)[2]) STATOR_INLINE_LAMBDA {
                            STATOR_UNROLL
                            for (Index r = 0; r < 2; ++r) {
                              alternate<0>(even[r], odd[r], pixels[c][r] + 2 * v * W);
                              alternate<1>(even[r], odd[r], pixels[c][r] + (2 * v + 1) * W);
                            }
                          });
      for (Index c = 0; c < count; ++c) {
        const Index at = (o + c) * height * width;
        put_rows(pixels[c][0], pixels[c][1], first, y + at, summand ? summand + at : nullptr, finish);
      }
    }
  }
  /// The maximum of each tile: y [out, tiles].
  static void halve_output(const T* products, const T* bias, Index first, T* y, const ConvFinish<T>& finish) {
    const Index count = std::min(panel, tiles - first);
    for (Index o = 0; o < out; ++o, products += panel) {
      alignas(64) T rest[panel];
      T* const to = y + o * tiles + first;
      T* const target = count == panel ? to : rest;
      transform_channel(products, bias[o], [&](Index v, V(&even)[2], V(&odd)[2]) STATOR_INLINE_LAMBDA {
        keep_larger(even[0], even[1]);
        keep_larger(odd[0], odd[1]);
        keep_larger(even[0], odd[0]);
        finish.cut(even[0]);
        store(even[0], target + v * W);
      });
      if (count < panel) copy_row(rest, count, to);
    }
  }
  /// Calls `put(v, even, odd)` with the pixels of W tiles, two rows of them.
  STATOR_ALWAYS_INLINE static void transform_channel(const T* products, T bias, auto&& put) {
    STATOR_UNROLL
    for (Index v = 0; v < NV; ++v) {
      V s[2][4];
      STATOR_UNROLL
      for (Index k = 0; k < 4; ++k) {
        V m[4];
        STATOR_UNROLL
        for (Index r = 0; r < 4; ++r) load(m[r], products + (r * 4 + k) * out * panel + v * W);
        s[0][k] = m[0] + m[1] + m[2];
        s[1][k] = m[1] - m[2] - m[3];
      }
      const V start = bias - V{};
      V even[2], odd[2];
      STATOR_UNROLL
      for (Index r = 0; r < 2; ++r) {
        even[r] = s[r][0] + s[r][1] + s[r][2] + start;
        odd[r] = s[r][1] - s[r][2] - s[r][3] + start;
      }
      put(v, even, odd);
    }
  }
  /// The pixels of tiles from `first` on, two rows of them, to the rows of a plane.
  static void put_rows(const T* upper, const T* lower, Index first, T* target, const T* summand,
                       const ConvFinish<T>& finish) {
    const Index behind = std::min(first + panel, tiles);
    for (Index t = first; t < behind;) {
      const Index ty = t / across, tx = t % across, count = std::min(across - tx, behind - t);
      const Index n = std::min(2 * count, width - 2 * tx);
      const Index at = 2 * (ty * width + tx);
      finish_row(upper + 2 * (t - first), n, target + at, summand ? summand + at : nullptr, finish);
      if (2 * ty + 1 < height)
        finish_row(lower + 2 * (t - first), n, target + at + width, summand ? summand + at + width : nullptr,
                   finish);
      t += count;
    }
  }
};

} // namespace stator::kernel::detail
