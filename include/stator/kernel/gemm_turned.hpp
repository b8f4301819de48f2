// SPDX-License-Identifier: BSL-1.0
// Few rows times the transpose of a large matrix, computed as the transpose of the product: what is copied is
// the few rows, and the large matrix is read once, as it lies.
#pragma once

#include "stator/core/bytes.hpp"
#include "stator/core/compiler.hpp"
#include "stator/kernel/gemm_blocks.hpp"
#include "stator/kernel/pack.hpp"
#include "stator/kernel/parallel.hpp"
#include "stator/kernel/tile.hpp"
#include "stator/kernel/transpose.hpp"

namespace stator::kernel::detail {

/// Rows of B that a tile of `vectors` vectors takes at once; where rows are `Apart` so that they displace one
/// another in the caches, no more than eight.
template<Index Vectors, bool Apart>
inline constexpr Index turned_rows = vector_registers < 32 ? (Vectors == 1 ? 8 : 6)
                                     : Vectors == 1        ? (Apart ? 8 : 16)
                                     : Vectors <= 3        ? 8
                                                           : 6;

/// C[m, n] = bias + A[m, k]·B[n, k]ᵀ. Rows of A are the columns of panels of NV vectors, zero where there are
/// none left; the last panel has `Last` vectors, or where that is 0 as many as it needs. n is not less than
/// the rows of a tile.
template<class T, Index NV, Index Last, bool Apart>
struct TurnedProduct {
  static constexpr Index W = native_width<T>, panel = NV * W, block = packed_rows;
  /// Bytes for the copied rows.
  static constexpr std::size_t packed_bytes(Index m, Index k) {
    return align_up(static_cast<std::size_t>(round_up(m == dynamic ? fresh_rows : m, W) * k) * sizeof(T));
  }

  const T *a, *b, *bias;
  T* c;
  Index m, n, k;
  T* packed;

  STATOR_NOINLINE void run() const {
    const Index blocks = ceil_div(n, block), panels = ceil_div(m, panel),
                chunks = chunk_count(blocks, m * n * k);
    parallel_for_chunks(panels, std::min(chunks, panels), [&](Index first, Index last, Index) {
      for (Index p = first; p < last; ++p) {
        const Index rows = std::min(panel, m - p * panel);
        pack_columns<T, W>(a + p * panel * k, k, rows, k, round_up(rows, W), packed + p * panel * k);
      }
    });
    parallel_for_chunks(blocks, chunks, [&](Index first, Index last, Index) {
      for (Index i = first; i < last; ++i)
        for (Index p = 0; p < panels; ++p) columns<NV>(p, i * block, std::min((i + 1) * block, n));
    });
  }

private:
  /// Columns [first, last) of the rows of a panel, if it has `Vectors` vectors.
  template<Index Vectors>
  void columns(Index p, Index first, Index last) const {
    if constexpr (Vectors > 1) {
      constexpr Index fewer = Vectors == NV && Last > 0 ? Last : Vectors - 1;
      if (m - p * panel <= (Vectors - 1) * W) return columns<fewer>(p, first, last);
    }
    // Whole tiles; one of which not all is left begins among the columns that others make.
    constexpr Index high = turned_rows<Vectors, Apart>;
    const Index whole = first + (last - first) / high * high;
    if (first < whole) multiply<Vectors, high>(p, first, first, whole);
    if (whole == last) return;
    if constexpr (high == 6) // the widest tiles: one of three rows loses less
      if (last - whole <= 3) return multiply<Vectors, 3>(p, last - 3, whole, last);
    multiply<Vectors, high>(p, last - high, whole, last);
  }

  /// Columns [begin, last), of which those from `first` on are wanted, in tiles of `high`.
  template<Index Vectors, Index high>
  void multiply(Index p, Index begin, Index first, Index last) const {
    constexpr Index width = Vectors * W;
    alignas(alignment) T turned[static_cast<std::size_t>(block * width)];
    const Index count = last - begin, depth = long_depth_of<T>(k);
    if (bias)
      for (Index i = 0; i < count; ++i) std::fill_n(turned + i * width, width, bias[begin + i]);
    for (Index d = 0; d < k; d += depth)
      tile_call<T, W, high, Vectors, dynamic, 1, width>(
          b + begin * k + d, k, 1, packed + p * panel * k + d * width, width, std::min(depth, k - d), nullptr,
          bias || d > 0, turned, width, width, count / high);
    transpose(turned + (first - begin) * width, width, last - first, std::min(width, m - p * panel),
              c + p * panel * n + first, n);
  }
};

} // namespace stator::kernel::detail
