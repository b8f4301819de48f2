// SPDX-License-Identifier: BSL-1.0
// The inner loop of matrix products: `tile` keeps a block of C in registers and broadcasts elements of A over
// vectors of B. The other one is in kernel/dots.hpp.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/shuffle.hpp"
#include "stator/kernel/simd.hpp"

#include <algorithm>

namespace stator::kernel {

/// Rows of a register tile that is `nv` vectors wide: as many accumulators as registers allow.
constexpr Index tile_rows(Index nv) {
  if (vector_registers >= 32) return nv == 1 ? 14 : nv == 2 ? 12 : nv == 3 ? 8 : 6;
  return nv == 1 ? 8 : nv == 2 ? 6 : 4;
}
/// Vectors of a row of a register tile, at most.
inline constexpr Index max_tile_vectors = vector_registers >= 32 ? 4 : 2;

/// In the place of the distance between rows of A: A was copied in strips as high as a tile.
inline constexpr Index in_strips = -2;

/// Where the last vector of a tile lies that has fewer columns than its vectors: behind the others, or so
/// that it ends with the columns and shares some with the one before; in B it may have been packed behind
/// them.
enum class LastVector { behind, shared, shared_packed };

namespace detail {
/// The first `columns` columns of a tile that was too wide for C.
template<class T, Index W>
STATOR_NOINLINE void store_columns(const T* from, Index width, const T* bias, bool add, T* c, Index ci,
                                   Index rows, Index columns) {
  const Index whole = columns / W * W;
  for (Index i = 0; i < rows; ++i, from += width, c += ci) {
    const T* start = add ? c : bias;
    for (Index j = 0; j < whole; j += W) {
      vec<T, W> out, before{};
      load(out, from + j);
      if (start) load(before, start + j);
      out += before;
      store(out, c + j);
    }
    for (Index j = whole; j < columns; ++j) c[j] = (start ? start[j] : T{}) + from[j];
  }
}
} // namespace detail

/// C[MR, NV*W] = (C | bias) + A·B over `k` steps. Strides that are not `dynamic` are constants. Only
/// `columns` columns of `rows` rows are stored; A and B must be readable in full. With `Copies` the rows of B
/// are written to `copy`, one after the other.
template<class T, Index W, Index MR, Index NV, Index AI, Index AK, Index BK,
         LastVector Last = LastVector::behind, bool Copies = false>
STATOR_ALWAYS_INLINE inline void tile(const T* a, Index ai, Index ak, const T* b, Index bk, Index k,
                                      const T* bias, bool add, T* c, Index ci, Index columns, Index rows = MR,
                                      [[maybe_unused]] T* copy = nullptr) {
  using V = vec<T, W>;
  if constexpr (AI != dynamic) ai = AI == in_strips ? 1 : AI;
  if constexpr (AK != dynamic) ak = AK;
  if constexpr (BK != dynamic) bk = BK;
  V sum[MR][NV];
  STATOR_UNROLL
  for (Index i = 0; i < MR; ++i) {
    STATOR_UNROLL
    for (Index v = 0; v < NV; ++v) sum[i][v] = V{};
  }
  constexpr bool shared = Last != LastVector::behind;
  const Index last = shared ? columns - W : (NV - 1) * W,
              last_b = Last == LastVector::shared ? last : (NV - 1) * W;
  // Every third row has a pointer, of which addresses reach two rows more: registers for all there are not.
  constexpr Index thirds = AI == dynamic ? ceil_div(MR, 3) : 1;
  const T* third[thirds];
  for (Index i = 0; i < thirds; ++i) third[i] = a + 3 * i * ai;
  STATOR_UNROLL_BY_4
  for (Index p = 0; p < k; ++p, b += bk) {
    // Strips may be weights that come from far away: a page ahead, where the machine stops to look for them.
    if constexpr (AI == in_strips) STATOR_PREFETCH(third[0] + 4096 / static_cast<Index>(sizeof(T)));
    V row[NV];
    STATOR_UNROLL
    for (Index v = 0; v < NV; ++v) {
      load(row[v], b + (v + 1 < NV ? v * W : last_b));
      if constexpr (Copies) {
        STATOR_PREFETCH(b + 16 * bk + v * W);
        store(row[v], copy + (p * NV + v) * W);
      }
    }
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i) {
      const V x = (AI == dynamic ? third[i / 3][i % 3 * ai] : third[0][i * ai]) - V{};
      STATOR_UNROLL
      for (Index v = 0; v < NV; ++v) sum[i][v] += x * row[v];
    }
    for (Index i = 0; i < thirds; ++i) third[i] += ak;
  }
  if ((shared || columns == NV * W) && rows == MR) {
    V start[NV];
    STATOR_UNROLL
    for (Index v = 0; v < NV; ++v) {
      start[v] = V{};
      if (bias) load(start[v], bias + (v + 1 < NV ? v * W : last));
    }
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i, c += ci) {
      if (add) { // all before any is stored: they may share columns
        STATOR_UNROLL
        for (Index v = 0; v < NV; ++v) load(start[v], c + (v + 1 < NV ? v * W : last));
      }
      STATOR_UNROLL
      for (Index v = 0; v < NV; ++v) {
        if (add || bias) sum[i][v] += start[v]; // compilers do not take 0 + x for x
        store(sum[i][v], c + (v + 1 < NV ? v * W : last));
      }
    }
  } else {
    alignas(64) T buffer[MR * NV * W];
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i) {
      STATOR_UNROLL
      for (Index v = 0; v < NV; ++v) store(sum[i][v], buffer + (i * NV + v) * W);
    }
    detail::store_columns<T, W>(buffer, NV * W, bias, add, c, ci, rows, columns);
  }
}

namespace detail {
/// One tile as a function, for all products that share its strides.
template<class T, Index W, Index MR, Index NV, Index AI, Index AK, Index BK,
         LastVector Last = LastVector::behind>
STATOR_NOINLINE void tile_call(const T* a, Index ai, Index ak, const T* b, Index bk, Index k, const T* bias,
                               bool add, T* c, Index ci, Index columns, Index tiles) {
  const Index next = AI == in_strips ? AK * k : MR * (AI != dynamic ? AI : ai);
  for (Index i = 0; i < tiles; ++i, a += next, c += MR * ci)
    tile<T, W, MR, NV, AI, AK, BK, Last>(a, ai, ak, b, bk, k, bias, add, c, ci, columns);
}

/// One tile that copies the panel of B, rows of which are `bk` apart, for those that come after it: while it
/// multiplies that costs nothing.
template<class T, Index W, Index MR, Index NV>
STATOR_NOINLINE void copying_tile(const T* a, Index ai, Index ak, const T* b, Index bk, Index k,
                                  const T* bias, bool add, T* c, Index ci, T* copy) {
  tile<T, W, MR, NV, dynamic, dynamic, dynamic, LastVector::behind, true>(a, ai, ak, b, bk, k, bias, add, c,
                                                                          ci, NV * W, MR, copy);
}
} // namespace detail

/// `count` rows of C in tiles of MR, then of 4, of 2 and a single one.
template<class T, Index W, Index MR, Index NV, Index AI, Index AK, Index BK,
         LastVector Last = LastVector::behind>
STATOR_ALWAYS_INLINE inline void tile_rows_of(const T* a, Index ai, Index ak, const T* b, Index bk, Index k,
                                              const T* bias, bool add, T* c, Index ci, Index columns,
                                              Index count) {
  const Index done = count / MR * MR;
  if (done > 0)
    detail::tile_call<T, W, MR, NV, AI, AK, BK, Last>(a, ai, ak, b, bk, k, bias, add, c, ci, columns,
                                                      count / MR);
  if constexpr (MR > 1) {
    constexpr Index low = MR > 4 ? 4 : MR > 2 ? 2 : 1;
    constexpr Index rest = AI == in_strips ? 1 : AI; // what is left lies in the last strip
    if (done < count)
      tile_rows_of<T, W, low, NV, rest, AK, BK, Last>(
          a + (AI == in_strips ? done / MR * AK * k : done * (AI != dynamic ? AI : ai)), ai, ak, b, bk, k,
          bias, add, c + done * ci, ci, columns, count - done);
  }
}

} // namespace stator::kernel
