// SPDX-License-Identifier: BSL-1.0
// The products of Winograd's tiles with their weights, [tile, source channel] with [source channel, target
// channel]. Weights are read once for each panel of tiles, from far away where panels are few: they are asked
// for 16 KB ahead, without which machines wait at every page.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/vector.hpp"

namespace stator::kernel::detail {

/// `tiles` times MR rows of C [MR, NV * W] = A·B over k steps, from rows of A and C that are so far apart.
template<class T, Index MR, Index NV, Index RowsOfA, Index RowsOfC>
STATOR_NOINLINE void winograd_rows(const T* a, const T* b, Index k, T* c, Index tiles) {
  using V = vec<T>;
  constexpr Index W = native_width<T>, line = 64 / static_cast<Index>(sizeof(T));
  for (; tiles > 0; --tiles, a += MR * RowsOfA, c += MR * RowsOfC) {
    V sum[MR][NV];
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i) {
      STATOR_UNROLL
      for (Index v = 0; v < NV; ++v) sum[i][v] = V{};
    }
    const T* from = b;
    STATOR_UNROLL_BY_4
    for (Index p = 0; p < k; ++p, from += NV * W) {
      STATOR_UNROLL
      for (Index v = 0; v < NV * W; v += line) STATOR_PREFETCH(from + 256 * line + v);
      V weight[NV];
      STATOR_UNROLL
      for (Index v = 0; v < NV; ++v) load(weight[v], from + v * W);
      STATOR_UNROLL
      for (Index i = 0; i < MR; ++i) {
        const V x = a[i * RowsOfA + p] - V{};
        STATOR_UNROLL
        for (Index v = 0; v < NV; ++v) sum[i][v] += x * weight[v];
      }
    }
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i) {
      STATOR_UNROLL
      for (Index v = 0; v < NV; ++v) store(sum[i][v], c + i * RowsOfC + v * W);
    }
  }
}

/// The same for any number of rows.
template<class T, Index MR, Index NV, Index RowsOfA, Index RowsOfC>
void winograd_product(const T* a, const T* b, Index k, T* c, Index rows) {
  const Index done = rows / MR * MR;
  if (done > 0) winograd_rows<T, MR, NV, RowsOfA, RowsOfC>(a, b, k, c, rows / MR);
  if constexpr (MR > 1)
    if (done < rows)
      winograd_product<T,
                       (MR > 4   ? 4
                        : MR > 2 ? 2
                                 : 1),
                       NV, RowsOfA, RowsOfC>(a + done * RowsOfA, b, k, c + done * RowsOfC, rows - done);
}

} // namespace stator::kernel::detail
