// SPDX-License-Identifier: BSL-1.0
// The two inner loops of all matrix products: `tile` keeps a block of C in registers and broadcasts elements
// of A over vectors of B; `dots` takes inner products of contiguous rows, for few rows and B transposed,
// without packing.
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
/// Elements between the steps of such a strip of `rows` rows: whole vectors.
constexpr Index strip_width(Index rows) {
  return static_cast<Index>(std::bit_ceil(static_cast<std::size_t>(rows)));
}

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
/// `columns` columns are stored; B must be readable in full.
template<class T, Index W, Index MR, Index NV, Index AI, Index AK, Index BK>
STATOR_ALWAYS_INLINE inline void tile(const T* a, Index ai, Index ak, const T* b, Index bk, Index k,
                                      const T* bias, bool add, T* c, Index ci, Index columns) {
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
  STATOR_UNROLL_BY_4
  for (Index p = 0; p < k; ++p, a += ak, b += bk) {
    V row[NV];
    STATOR_UNROLL
    for (Index v = 0; v < NV; ++v) load(row[v], b + v * W);
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i) {
      const V x = a[i * ai] - V{};
      STATOR_UNROLL
      for (Index v = 0; v < NV; ++v) sum[i][v] += x * row[v];
    }
  }
  if (columns == NV * W) {
    V start[NV];
    STATOR_UNROLL
    for (Index v = 0; v < NV; ++v) {
      start[v] = V{};
      if (bias) load(start[v], bias + v * W);
    }
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i, c += ci) {
      STATOR_UNROLL
      for (Index v = 0; v < NV; ++v) {
        if (add) load(start[v], c + v * W);
        const V out = start[v] + sum[i][v];
        store(out, c + v * W);
      }
    }
  } else {
    alignas(64) T buffer[MR * NV * W];
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i) {
      STATOR_UNROLL
      for (Index v = 0; v < NV; ++v) store(sum[i][v], buffer + (i * NV + v) * W);
    }
    detail::store_columns<T, W>(buffer, NV * W, bias, add, c, ci, MR, columns);
  }
}

namespace detail {
/// One tile as a function, for all products that share its strides.
template<class T, Index W, Index MR, Index NV, Index AI, Index AK, Index BK>
STATOR_NOINLINE void tile_call(const T* a, Index ai, Index ak, const T* b, Index bk, Index k, const T* bias,
                               bool add, T* c, Index ci, Index columns, Index tiles) {
  const Index next = AI == in_strips ? AK * k : MR * (AI != dynamic ? AI : ai);
  for (Index i = 0; i < tiles; ++i, a += next, c += MR * ci)
    tile<T, W, MR, NV, AI, AK, BK>(a, ai, ak, b, bk, k, bias, add, c, ci, columns);
}
} // namespace detail

/// `count` rows of C in tiles of MR, then of 4, of 2 and a single one.
template<class T, Index W, Index MR, Index NV, Index AI, Index AK, Index BK>
STATOR_ALWAYS_INLINE inline void tile_rows_of(const T* a, Index ai, Index ak, const T* b, Index bk, Index k,
                                              const T* bias, bool add, T* c, Index ci, Index columns,
                                              Index count) {
  const Index done = count / MR * MR;
  if (done > 0)
    detail::tile_call<T, W, MR, NV, AI, AK, BK>(a, ai, ak, b, bk, k, bias, add, c, ci, columns, count / MR);
  if constexpr (MR > 1) {
    constexpr Index low = MR > 4 ? 4 : MR > 2 ? 2 : 1;
    constexpr Index rest = AI == in_strips ? 1 : AI; // what is left lies in the last strip
    if (done < count)
      tile_rows_of<T, W, low, NV, rest, AK, BK>(
          a + (AI == in_strips ? done / MR * AK * k : done * (AI != dynamic ? AI : ai)), ai, ak, b, bk, k,
          bias, add, c + done * ci, ci, columns, count - done);
  }
}

/// Rows and columns that `dots` takes at once.
template<class T>
inline constexpr Index dots_rows = vector_registers >= 32 ? 4 : 2;

/// C[MR, NR] = (C | bias) + A·Bᵀ with rows of A and B contiguous, `k` elements long.
template<class T, Index W, Index MR, Index NR, Index K>
STATOR_ALWAYS_INLINE inline void dots(const T* a, Index ai, const T* b, Index bi, Index k, const T* bias,
                                      bool add, T* c, Index ci) {
  using V = vec<T, W>;
  if constexpr (K != dynamic) k = K;
  V sum[MR][NR];
  STATOR_UNROLL
  for (Index i = 0; i < MR; ++i) {
    STATOR_UNROLL
    for (Index j = 0; j < NR; ++j) sum[i][j] = V{};
  }
  const auto step = [&](Index p, auto keep) STATOR_INLINE_LAMBDA {
    V x[MR];
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i) {
      load(x[i], a + i * ai + p);
      keep(x[i]);
    }
    STATOR_UNROLL
    for (Index j = 0; j < NR; ++j) {
      V y;
      load(y, b + j * bi + p);
      keep(y);
      STATOR_UNROLL
      for (Index i = 0; i < MR; ++i) sum[i][j] += x[i] * y;
    }
  };
  Index p = 0;
  for (; p + W <= k; p += W) step(p, [](V&) STATOR_INLINE_LAMBDA {});
  if (K == dynamic || K % W != 0) {
    if (p < k && k >= W) {
      // The last W elements again, without those that are in already.
      using I = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
      using M = vec<I, W>;
      M lane;
      for (Index l = 0; l < W; ++l) lane[l] = static_cast<I>(l);
      const M mask = lane >= static_cast<I>(W - (k - p));
      step(k - W, [&](V& v) STATOR_INLINE_LAMBDA {
        M bits;
        STATOR_MEMCPY(&bits, &v, sizeof v);
        bits &= mask;
        STATOR_MEMCPY(&v, &bits, sizeof v);
      });
      p = k;
    }
  }
  STATOR_UNROLL
  for (Index i = 0; i < MR; ++i) {
    T* out = c + i * ci;
    if constexpr (NR % quad<T> == 0) {
      STATOR_UNROLL
      for (Index j = 0; j < NR; j += quad<T>) {
        V r[quad<T>];
        STATOR_UNROLL
        for (Index q = 0; q < quad<T>; ++q) r[q] = sum[i][j + q];
        transpose_quads<T, W>(r);
        V total = r[0];
        STATOR_UNROLL
        for (Index q = 1; q < quad<T>; ++q) total += r[q];
        vec<T, quad<T>> few, start{};
        fold<T, W>(total, few);
        if (add)
          load(start, out + j);
        else if (bias)
          load(start, bias + j);
        few += start;
        store(few, out + j);
      }
    } else if constexpr (NR == 2 && quad<T> == 4) {
      V low, high;
      interleave<T, W, 0>(sum[i][0], sum[i][1], low);
      interleave<T, W, 1>(sum[i][0], sum[i][1], high);
      low += high;
      vec<T, 4> few;
      fold<T, W>(low, few);
      for (Index j = 0; j < 2; ++j) out[j] = (add ? out[j] : bias ? bias[j] : T{}) + (few[j] + few[j + 2]);
    } else {
      for (Index j = 0; j < NR; ++j)
        out[j] = (add ? out[j] : bias ? bias[j] : T{}) + horizontal_sum<T, W>(sum[i][j]);
    }
  }
  if (p < k) { // fewer elements than a vector
    for (Index i = 0; i < MR; ++i)
      for (Index j = 0; j < NR; ++j) {
        T s{};
        for (Index q = p; q < k; ++q) s += a[i * ai + q] * b[j * bi + q];
        c[i * ci + j] += s;
      }
  }
}

/// C[m, n] by `dots`; `Ragged` if n need not be a multiple of NR.
template<class T, Index W, Index MR, Index NR, Index K, bool Ragged>
STATOR_ALWAYS_INLINE inline void dots_block(const T* a, Index ai, const T* b, Index bi, Index k,
                                            const T* bias, bool add, T* c, Index ci, Index m, Index n) {
  Index i = 0;
  for (; i + MR <= m; i += MR) {
    const Index blocks = n / NR;
    for (Index j = 0; j < blocks * NR; j += NR)
      dots<T, W, MR, NR, K>(a + i * ai, ai, b + j * bi, bi, k, bias ? bias + j : nullptr, add, c + i * ci + j,
                            ci);
    if constexpr (Ragged) {
      for (Index j = blocks * NR; j < n; ++j)
        dots<T, W, MR, 1, K>(a + i * ai, ai, b + j * bi, bi, k, bias ? bias + j : nullptr, add,
                             c + i * ci + j, ci);
    }
  }
  if constexpr (MR > 1) {
    if (i < m)
      dots_block<T, W, 1, NR, K, Ragged>(a + i * ai, ai, b, bi, k, bias, add, c + i * ci, ci, m - i, n);
  }
}

} // namespace stator::kernel
