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

/// C[m, n] = bias + A[m, k]·B[n, k]ᵀ. `Rows` rows of A at once are the columns of panels, zero where there
/// are none left; n is not less than the rows of a tile.
template<class T, Index Rows>
struct TurnedProduct {
  static constexpr Index W = native_width<T>;
  static constexpr Columns<T> columns{Rows};
  static constexpr Index NV = columns.vectors, panel = NV * W, width = round_up(Rows, W),
                         high = tile_rows(NV), block = packed_rows / high * high;
  /// Bytes for the copied rows.
  static constexpr std::size_t packed_bytes(Index m, Index k) {
    return align_up(static_cast<std::size_t>(ceil_div(m == dynamic ? fresh_rows : m, Rows) * width * k) *
                    sizeof(T));
  }

  const T *a, *b, *bias;
  T* c;
  Index m, n, k;
  T* packed;

  STATOR_NOINLINE void run() const {
    // Whole tiles, and one block for the columns that are left.
    const Index whole = n / high * high, blocks = ceil_div(whole, block) + (n > whole ? 1 : 0),
                groups = ceil_div(m, Rows), panels = groups * columns.panels;
    const Index chunks = chunk_count(blocks, m * n * k);
    parallel_for_chunks(panels, std::min(chunks, panels), [&](Index first, Index last, Index) {
      for (Index at = first; at < last; ++at) {
        const Index group = at / columns.panels, column = at % columns.panels * panel,
                    row = group * Rows + column;
        pack_columns<T, W>(a + std::min(row, m) * k, k,
                           std::clamp<Index>(std::min(Rows - column, m - row), 0, panel), k,
                           std::min(panel, width - column), packed + (group * width + column) * k);
      }
    });
    parallel_for_chunks(blocks, chunks, [&](Index first, Index last, Index) {
      for (Index i = first; i < last; ++i)
        for (Index group = 0; group < groups; ++group)
          multiply(group, std::min(i * block, whole),
                   i * block < whole ? std::min((i + 1) * block, whole) : n);
    });
  }

private:
  /// Columns [first, last) of a group of rows of C.
  void multiply(Index group, Index first, Index last) const {
    const T* const panels = packed + group * width * k;
    alignas(alignment) T turned[static_cast<std::size_t>(block * width)];
    // A tile that is not whole begins among the columns that others make.
    const Index count = round_up(last - first, high), begin = last - count;
    if (bias)
      for (Index i = 0; i < count; ++i) std::fill_n(turned + i * width, width, bias[begin + i]);
    const Index depth = depth_of<T>(k);
    for (Index d = 0; d < k; d += depth) {
      const Index steps = std::min(depth, k - d);
      const auto tiles = [&]<Index V>(Index p) {
        tile_call<T, W, high, V, dynamic, 1, V * W>(
            b + begin * k + d, k, 1, panels + p * panel * k + d * V * W, V * W, steps, nullptr, bias || d > 0,
            turned + p * panel, width, V * W, count / high);
      };
      for (Index p = 0; p + 1 < columns.panels; ++p) tiles.template operator()<NV>(p);
      tiles.template operator()<columns.last>(columns.panels - 1);
    }
    transpose(turned + (first - begin) * width, width, last - first, std::min(Rows, m - group * Rows),
              c + group * Rows * n + first, n);
  }
};

} // namespace stator::kernel::detail
