// SPDX-License-Identifier: BSL-1.0
// Large matrix products: K in blocks, and of each block copies of both operands, so that what a tile reads
// lies in the caches in the order in which it is read. Extents are arguments, so that products of all shapes
// share the code.
#pragma once

#include "stator/core/bytes.hpp"
#include "stator/core/compiler.hpp"
#include "stator/kernel/gemm_blocks.hpp"
#include "stator/kernel/pack.hpp"
#include "stator/kernel/parallel.hpp"
#include "stator/kernel/tile.hpp"

namespace stator::kernel::detail {

/// `rows` rows of C, of which A was copied in strips of MR rows, times one panel of B; of the panel's columns
/// the first `columns` exist.
template<class T, Index W, Index MR, Index NV>
STATOR_NOINLINE void multiply_strips(const T* strips, const T* panel, Index k, const T* bias, bool add, T* c,
                                     Index n, Index rows, Index columns) {
  for (Index i = 0; i < rows; i += MR, strips += MR * k, c += MR * n) {
    const Index high = std::min(MR, rows - i);
    // C is far away by now, and asked for only after the last step.
    for (Index r = 0; r < high; ++r)
      for (Index j = 0; j < columns; j += 64 / static_cast<Index>(sizeof(T)))
        STATOR_PREFETCH(c + r * n + j, 1);
    tile<T, W, MR, NV, 1, MR, NV * W>(strips, 1, MR, panel, NV * W, k, bias, add, c, n, columns, high);
  }
}

/// C[m, n] = (C | bias) + op(A)·op(B), in panels of NV vectors, the last one of `Last`.
template<class T, Index NV, Index Last, bool TransA, bool TransB>
struct BlockedProduct {
  static constexpr Index W = native_width<T>, panel = NV * W, strip = tile_rows(NV),
                         most = packed_rows / strip * strip;
  /// Bytes of the panels of one block of K.
  static constexpr std::size_t packed_bytes(Index n, Index k) {
    const Index depth = k == dynamic ? depth_block<T> : depth_of<T>(k);
    return align_up(static_cast<std::size_t>(depth * round_up(n, W)) * sizeof(T));
  }

  const T *a, *b, *bias;
  T* c;
  bool accumulate;
  Index m, n, k;
  T* packed; ///< panels of one block of K; where B is null, those of all K, each in one piece

  STATOR_NOINLINE void run() const {
    const Index count = ceil_div(n, panel), blocks = ceil_div(m, strip), depth = depth_of<T>(k);
    const Index chunks = chunk_count(std::max(blocks, count), m * n * k);
    // Divide C so that the largest part is smallest; by panels if equal, for then each thread packs its own.
    if (chunks > 1 && ceil_div(count, chunks) * blocks > ceil_div(blocks, chunks) * count) {
      for (Index d = 0; d == 0 || d < k; d += depth) {
        const Index steps = std::min(depth, k - d);
        if (b)
          parallel_for_chunks(count, std::min(chunks, count), [&](Index first, Index last, Index) {
            for (Index p = first; p < last; ++p) pack(p, d, steps, packed + p * panel * depth);
          });
        parallel_for_chunks(blocks, std::min(chunks, blocks), [&](Index first, Index last, Index) {
          multiply(d, steps, first * strip, std::min(last * strip, m), 0, count, false);
        });
      }
    } else {
      parallel_for_chunks(count, std::min(chunks, count), [&](Index first, Index last, Index) {
        for (Index d = 0; d == 0 || d < k; d += depth)
          multiply(d, std::min(depth, k - d), 0, m, first, last, b != nullptr);
      });
    }
  }

private:
  void pack(Index p, Index d, Index steps, T* to) const {
    const Index j = p * panel, valid = std::min(panel, n - j), width = round_up(valid, W);
    pack_panel<TransB, W>(b, n, k, d, j, valid, steps, width, to);
  }

  /// Adds `steps` steps of K from d on to rows [top, bottom) of panels [left, right); with `packs` each panel
  /// is packed when it is first met.
  void multiply(Index d, Index steps, Index top, Index bottom, Index left, Index right, bool packs) const {
    alignas(alignment) T strips[static_cast<std::size_t>(most * depth_block<T> + W)];
    const bool add = accumulate || d > 0;
    for (Index i = top; i < bottom; i += most) {
      const Index high = std::min(most, bottom - i);
      if constexpr (TransA)
        pack_strips<strip, false>(a + d * m + i, m, high, m - i, steps, strips);
      else
        pack_strips<strip, true>(a + i * k + d, k, high, m - i, steps, strips);
      for (Index p = left; p < right; ++p) {
        const Index j = p * panel, columns = std::min(panel, n - j);
        // One that no other rows will meet is packed over the one before.
        const bool whole = NV == Last || p + 1 < ceil_div(n, panel);
        T* to = packed + (b ? (bottom - top <= most && packs ? left : p) * panel * depth_of<T>(k)
                            : j * k + d * (whole ? NV : Last) * W);
        const T* start = bias && !add ? bias + j : nullptr;
        T* out = c + i * n + j;
        Index done = 0; // rows
        if (packs && i == top) {
          if (!TransB && whole && columns == panel && high >= strip) done = strip;
          if (done == 0) pack(p, d, steps, to);
          if constexpr (!TransB)
            if (done > 0)
              copying_tile<T, W, strip, NV>(strips, 1, strip, b + d * n + j, n, steps, start, add, out, n,
                                            to);
        }
        if (whole)
          multiply_strips<T, W, strip, NV>(strips + done * steps, to, steps, start, add, out + done * n, n,
                                           high - done, columns);
        else
          multiply_strips<T, W, strip, Last>(strips, to, steps, start, add, out, n, high, columns);
      }
    }
  }
};

} // namespace stator::kernel::detail
