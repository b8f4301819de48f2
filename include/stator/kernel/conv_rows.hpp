// SPDX-License-Identifier: BSL-1.0
// Convolutions of so few channels that one vector holds those of a pixel: tiles of neighbouring pixels in a
// row. A pixel of the source is loaded once for all taps of a row of the kernel, where tiles of any pixels,
// which kernel/conv_tile.hpp has, load it once for each.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_tile.hpp"

namespace stator::kernel::detail {

/// Pixels of such a tile for rows of `width` and kernels of `taps` along them: as many as leave little to do
/// twice. 0 where that is too few for additions not to wait for one another.
constexpr Index row_tile(Index width, Index taps) {
  Index best = 0, least = 0;
  for (Index r = 8; r <= std::min<Index>({vector_registers - taps - 2, width, 16}); ++r)
    if (const Index all = round_up(width, r); best == 0 || all <= least) best = r, least = all;
  return best;
}

/// y[channel * plane + q] = start[channel] + Σ_p x[from[q] + step[p]] · b[p][channel] for pixels q < rows *
/// width and channel < channels (at most W). Steps come in runs of KW, each a pixel further, and so do the
/// pixels of a row.
template<class T, Index W, Index R, Index KW>
STATOR_NOINLINE void conv_row_tiles(const T* x, const Offset* from, Index rows, Index width,
                                    const Offset* step, Index k, const T* b, const T* start, T* y,
                                    Index plane, Index channels) {
  using V = vec<T, W>;
  for (Index r = 0; r < rows; ++r)
    for (Index j = 0; j < width; j += R) {
      const Index q = r * width + std::min(j, width - R); // the last tile overlaps the one before
      const T* const pixels = x + from[q];
      V sum[R][1];
      STATOR_UNROLL
      for (Index i = 0; i < R; ++i) load(sum[i][0], start);
      const T* weights = b;
      for (Index p = 0; p < k; p += KW, weights += KW * W) {
        const T* const at = pixels + step[p];
        V tap[KW];
        STATOR_UNROLL
        for (Index t = 0; t < KW; ++t) load(tap[t], weights + t * W);
        STATOR_UNROLL
        for (Index i = 0; i < R + KW - 1; ++i) {
          const V pixel = at[i] - V{};
          STATOR_UNROLL
          for (Index t = 0; t < KW; ++t)
            if (i - t >= 0 && i - t < R) sum[i - t][0] += pixel * tap[t];
        }
      }
      if (channels == W) {
        store_pixels<T, W, R, 1>(sum, y + q, plane);
      } else {
        alignas(64) T buffer[R][W];
        STATOR_UNROLL
        for (Index i = 0; i < R; ++i) store(sum[i][0], buffer[i]);
        for (Index c = 0; c < channels; ++c)
          for (Index i = 0; i < R; ++i) y[c * plane + q + i] = buffer[i][c];
      }
    }
}

} // namespace stator::kernel::detail
