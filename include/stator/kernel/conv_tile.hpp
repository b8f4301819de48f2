// SPDX-License-Identifier: BSL-1.0
// The inner loops of convolutions: matrix products whose A is read in place, A(i, p) = x[row[i] + step[p]],
// so that no column matrix is ever built. Both offsets come from small tables, and all convolutions share the
// code.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/shuffle.hpp"
#include "stator/kernel/simd.hpp"

#include <algorithm>

namespace stator::kernel {

/// Offsets of elements within a sample.
using Offset = std::int32_t;

/// Pixels of a register tile, and the most vectors of channels.
inline constexpr Index conv_rows = vector_registers >= 32 ? 8 : 6;
/// Vectors of channels in a register tile, at most.
inline constexpr Index conv_vectors = vector_registers >= 32 ? 3 : 2;

/// How `n` channels are divided into panels of vectors; the last panel may be narrower.
template<class T>
struct ConvPanels {
  /// Channels of a vector; vectors of a panel; panels; vectors of the last panel.
  Index width, vectors, panels, last;

  constexpr explicit ConvPanels(Index n) : width(width_for<T>(n)) {
    const Index all = ceil_div(n, width);
    vectors = all < conv_vectors ? all : all % conv_vectors != 0 && all % 2 == 0 ? 2 : conv_vectors;
    panels = ceil_div(all, vectors);
    last = all - (panels - 1) * vectors;
  }
  /// Channels of a whole panel.
  constexpr Index panel() const { return vectors * width; }
  /// Channels with those that only fill up the last vector.
  constexpr Index padded() const { return ((panels - 1) * vectors + last) * width; }
};

/// sum[i][v] += Σ_p x[row[i] + step[p]] · b[p * NV * W + v * W ...]
template<class T, Index W, Index MR, Index NV>
STATOR_ALWAYS_INLINE inline void indirect_product(const T* const (&rows)[MR], const Offset* step, Index k,
                                                  const T* b, vec<T, W> (&sum)[MR][NV]) {
  using V = vec<T, W>;
  STATOR_UNROLL_BY_4
  for (Index p = 0; p < k; ++p, b += NV * W) {
    const Index at = step[p];
    V line[NV];
    STATOR_UNROLL
    for (Index v = 0; v < NV; ++v) load(line[v], b + v * W);
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i) {
      const V x = rows[i][at] - V{};
      STATOR_UNROLL
      for (Index v = 0; v < NV; ++v) sum[i][v] += x * line[v];
    }
  }
}

/// Writes a tile to y[channel * plane + i].
template<class T, Index W, Index MR, Index NV>
STATOR_ALWAYS_INLINE inline void store_pixels(const vec<T, W> (&sum)[MR][NV], T* y, Index plane) {
  constexpr Index Q = quad<T>;
  STATOR_UNROLL
  for (Index v = 0; v < NV; ++v) {
    STATOR_UNROLL
    for (Index i = 0; i < MR; i += Q) {
      vec<T, W> r[Q];
      STATOR_UNROLL
      for (Index j = 0; j < Q; ++j) r[j] = sum[std::min(i + j, MR - 1)][v];
      transpose_quads<T, W>(r);
      STATOR_UNROLL
      for (Index j = 0; j < Q; ++j) {
        T* channel = y + (v * W + j) * plane + i;
        if constexpr (MR % Q == 0)
          store_quads<T, W>(r[j], channel, Q * plane);
        else if (i + Q <= MR)
          store_quads<T, W>(r[j], channel, Q * plane);
        else
          store_quads<T, W, MR % Q>(r[j], channel, Q * plane);
      }
    }
  }
}

/// y[channel * plane + q] = start[channel] + Σ_p x[from[q] + step[p]] · b[p][channel] for pixels q <
/// count and channel < channels (at most NV * W). A block of pixels goes through a block of steps before the
/// next, so that this part of b stays in the first-level cache; sums wait in between.
template<class T, Index W, Index NV>
STATOR_NOINLINE void conv_pixels(const T* x, const Offset* from, Index count, const Offset* step, Index k,
                                 const T* b, const T* start, T* y, Index plane, Index channels) {
  constexpr Index MR = conv_rows, size = MR * NV * W;
  constexpr Index most = vector_bytes * 512 / (NV * W * static_cast<Index>(sizeof(T)));
  constexpr Index block = 16 * MR;
  const Index depth = std::max<Index>(ceil_div(k, std::max<Index>(ceil_div(k, most), 1)), 1);
  alignas(64) T waiting[16 * size];
  for (Index top = 0; top < count; top += block) {
    const Index bottom = std::min(top + block, count);
    for (Index d = 0; d == 0 || d < k; d += depth) {
      T* buffer = waiting;
      const bool ends = d + depth >= k;
      for (Index q = top; q < bottom; q += MR, buffer += size) {
        const Index valid = std::min(MR, count - q);
        const T* rows[MR];
        STATOR_UNROLL
        for (Index i = 0; i < MR; ++i) rows[i] = x + from[q + std::min(i, valid - 1)];
        vec<T, W> sum[MR][NV];
        const T* before = d == 0 ? start : buffer;
        const Index next = d == 0 ? 0 : NV * W;
        STATOR_UNROLL
        for (Index i = 0; i < MR; ++i) {
          STATOR_UNROLL
          for (Index v = 0; v < NV; ++v) load(sum[i][v], before + i * next + v * W);
        }
        indirect_product<T, W, MR, NV>(rows, step + d, std::min(depth, k - d), b + d * NV * W, sum);
        if (ends && channels == NV * W && valid == MR) {
          store_pixels<T, W, MR, NV>(sum, y + q, plane);
          continue;
        }
        STATOR_UNROLL
        for (Index i = 0; i < MR; ++i) {
          STATOR_UNROLL
          for (Index v = 0; v < NV; ++v) store(sum[i][v], buffer + (i * NV + v) * W);
        }
        if (!ends) continue;
        for (Index i = 0; i < valid; ++i)
          for (Index c = 0; c < channels; ++c) y[c * plane + q + i] = buffer[i * NV * W + c];
      }
    }
  }
}

/// c[i * stride + channel] += Σ_q x[row[i] + step[q]] · b[q][channel] for rows i < count, or = without `add`.
template<class T, Index W, Index NV>
STATOR_NOINLINE void conv_add_rows(const T* x, const Offset* row, Index count, const Offset* step, Index k,
                                   const T* b, T* c, Index stride, bool add = true) {
  using V = vec<T, W>;
  const auto tile = [&]<Index MR>(Index i, Index valid) STATOR_INLINE_LAMBDA {
    const T* rows[MR];
    STATOR_UNROLL
    for (Index r = 0; r < MR; ++r) rows[r] = x + row[i + std::min(r, valid - 1)];
    V sum[MR][NV];
    STATOR_UNROLL
    for (Index r = 0; r < MR; ++r) {
      STATOR_UNROLL
      for (Index v = 0; v < NV; ++v) sum[r][v] = V{};
    }
    indirect_product<T, W, MR, NV>(rows, step, k, b, sum);
    T* out = c + i * stride;
    STATOR_UNROLL
    for (Index r = 0; r < MR; ++r, out += stride) {
      if (r >= valid) break;
      STATOR_UNROLL
      for (Index v = 0; v < NV; ++v) {
        V total = sum[r][v];
        if (add) {
          V old;
          load(old, out + v * W);
          total += old;
        }
        store(total, out + v * W);
      }
    }
  };
  Index i = 0;
  for (; i + 4 < count; i += conv_rows)
    tile.template operator()<conv_rows>(i, std::min(conv_rows, count - i));
  for (; i + 1 < count; i += 4) tile.template operator()<4>(i, std::min<Index>(4, count - i));
  if (i < count) tile.template operator()<1>(i, 1);
}

} // namespace stator::kernel
