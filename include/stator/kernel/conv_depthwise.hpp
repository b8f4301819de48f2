// SPDX-License-Identifier: BSL-1.0
// Planes that are convolved each by itself, with vectors along the pixels: a row of the source, loaded once,
// goes to all rows of the target that see it.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_planes.hpp"

#include <algorithm>

namespace stator::kernel::detail {

/// Rows of the target at once, for kernels of so many taps: as many as leave little to do twice; 0 where the
/// taps leave too few registers.
constexpr Index plane_tile(Index height, Index taps) {
  Index best = 0, least = 0;
  for (Index r = 4; r <= std::min<Index>({vector_registers - taps - 3, height, 8}); ++r)
    if (const Index all = round_up(height, r); best == 0 || all <= least) best = r, least = all;
  return best;
}

/// y[height, width] = start + Σ w[k, l] · x[i + k, j + l], rows of x `row` elements apart. Rows and vectors
/// that are left over overlap those before; of a vector that is wider than the plane, the first `Valid` lanes
/// are pixels.
template<class T, Index W, Index R, Index KH, Index KW, Index Valid = W>
STATOR_NOINLINE void conv_plane(const T* x, Index row, const T* w, T start, T* y, Index height, Index width) {
  using V = vec<T, W>;
  V tap[KH][KW];
  STATOR_UNROLL
  for (Index k = 0; k < KH; ++k) {
    STATOR_UNROLL
    for (Index l = 0; l < KW; ++l) tap[k][l] = w[k * KW + l] - V{};
  }
  for (Index j = 0; j < width; j += W)
    for (Index i = 0; i < height; i += R) {
      const Index top = std::min(i, height - R), left = std::max<Index>(std::min(j, width - W), 0);
      const T* from = x + top * row + left;
      V sum[R];
      STATOR_UNROLL
      for (Index r = 0; r < R; ++r) sum[r] = start - V{};
      STATOR_UNROLL
      for (Index s = 0; s < R + KH - 1; ++s, from += row) {
        STATOR_UNROLL
        for (Index l = 0; l < KW; ++l) {
          V line;
          load_once(line, from + l);
          STATOR_UNROLL
          for (Index k = 0; k < KH; ++k)
            if (s - k >= 0 && s - k < R) sum[s - k] += tap[k][l] * line;
        }
      }
      STATOR_UNROLL
      for (Index r = 0; r < R; ++r) store_first<T, W, Valid>(sum[r], y + (top + r) * width + left);
    }
}

/// sums[k * KW + l][lane] += Σ x[i + k, j + l] · dy[i, j] over vectors j of rows i: of each row of x, loaded
/// once for every l, with the rows of dy that see it. Lanes of a last vector that the one before has had are
/// left out.
template<class T, Index W, Index KH, Index KW>
STATOR_NOINLINE void conv_plane_products(const T* x, Index row, const T* dy, Index height, Index width,
                                         T* sums) {
  using V = vec<T, W>;
  using Lane = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  vec<Lane, W> kept;
  for (Index l = 0; l < W; ++l) kept[l] = l >= round_up(width, W) - width ? Lane{-1} : Lane{};
  V sum[KH][KW];
  STATOR_UNROLL
  for (Index k = 0; k < KH; ++k) {
    STATOR_UNROLL
    for (Index l = 0; l < KW; ++l) sum[k][l] = V{};
  }
  for (Index j = 0; j < width; j += W) {
    const Index left = std::min(j, width - W);
    const bool overlaps = left < j;
    V g[KH];
    STATOR_UNROLL
    for (Index k = 0; k < KH; ++k) g[k] = V{};
    const T* from = x + left;
    for (Index i = 0; i < height + KH - 1; ++i, from += row) {
      STATOR_UNROLL
      for (Index k = KH - 1; k > 0; --k) g[k] = g[k - 1];
      g[0] = V{};
      if (i < height) {
        load(g[0], dy + i * width + left);
        if (overlaps) {
          vec<Lane, W> bits;
          STATOR_MEMCPY(&bits, &g[0], sizeof bits);
          bits &= kept;
          STATOR_MEMCPY(&g[0], &bits, sizeof bits);
        }
      }
      STATOR_UNROLL
      for (Index l = 0; l < KW; ++l) {
        V line;
        load_once(line, from + l);
        STATOR_UNROLL
        for (Index k = 0; k < KH; ++k) sum[k][l] += line * g[k];
      }
    }
  }
  STATOR_UNROLL
  for (Index k = 0; k < KH; ++k) {
    STATOR_UNROLL
    for (Index l = 0; l < KW; ++l) {
      V before;
      load(before, sums + (k * KW + l) * W);
      before += sum[k][l];
      store(before, sums + (k * KW + l) * W);
    }
  }
}

} // namespace stator::kernel::detail
