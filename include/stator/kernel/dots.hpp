// SPDX-License-Identifier: BSL-1.0
// Inner products of contiguous rows, for few rows and B transposed: C = A·Bᵀ, vectors along the rows. B is
// read as it lies, or was packed once into the order in which it is read.
#pragma once

#include "stator/core/bytes.hpp"
#include "stator/core/compiler.hpp"
#include "stator/kernel/half.hpp"
#include "stator/kernel/parallel.hpp"
#include "stator/kernel/shuffle.hpp"
#include "stator/kernel/simd.hpp"

#include <algorithm>

namespace stator::kernel {

/// Rows that `dots` takes at once, of four columns: with 16 registers three leave none over, and take a third
/// fewer loads than two. Without fused operations a product needs a register as well.
template<class T>
inline constexpr Index dots_rows = vector_registers >= 32 ? 4
                                   : vector_bytes >= 32   ? 3
                                                          : 2;

/// How B lies: row after row, or as `pack_dots` leaves it, each in the caches near the core or farther away;
/// `rows_second`: row after row in the second-level cache.
enum class DotsLayout { rows, rows_second, rows_far, packed, packed_far };
/// Whether `pack_dots` has left it.
constexpr bool is_packed(DotsLayout layout) { return layout >= DotsLayout::packed; }

/// How a B of so many bytes and K columns that is not packed is best read.
constexpr DotsLayout dots_layout(Index bytes, Index k) {
  if (bytes > Index{1} << 25) return DotsLayout::rows_far;
  return k <= 512 && bytes > 40 << 10 && bytes < 1 << 20 ? DotsLayout::rows_second : DotsLayout::rows;
}
/// The same of a packed one.
constexpr DotsLayout packed_dots_layout(Index bytes) {
  return bytes > 1 << 17 ? DotsLayout::packed_far : DotsLayout::packed;
}
/// How many of n columns so many rows are multiplied with at once: sixteen only where rows of B are short,
/// for the caches far away do not follow so many.
constexpr Index dots_columns(Index rows, Index n, Index k) {
  return rows > 1 ? 4 : vector_registers >= 32 && n % 16 == 0 && k <= 512 && n * k < 1 << 18 ? 16 : 8;
}

/// C[MR, NR] = (C | bias) + the sum of each vector. As many as a vector has elements make one vector.
template<class T, Index W, Index MR, Index NR>
STATOR_ALWAYS_INLINE inline void store_dots(const vec<T, W> (&sum)[MR][NR], const T* bias, bool add, T* c,
                                            Index ci) {
  using V = vec<T, W>;
  constexpr Index q = quad<T>;
  const auto finish = [=](auto& v, Index j, T* to) STATOR_INLINE_LAMBDA {
    std::remove_cvref_t<decltype(v)> start{};
    if (add)
      load(start, to);
    else if (bias)
      load(start, bias + j);
    if (add || bias) v += start;
    store(v, to);
  };
  if constexpr (NR % W == 0) {
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i) {
      STATOR_UNROLL
      for (Index j = 0; j < NR; j += W) {
        V total;
        sum_vectors<T, W>(sum[i] + j, total);
        finish(total, j, c + i * ci + j);
      }
    }
  } else if constexpr (NR == q && MR % (W / q) == 0) { // a quad of each row
    constexpr Index rows = W / q;
    STATOR_UNROLL
    for (Index i = 0; i < MR; i += rows) {
      V total;
      sum_vectors<T, W>(sum[i], total);
      [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
        const auto row = [&]<int Row>() STATOR_INLINE_LAMBDA {
          constexpr int first = Row * static_cast<int>(q);
          vec<T, q> few = __builtin_shufflevector(total, total, (first + I)...);
          finish(few, 0, c + (i + Row) * ci);
        };
        [&]<int... R>(std::integer_sequence<int, R...>) STATOR_INLINE_LAMBDA {
          (row.template operator()<R>(), ...);
        }(std::make_integer_sequence<int, static_cast<int>(rows)>{});
      }(std::make_integer_sequence<int, static_cast<int>(q)>{});
    }
  } else if constexpr (NR % q == 0) {
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i) {
      STATOR_UNROLL
      for (Index j = 0; j < NR; j += q) {
        V total;
        vec<T, q> few;
        sum_quads<T, W>(sum[i] + j, total);
        fold<T, W>(total, few);
        finish(few, j, c + i * ci + j);
      }
    }
  } else if constexpr (NR == 2 && q == 4) {
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i) {
      T* const out = c + i * ci;
      V low, high;
      interleave<T, W, 0>(sum[i][0], sum[i][1], low);
      interleave<T, W, 1>(sum[i][0], sum[i][1], high);
      low += high;
      vec<T, 4> few;
      fold<T, W>(low, few);
      for (Index j = 0; j < 2; ++j) out[j] = (add ? out[j] : bias ? bias[j] : T{}) + (few[j] + few[j + 2]);
    }
  } else {
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i) {
      T* const out = c + i * ci;
      for (Index j = 0; j < NR; ++j)
        out[j] = (add ? out[j] : bias ? bias[j] : T{}) + horizontal_sum<T, W>(sum[i][j]);
    }
  }
}

/// C[MR, NR] = (C | bias) + A·Bᵀ with rows of A contiguous, `k` elements long. For one row of floats, B may
/// be `Stored` in 16 bits.
template<class T, Index W, Index MR, Index NR, Index K, DotsLayout Layout = DotsLayout::rows,
         class Stored = T>
STATOR_ALWAYS_INLINE inline void dots(const T* a, Index ai, const Stored* b, Index bi, Index k, const T* bias,
                                      bool add, T* c, Index ci) {
  using V = vec<T, W>;
  constexpr bool packed = is_packed(Layout);
  if constexpr (K != dynamic) k = K;
  V sum[MR][NR];
  STATOR_UNROLL
  for (Index i = 0; i < MR; ++i) {
    STATOR_UNROLL
    for (Index j = 0; j < NR; ++j) sum[i][j] = V{};
  }
  // The second-level cache gives one row after another 1.2 to 1.4 times as fast as some at once, where a
  // vector is a line of it; narrower ones, and more of them, would wait for their sum.
  if constexpr (Layout == DotsLayout::rows_second && MR == 1 && sizeof(V) == 64 && K % W == 0) {
    STATOR_UNROLL
    for (Index j = 0; j < NR; ++j) {
      V total{};
      STATOR_NO_UNROLL
      for (Index p = 0; p < K; p += W) {
        V x, y;
        load(x, a + p);
        load(y, b + j * bi + p);
        total += x * y;
      }
      sum[0][j] = total;
    }
    return store_dots<T, W, MR, NR>(sum, bias, add, c, ci);
  }
  // x from element p on, y from the vectors at `at`.
  const auto step = [&](Index p, const Stored* at, auto keep) STATOR_INLINE_LAMBDA {
    V x[MR];
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i) {
      load_once(x[i], a + i * ai + p);
      keep(x[i]);
    }
    STATOR_UNROLL
    for (Index j = 0; j < NR; ++j) {
      V y;
      // A page ahead: the machine's own prefetching stops at its end.
      // Rows of memory far away: what the machine brings by itself comes too late.
      if constexpr (Layout == DotsLayout::rows_far)
        STATOR_PREFETCH(at + j * bi + 1024 / static_cast<Index>(sizeof(T)));
      if constexpr (Layout == DotsLayout::packed_far)
        STATOR_PREFETCH(at + j * W + 4096 / static_cast<Index>(sizeof(T)));
      if constexpr (MR > 1)
        load_once(y, at + j * (packed ? W : bi));
      else
        load(y, at + j * (packed ? W : bi));
      if constexpr (!packed) keep(y);
      STATOR_UNROLL
      for (Index i = 0; i < MR; ++i) sum[i][j] += x[i] * y;
    }
  };
  Index p = 0;
  for (; p + W <= k; p += W) step(p, b + p * (packed ? NR : 1), [](V&) STATOR_INLINE_LAMBDA {});
  if (K == dynamic || K % W != 0) {
    if (p < k && k >= W) {
      // The last W elements again, without those that are in already.
      using I = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
      using M = vec<I, W>;
      M lane;
      for (Index l = 0; l < W; ++l) lane[l] = static_cast<I>(l);
      const M mask = lane >= static_cast<I>(W - (k - p));
      step(k - W, packed ? b + p * NR : b + k - W, [&](V& v) STATOR_INLINE_LAMBDA {
        M bits;
        STATOR_MEMCPY(&bits, &v, sizeof v);
        bits &= mask;
        STATOR_MEMCPY(&v, &bits, sizeof v);
      });
      p = k;
    }
  }
  store_dots<T, W, MR, NR>(sum, bias, add, c, ci);
  if constexpr (K == dynamic || K < W) // fewer elements than a vector
    if (p < k)
      for (Index i = 0; i < MR; ++i)
        for (Index j = 0; j < NR; ++j) {
          T s{};
          for (Index q = p; q < k; ++q) s += a[i * ai + q] * b[j * bi + q];
          c[i * ci + j] += s;
        }
}

/// C[m, n] by `dots`; `Ragged` if n need not be a multiple of NR. A block of B meets all rows of A before the
/// next, so that B is read once.
template<class T, Index W, Index MR, Index NR, Index K, bool Ragged, DotsLayout Layout = DotsLayout::rows,
         class Stored = T>
STATOR_ALWAYS_INLINE inline void dots_block(const T* a, Index ai, const Stored* b, Index bi, Index k,
                                            const T* bias, bool add, T* c, Index ci, Index m, Index n) {
  const auto columns = [&]<Index Count>(Index j) STATOR_INLINE_LAMBDA {
    const Stored* const rows = b + j * bi;
    const T* const start = bias ? bias + j : nullptr;
    Index i = 0;
    const auto some = [&]<Index Rows>() STATOR_INLINE_LAMBDA {
      dots<T, W, Rows, Count, K, Layout>(a + i * ai, ai, rows, bi, k, start, add, c + i * ci + j, ci);
      i += Rows;
    };
    // Of four rows two twice, if three is the most: a row alone reads as much of B as they do.
    while (m - i >= MR && (MR != 3 || m - i != MR + 1)) some.template operator()<MR>();
    if constexpr (MR > 2 && (K == dynamic || K >= W)) {
      while (m - i >= 2) some.template operator()<2>();
    }
    if constexpr (MR > 1) {
      while (i < m) some.template operator()<1>();
    }
  };
  const Index whole = n / NR * NR;
  for (Index j = 0; j < whole; j += NR) columns.template operator()<NR>(j);
  if constexpr (Ragged) {
    for (Index j = whole; j < n; ++j) columns.template operator()<1>(j);
  }
}

/// Elements between the rows of B once they are packed: whole vectors.
template<class T>
constexpr Index packed_row(Index k) {
  return round_up(k, native_width<T>);
}

/// Bytes of B [n, k] when it is packed.
template<class T>
constexpr std::size_t packed_dots_bytes(Index n, Index k) {
  return align_up(static_cast<std::size_t>(n * packed_row<T>(k)) * sizeof(T));
}

/// B [n, k] for `dots` of NR rows: of as many rows the first vectors, then the second ones, ..., so that they
/// are read from the first to the last byte. The last vectors hold the last W elements, zeros in the place of
/// those that vectors before have. Rows that are left over follow one by one.
template<class T, Index W, Index NR>
STATOR_NOINLINE void pack_dots(const T* b, Index n, Index k, T* to) {
  const auto rows = [&](Index j, Index count) {
    for (Index p = 0; p < k; p += W)
      for (Index r = 0; r < count; ++r)
        for (Index l = 0; l < W; ++l) {
          const Index from = std::min(p, k - W) + l;
          *to++ = from >= p ? b[(j + r) * k + from] : T{};
        }
  };
  const Index whole = n / NR * NR;
  for (Index j = 0; j < whole; j += NR) rows(j, NR);
  for (Index j = whole; j < n; ++j) rows(j, 1);
}

namespace detail {
/// C[m, n] = (C | bias) + A·Bᵀ, shared among threads by columns; MR rows and NR columns at once.
template<class T, Index MR, Index NR, Index K, bool Ragged, DotsLayout Layout, class Stored = T>
void inner_products(const T* a, const Stored* b, const T* bias, T* c, bool add, Index m, Index n, Index k) {
  constexpr Index grain = 4 * quad<T>, high = 64; // rows that meet a block of B before the next is read
  const Index blocks = ceil_div(n, grain);
  parallel_for_chunks(blocks, chunk_count(blocks, m * n * k), [&](Index first, Index last, Index) {
    // Of a constant K each row is at a constant distance: a register for each would not do.
    const Index depth = K != dynamic ? K : k, apart = is_packed(Layout) ? packed_row<T>(depth) : depth;
    const Index j = first * grain, count = std::min(last * grain, n) - j;
    for (Index i = 0; i < m; i += high)
      dots_block<T, native_width<T>, MR, NR, K, Ragged, Layout>(
          a + i * depth, depth, b + j * apart, apart, depth, bias ? bias + j : nullptr, add, c + i * n + j, n,
          std::min(high, m - i), count);
  });
}
} // namespace detail

} // namespace stator::kernel
