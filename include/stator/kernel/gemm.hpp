// SPDX-License-Identifier: BSL-1.0
// Matrix products C = op(A)·op(B) specialised by their extents. Row-major and dense; nothing is allocated:
// panels of B that need another layout go to the caller's scratch space. Each element of C is summed in an
// order that depends on the extents only, so results do not depend on the number of threads.
#pragma once

#include "stator/core/bytes.hpp"
#include "stator/core/compiler.hpp"
#include "stator/kernel/dots.hpp"
#include "stator/kernel/gemm_blocked.hpp"
#include "stator/kernel/gemm_blocks.hpp"
#include "stator/kernel/gemm_turned.hpp"
#include "stator/kernel/gemv.hpp"
#include "stator/kernel/pack.hpp"
#include "stator/kernel/parallel.hpp"
#include "stator/kernel/small_gemm.hpp"
#include "stator/kernel/tile.hpp"

namespace stator::kernel {

/// C[M, N] = op(A)[M, K] · op(B)[K, N], with op the transpose where asked for: then A is stored [K, M], B [N,
/// K]. `dynamic` extents are taken from the arguments. `scratch` counts the dynamic extent of N or K.
template<class T, Index M, Index N, Index K, bool TransA = false, bool TransB = false>
struct gemm {
private:
  template<class, Index, Index, Index, bool, bool>
  friend struct gemm;
  static constexpr detail::Way<T> way{M, N, K, TransA, TransB};
  static constexpr detail::Columns<T> columns = way.columns;
  static constexpr Index W = columns.width, NV = columns.vectors;
  using blocked = detail::BlockedProduct<T, columns.vectors, columns.last, TransA, TransB>;
  static constexpr bool sometimes_few = way.few_rows > 0 && (M == dynamic || M <= way.few_rows),
                        always_few = sometimes_few && M != dynamic,
                        sometimes_blocked = way.blocked_from > 0 && (M == dynamic || M >= way.blocked_from),
                        always_blocked = sometimes_blocked && M != dynamic;
  /// Whether the last vector of C shares columns with the one before, so that no column is empty.
  static constexpr Index last_columns = N == dynamic ? 0 : N - (columns.panels - 1) * columns.panel();
  static constexpr bool shared = last_columns > W &&last_columns % W != 0 && !sometimes_blocked,
                        pack_tail = way.pack_tail && !shared;
  using turned = detail::TurnedProduct<T, std::max<Index>(way.turned, 1), way.turned_last,
                                       K* static_cast<Index>(sizeof(T)) % 4096 == 0>;
  static constexpr bool turns(Index m) { return way.turned > 0 && way.turns(m); }
  static constexpr bool sometimes_turned = way.turned > 0;
  static constexpr bool takes_dots(Index m) { return way.only_dots || (m <= way.dots_to && !turns(m)); }

  /// A small product with one or two columns: rows of A in the lanes of vectors.
  static constexpr Index lanes = way.small && vectorizable<T> ? detail::common_lanes<T>(M) : 1;
  static constexpr bool few_columns =
      way.small && TransB && !TransA && lanes > 1 && N <= 2 && K % quad<T> == 0;
  /// A single row, of which several are as long as a vector.
  static constexpr Index whole_rows =
      way.small && vectorizable<T> && K < native_width<T> ? detail::lanes_of_whole_rows<T>(N, K) : 0;
  /// One of a transposed A that is narrower than a vector: columns of A in the lanes.
  static constexpr bool transposed = way.small && TransA && !TransB && vectorizable<T> &&
                                     N < native_width<T> && N % quad<T> == 0 && M % native_width<T> == 0 &&
                                     M <= 2 * native_width<T>;
  /// The same where rows of C, some in a vector, are few.
  static constexpr Index rows_of_c =
      way.small && TransA && !TransB && vectorizable<T> && N < native_width<T> && M <= native_width<T>
          ? detail::lanes_of_whole_rows<T>(M, N)
          : 0;

  static constexpr Bytes packed_bytes() {
    if (way.plain || way.small || way.few_weights || way.only_dots || always_few) return {};
    const std::size_t block = std::max(sometimes_blocked ? blocked::packed_bytes(N, K) : 0,
                                       sometimes_turned ? turned::packed_bytes(M, K) : 0);
    const bool all = TransB || way.pack_large;
    if (always_blocked || (!all && !pack_tail)) return {block, 0};
    const auto bytes = [](Index elements) {
      return align_up(static_cast<std::size_t>(elements) * sizeof(T));
    };
    const Index width = N == dynamic ? columns.panel()
                                     : (all ? (columns.panels - 1) * columns.panel() : 0) + columns.last * W;
    if (K == dynamic) return {std::max(block, alignment), bytes(width)};
    if (N == dynamic && all) return {bytes(K * width) + alignment, bytes(K)};
    return {std::max(block, bytes(K * width)), 0};
  }

  /// Rows and columns of C that are computed at once by inner products.
  static constexpr Index dot_rows = M != dynamic ? ceil_div(M, ceil_div(M, dots_rows<T>)) : dots_rows<T>,
                         dot_columns = dots_columns(dot_rows, N, K);
  template<DotsLayout Layout>
  static constexpr auto inner_products =
      &detail::inner_products<T, dot_rows, dot_columns, K, N == dynamic || N % 8 != 0, Layout>;
  // A prepared B is panels for many rows, the order of inner products for few; both for a dynamic M.
  static constexpr bool can_prepare =
      TransB && !TransA && N != dynamic && K != dynamic && !(way.plain || way.small || way.few_weights);
  static constexpr Index b_bytes = N == dynamic || K == dynamic ? 0 : N * K * static_cast<Index>(sizeof(T));
  static constexpr DotsLayout packed_layout = packed_dots_layout(b_bytes),
                              rows_layout = dots_layout(b_bytes, K);
  static constexpr bool packs_dots = can_prepare && way.can_dot && (way.only_dots || M == dynamic);
  static constexpr std::size_t panels_bytes =
      can_prepare && !way.only_dots
          ? align_up(
                static_cast<std::size_t>(K * ((columns.panels - 1) * columns.panel() + columns.last * W)) *
                sizeof(T))
          : 0;

public:
  static constexpr Bytes scratch = packed_bytes(); ///< temporary memory of `run`
  /// Rows of A that detail::product_in_lanes may take at once; 0: it would not pay.
  static constexpr Index rows_in_lanes =
      way.small && TransB && !TransA &&
              lanes * static_cast<Index>(sizeof(T)) >= std::min<Index>(vector_bytes, 32)
          ? lanes
          : 0;

  /// Bytes of B packed for any number of products; 0 where B is read as it lies.
  static constexpr std::size_t prepared_bytes = panels_bytes + (packs_dots ? packed_dots_bytes<T>(N, K) : 0);
  /// Packs B, `prepared_bytes`.
  static void prepare(const T* b, T* packed) {
    if constexpr (panels_bytes > 0) pack<true>(b, packed, 0, columns.panels, columns.panels, N, K);
    if constexpr (packs_dots)
      pack_dots<T, native_width<T>, dot_columns>(b, N, K, packed + panels_bytes / sizeof(T));
  }
  /// As `run`, bit by bit, with B packed.
  STATOR_NOINLINE static void run_prepared(const T* a, const T* packed, const T* bias, T* c, Index m) {
    if constexpr (M != dynamic) m = M;
    if constexpr (packs_dots)
      if (takes_dots(m))
        return inner_products<packed_layout>(a, packed + panels_bytes / sizeof(T), bias, c, false, m, N, K);
    if constexpr (sometimes_blocked)
      if (always_blocked || m >= way.blocked_from)
        return blocked{a, nullptr, bias, c, false, m, N, K, const_cast<T*>(packed)}.run();
    if constexpr (!way.only_dots && !always_blocked) multiply_panels(a, packed, bias, c, m);
  }

  /// With `accumulate` the product is added to C; otherwise C is overwritten, and `bias` [N], if not null,
  /// added to each row.
  STATOR_ALWAYS_INLINE static void run(const T* a, const T* b, const T* bias, T* c, bool accumulate, Index m,
                                       Index n, Index k, std::byte* space) {
    if constexpr (way.small)
      inlined(a, b, bias, c, accumulate);
    else
      large(a, b, bias, c, accumulate, m, n, k, space);
  }

private:
  static void multiply_panels(const T* a, const T* packed, const T* bias, T* c, Index m) {
    constexpr Index rows = height(NV);
    const Index blocks = ceil_div(m, rows), chunks = chunk_count(std::max(blocks, columns.panels), m * N * K);
    if (blocks >= chunks)
      parallel_for_chunks(blocks, chunks, [&](Index first, Index last, Index) {
        multiply<true>(a, nullptr, bias, c, false, m, N, K, packed, first * rows, std::min(last * rows, m), 0,
                       columns.panels, columns.panels);
      });
    else
      parallel_for_chunks(
          columns.panels, std::min(chunks, columns.panels), [&](Index first, Index last, Index) {
            multiply<true>(a, nullptr, bias, c, false, m, N, K, packed, 0, m, first, last, columns.panels);
          });
  }

  /// Rows of a tile `vectors` wide.
  static constexpr Index height(Index vectors) {
    return M != dynamic ? std::min(tile_rows(vectors), M) : tile_rows(vectors);
  }
  STATOR_ALWAYS_INLINE static void inlined(const T* a, const T* b, const T* bias, T* c, bool accumulate) {
    if constexpr (few_columns) {
      detail::lanes_of_rows<T, lanes, M, N, K>(a, b, bias, c, accumulate);
    } else if constexpr (rows_of_c > 0 && (!transposed || K <= 2)) {
      detail::outer_products<T, rows_of_c, M, N, K>(a, b, bias, c, accumulate);
    } else if constexpr (transposed) {
      detail::transposed_tile<T, M, N, K>(a, b, bias, c, accumulate);
    } else if constexpr (!vectorizable<T>) {
      detail::plain_product<TransA, TransB>(a, b, bias, c, accumulate, M, N, K);
    } else if constexpr ((!TransB || K == 1) && N % W == 0) { // a column is a row as well
      tiles(a, b, bias, c, accumulate);
    } else if constexpr (TransB && !TransA && M == 1 && whole_rows > 0) {
      detail::rows_in_vectors<T, whole_rows, N, K>(a, b, bias, c, accumulate);
    } else if constexpr (TransB && !TransA && N % W == 0 && (M > 1 || K < native_width<T>)) {
      alignas(alignment) T packed[static_cast<std::size_t>(K * N)];
      pack_columns_inlined<T, W>(b, K, N, K, N, packed);
      tiles(a, packed, bias, c, accumulate);
    } else if constexpr (TransB && !TransA && K >= quad<T>) {
      constexpr Index w = K >= native_width<T> ? native_width<T> : quad<T>;
      constexpr Index most = M == 1 && N % w == 0 ? w : N >= quad<T> ? quad<T> : N;
      dots_block<T, w, std::min(M, dots_rows<T>), most, K, N % most != 0>(a, K, b, K, K, bias, accumulate, c,
                                                                          N, M, N);
    } else {
      detail::plain_product<TransA, TransB>(a, b, bias, c, accumulate, M, N, K);
    }
  }

  STATOR_ALWAYS_INLINE static void tiles(const T* a, const T* b, const T* bias, T* c, bool accumulate) {
    constexpr Index ai = TransA ? 1 : K, ak = TransA ? M : 1;
    constexpr Index high = std::min(tile_rows(NV), M), rest = M % high;
    const auto column = [&]<Index V>(Index j) STATOR_INLINE_LAMBDA {
      const T* start = bias ? bias + j : nullptr;
      for (Index i = 0; i < M - rest; i += high)
        tile<T, W, high, V, ai, ak, N>(a + i * ai, ai, ak, b + j, N, K, start, accumulate, c + i * N + j, N,
                                       V * W);
      if constexpr (rest > 0)
        tile<T, W, rest, V, ai, ak, N>(a + (M - rest) * ai, ai, ak, b + j, N, K, start, accumulate,
                                       c + (M - rest) * N + j, N, V * W);
    };
    for (Index p = 0; p + 1 < columns.panels; ++p) column.template operator()<NV>(p * NV * W);
    column.template operator()<columns.last>((columns.panels - 1) * NV * W);
  }

  STATOR_NOINLINE static void large(const T* a, const T* b, const T* bias, T* c, bool accumulate, Index m,
                                    Index n, Index k, std::byte* space) {
    if constexpr (M != dynamic) m = M;
    if constexpr (N != dynamic) n = N;
    if constexpr (K != dynamic) k = K;
    if constexpr (way.plain) {
      detail::plain_product<TransA, TransB>(a, b, bias, c, accumulate, m, n, k);
      return;
    } else if constexpr (way.few_weights) {
      using some = gemm<T, detail::rows_at_once, N, K, false, true>;
      using one = gemm<T, 1, N, K, false, true>;
      Index i = 0;
      for (; i + detail::rows_at_once <= m; i += detail::rows_at_once)
        some::inlined(a + i * K, b, bias, c + i * N, accumulate);
      for (; i < m; ++i) one::inlined(a + i * K, b, bias, c + i * N, accumulate);
      return;
    } else {
      if constexpr (way.can_dot)
        if (takes_dots(m)) return inner_products<rows_layout>(a, b, bias, c, accumulate, m, n, k);
      if constexpr (sometimes_few)
        if (m <= way.few_rows) return rows_times_matrix<T>(a, b, bias, c, accumulate, m, n, k);
      T* packed = reinterpret_cast<T*>(space);
      if constexpr (sometimes_turned)
        if (!accumulate && turns(m)) return turned{a, b, bias, c, m, n, k, packed}.run();
      if constexpr (sometimes_blocked)
        if (always_blocked || m >= way.blocked_from)
          return blocked{a, b, bias, c, accumulate, m, n, k, packed}.run();
      if constexpr (!way.only_dots && !always_blocked && !always_few) {
        // `pack_large` says of a known M that there are as many rows.
        if constexpr (TransB || (way.pack_large && M != dynamic)) {
          panels<true>(a, b, bias, c, accumulate, m, n, k, packed);
        } else {
          if constexpr (way.pack_large)
            if (m >= way.pack_from) return panels<true>(a, b, bias, c, accumulate, m, n, k, packed);
          panels<false>(a, b, bias, c, accumulate, m, n, k, packed);
        }
      }
    }
  }

  /// Packs panels [first, last) of B; the last panel alone unless `All`.
  template<bool All>
  static void pack(const T* b, T* packed, Index first, Index last, Index count, Index n, Index k) {
    for (Index p = first; p < last; ++p) {
      const Index j = p * columns.panel();
      const Index width = p + 1 == count ? columns.last * W : columns.panel();
      const Index valid = std::min(width, n - j);
      pack_panel<TransB, W>(b, n, k, 0, j, valid, k, width, packed + (All ? j * k : 0), shared);
    }
  }

  template<bool All>
  static void panels(const T* a, const T* b, const T* bias, T* c, bool accumulate, Index m, Index n, Index k,
                     T* packed) {
    const Index count = N == dynamic ? ceil_div(n, columns.panel()) : columns.panels;
    const Index tail = (All || (pack_tail && n % columns.panel() != 0)) ? 1 : 0;
    const Index work = m * n * k;
    constexpr Index rows = height(NV);
    const Index blocks = ceil_div(m, rows);
    const Index chunks = chunk_count(std::max(blocks, count), work);
    // Divide C so that the largest part is smallest; by panels if equal, for then each thread packs its own.
    if (chunks > 1 && ceil_div(count, chunks) * blocks > ceil_div(blocks, chunks) * count) {
      if constexpr (All) {
        parallel_for_chunks(count, std::min(chunks, count), [&](Index first, Index last, Index) {
          pack<true>(b, packed, first, last, count, n, k);
        });
      } else if (tail) {
        pack<false>(b, packed, count - 1, count, count, n, k);
      }
      parallel_for_chunks(blocks, std::min(chunks, blocks), [&](Index first, Index last, Index) {
        multiply<All>(a, b, bias, c, accumulate, m, n, k, packed, first * rows, std::min(last * rows, m), 0,
                      count, count);
      });
    } else {
      parallel_for_chunks(count, std::min(chunks, count), [&](Index first, Index last, Index) {
        // Each panel is packed when its turn comes; where all rows pass it then, over the one before.
        const bool fresh = All && (!TransB || m <= detail::fresh_rows);
        if constexpr (All) {
          if (!fresh) pack<true>(b, packed, first, last, count, n, k);
        } else if (tail && last == count) {
          pack<false>(b, packed, count - 1, count, count, n, k);
        }
        multiply<All>(a, b, bias, c, accumulate, m, n, k, packed, 0, m, first, last, count,
                      fresh ? packed + first * columns.panel() * k : nullptr);
      });
    }
  }

  /// Rows [top, bottom) of panels [left, right); with `fresh` each panel of B is packed there first.
  template<bool All>
  static void multiply(const T* a, const T* b, const T* bias, T* c, bool accumulate, Index m, Index n,
                       Index k, const T* packed, Index top, Index bottom, Index left, Index right,
                       Index count, T* fresh = nullptr) {
    const Index depth = detail::long_depth_of<T>(k), block = detail::row_block(bottom - top);
    for (Index d = 0; d == 0 || d < k; d += depth) {
      const Index steps = std::min(depth, k - d);
      const bool add = accumulate || d > 0;
      for (Index i = top; i < bottom; i += block) {
        const T* rows_of_a = TransA ? a + d * m + i : a + i * k + d;
        const Index high = std::min(block, bottom - i);
        for (Index p = left; p < right; ++p) {
          const Index j = p * columns.panel();
          const T* bias_j = bias && !add ? bias + j : nullptr;
          T* out = c + i * n + j;
          const auto at = [&]<Index V, bool InPlace, bool Last = false>() {
            const Index width = std::min(V * W, n - j);
            const T* panel = InPlace ? b + d * n + j : packed + (All ? j * k : 0) + d * V * W;
            Index done = 0; // rows
            if constexpr (All && !InPlace)
              if (fresh) {
                T* const to = block >= m ? fresh : const_cast<T*>(panel);
                panel = to;
                if (!TransB && i == top && width == V * W && high >= height(V)) done = height(V);
                if (i == top && done == 0)
                  pack_panel<TransB, W>(b, n, k, d, j, width, steps, V * W, to, shared);
                if constexpr (!TransB)
                  if (done > 0)
                    detail::copying_tile<T, W, height(V), V>(rows_of_a, TransA ? 1 : k, TransA ? m : 1,
                                                             b + d * n + j, n, steps, bias_j, add, out, n,
                                                             to);
              }
            constexpr Index bk = InPlace ? N : V * W;
            constexpr LastVector last = !(Last && shared) ? LastVector::behind
                                        : InPlace         ? LastVector::shared
                                                          : LastVector::shared_packed;
            tile_rows_of<T, W, height(V), V, TransA ? 1 : K, TransA ? dynamic : 1, bk, last>(
                rows_of_a + done * (TransA ? 1 : k), k, m, panel, n, steps, bias_j, add, out + done * n, n,
                width, high - done);
          };
          if constexpr (N == dynamic) {
            if (All || j + columns.panel() > n)
              at.template operator()<NV, false>();
            else
              at.template operator()<NV, !All>();
          } else {
            if (p + 1 < count)
              at.template operator()<NV, !All>();
            else
              at.template operator()<columns.last, !(All || pack_tail), true>();
          }
        }
      }
    }
  }
};

} // namespace stator::kernel
