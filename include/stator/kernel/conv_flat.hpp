// SPDX-License-Identifier: BSL-1.0
// Convolutions of stride one with vectors along the pixels instead of the channels: for few channels in a
// group. All pixels of the padded source are run through as one line, so that each tap is a shift; what falls
// between two rows of the target is computed and dropped.
#pragma once

#include "stator/kernel/conv_tile.hpp"

#include <array>

namespace stator::kernel {

/// Channels and vectors of pixels of a register tile, for a group of `channels` and a line of `length`
/// pixels.
template<class T>
struct FlatTile {
  Index channels, vectors; ///< of the tile

  constexpr FlatTile(Index group, Index length) {
    constexpr bool many = vector_registers >= 32;
    channels = group == 1 ? 1 : group <= 4 || !many ? 4 : 8;
    vectors = channels == 1 ? 8 : channels == 4 ? (many ? 6 : 2) : 3;
    vectors = std::max<Index>(std::min(vectors, length / native_width<T>), 1);
  }
};

/// out[i][j] = start[i] + Σ_p a[p * MR + i] · x[step[p] + j] for MR channels i and NV vectors of pixels j.
template<class T, Index MR, Index NV>
[[gnu::noinline]] void conv_line(const T* x, const Offset* step, Index k, const T* a, const T* start,
                                 T* out) {
  using V = vec<T>;
  constexpr Index W = native_width<T>;
  V sum[MR][NV];
  STATOR_UNROLL
  for (Index i = 0; i < MR; ++i) {
    STATOR_UNROLL
    for (Index v = 0; v < NV; ++v) sum[i][v] = start[i] - V{};
  }
  STATOR_UNROLL_BY_4
  for (Index p = 0; p < k; ++p, a += MR) {
    const T* line = x + step[p];
    V pixels[NV];
    STATOR_UNROLL
    for (Index v = 0; v < NV; ++v) load(pixels[v], line + v * W);
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i) {
      const V weight = a[i] - V{};
      STATOR_UNROLL
      for (Index v = 0; v < NV; ++v) sum[i][v] += weight * pixels[v];
    }
  }
  STATOR_UNROLL
  for (Index i = 0; i < MR; ++i) {
    STATOR_UNROLL
    for (Index v = 0; v < NV; ++v) store(sum[i][v], out + (i * NV + v) * W);
  }
}

/// Copies n elements. Up to a vector more is written, but nothing from `limit` on.
template<class T>
[[gnu::always_inline]] inline void copy_over(const T* from, Index n, T* to, const T* limit) {
  constexpr Index W = native_width<T>;
  if (limit - to >= n + W - 1) {
    for (Index i = 0; i < n; i += W) {
      vec<T> v;
      load(v, from + i);
      store(v, to + i);
    }
  } else {
    for (Index i = 0; i < n; ++i) to[i] = from[i];
  }
}

/// Pixels [first, last) of the line of a padded plane, for `channels` channels: tiles of `conv_line`, and
/// what belongs to rows of the target written to y.
template<class T, Index MR, Index NV, auto Padded, auto Target>
[[gnu::noinline]] void conv_flat(const T* x, Index first, Index last, Index length, const Offset* step,
                                 Index k, const T* a, const T* start, T* y, Index plane, Index channels) {
  constexpr std::size_t D = Padded.size();
  constexpr Index W = native_width<T>, tile = NV * W, wide = Padded[D - 1], width = Target[D - 1];
  // copy_over reads a vector beyond what it needs
  alignas(64) T buffer[MR * tile + W];
  std::fill_n(buffer + MR * tile, W, T{});
  // The row of the target for a row of the padded plane; `next` where the following one begins.
  const auto row_of = [](Index row, bool& inside) {
    Index at = 0, scale = 1;
    inside = true;
    for (std::size_t d = D - 1; d-- > 0;) {
      const Index i = row % Padded[d];
      inside = inside && i < Target[d];
      at += i * scale;
      scale *= Target[d];
      row /= Padded[d];
    }
    return at;
  };
  // Where writing ends: the first element of y that belongs to pixels from `last` on.
  Index end = plane;
  if (last < length) {
    bool inside = false;
    Index row = last / wide;
    Index column = std::min(last % wide, width);
    Index at = row_of(row, inside);
    while (!inside) at = row_of(++row, inside), column = 0;
    end = at * width + column;
  }
  for (Index f = first; f < last; f += tile) {
    const Index from = std::min(f, length - tile);
    conv_line<T, MR, NV>(x + from, step, k, a, start, buffer);
    const Index stop = std::min(from + tile, last);
    for (Index at = f; at < stop;) {
      const Index row = at / wide, column = at % wide, next = std::min((row + 1) * wide, stop);
      bool inside = false;
      const Index target_row = row_of(row, inside);
      const Index count = std::min(next - at, width - column);
      if (inside && count > 0) {
        for (Index i = 0; i < channels; ++i)
          copy_over(buffer + i * tile + (at - from), count, y + i * plane + target_row * width + column,
                    y + i * plane + end);
      }
      at = next;
    }
  }
}

} // namespace stator::kernel
