// SPDX-License-Identifier: BSL-1.0
// softmax(scale q kᵀ) v and its gradients without the matrix of scores: a block of queries meets a block of
// keys at a time, and the softmax of a row goes on from block to block with its largest score and its sum so
// far. Queries lie in the lanes of vectors, so that neither crosses a vector. Blocks of keys that no query of
// a block sees are left out. Source: Milakov, Gimelshein 2018 (the sum), Dao et al. 2022 (its gradient).
#pragma once

#include "stator/core/bytes.hpp"
#include "stator/core/compiler.hpp"
#include "stator/kernel/gemm_blocks.hpp"
#include "stator/kernel/pack.hpp"
#include "stator/kernel/parallel.hpp"
#include "stator/kernel/softmax.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>

namespace stator::kernel {

namespace detail {

/// Whether rows so far apart, which are read more than once, displace each other from a cache.
template<class T>
constexpr bool rows_collide(Index stride) {
  return stride * static_cast<Index>(sizeof(T)) % 4096 == 0;
}

/// Rows of N numbers, Stride apart, as the second factor of a product: as they lie, or copied where their
/// last vector would reach beyond them, or where they are too far apart.
template<class T, Index N, Index Stride>
struct FactorRows {
  static constexpr Columns<T> columns{N};
  static constexpr bool in_place = N % columns.width == 0 && !rows_collide<T>(Stride);
  static constexpr Index stride = in_place ? Stride : round_up(N, columns.width); ///< of what `Copy` gives
  static constexpr Index height = tile_rows(columns.vectors);
  /// Memory for a copy of at most Count rows.
  template<Index Count>
  struct Copy {
    alignas(alignment) T space[in_place ? 1 : static_cast<std::size_t>(Count * stride)];
    /// `count` rows at x, readable in whole vectors.
    const T* of(const T* x, Index count) {
      if constexpr (in_place) return x;
      pack_rows<T, columns.width>(x, Stride, N, count, stride, space);
      return space;
    }
  };
  /// c[rows, N] = (c) + a·b over `steps` rows of b; a(i, p) is a[i * AI + p * AK], rows of c `ci` apart.
  template<Index AI, Index AK>
  static void multiply(const T* a, const T* b, Index steps, bool add, T* c, Index ci, Index rows) {
    const auto panel = [&]<Index V>(Index j) {
      tile_rows_of<T, columns.width, tile_rows(V), V, AI, AK, stride>(
          a, AI, AK, b + j, stride, steps, nullptr, add, c + j, ci, std::min(V * columns.width, N - j), rows);
    };
    for (Index p = 0; p + 1 < columns.panels; ++p)
      panel.template operator()<columns.vectors>(p * columns.panel());
    panel.template operator()<columns.last>((columns.panels - 1) * columns.panel());
  }
};

} // namespace detail

/// Attention of queries q [n, L, Heads, D] to keys k [n, S, Heads, D] and values v [n, S, Heads, E], whose
/// rows are QRow, KRow and VRow apart: more where they lie in one tensor. Where Beside is not 1, q is [L, n,
/// Heads, D], and so on: n = Beside samples lie beside each other. With Causal no query sees a key that comes
/// after it.
template<class T, bool Causal, Index L, Index S, Index D, Index E, Index Heads = 1, Index QRow = Heads * D,
         Index KRow = QRow, Index VRow = Heads * E, Index Beside = 1>
struct attention {
  /// Largest D + E: what a block needs lies on the stack, about 110 KiB at most.
  static constexpr Index widest = 1024 / static_cast<Index>(sizeof(T));
  static_assert(vectorizable<T> && L > 0 && S > 0 && D > 0 && E > 0 && D + E <= widest);

  /// y [n, L, Heads, E] or [L, n, Heads, E]; `lse`, if not null [n, Heads, L]: of each query the logarithm of
  /// the sum of exp(scale score).
  static void forward(const T* q, const T* k, const T* v, T scale, T* y, T* lse, Index n) {
    const Index units = n * Heads * blocks;
    parallel_for_chunks(units, chunk_count(units, n * Heads * L * S * (D + E)),
                        [&](Index first, Index last, Index) {
                          for (Index u = first; u < last; ++u) {
                            const Head at(u / blocks);
                            const Index i = u % blocks * lanes;
                            forward_block(q + at.in(L, QRow, D) + i * QRow, k + at.in(S, KRow, D),
                                          v + at.in(S, VRow, E), scale, i, y + at.in(L, YRow, E) + i * YRow,
                                          lse ? lse + u / blocks * L + i : nullptr);
                          }
                        });
  }

  /// The gradients dq, dk and dv, whose rows lie as those of q, k and v, from g, that of y, and from what
  /// `forward` has left.
  static void backward(const T* g, const T* q, const T* k, const T* v, const T* y, const T* lse, T scale,
                       T* dq, T* dk, T* dv, Index n) {
    const Index units = n * Heads;
    parallel_for_chunks(
        units, chunk_count(units, units * L * S * (3 * D + 2 * E)), [&](Index first, Index last, Index) {
          for (Index u = first; u < last; ++u) {
            const Head at(u);
            T* const dk_head = dk + at.in(S, KRow, D);
            T* const dv_head = dv + at.in(S, VRow, E);
            for (Index j = 0; j < S; ++j) {
              std::fill_n(dk_head + j * KRow, D, T{});
              std::fill_n(dv_head + j * VRow, E, T{});
            }
            for (Index i = 0; i < L; i += lanes) {
              const Index of_q = at.in(L, QRow, D) + i * QRow, of_y = at.in(L, YRow, E) + i * YRow;
              backward_block(g + of_y, q + of_q, k + at.in(S, KRow, D), v + at.in(S, VRow, E), y + of_y,
                             lse + u * L + i, scale, i, dq + of_q, dk_head, dv_head);
            }
          }
        });
  }

private:
  static constexpr Index YRow = Beside * Heads * E;
  /// Which head of which sample.
  struct Head {
    Index sample, head;
    explicit Head(Index unit) : sample(unit / Heads), head(unit % Heads) {}
    /// Where it begins in a tensor of `length` rows for each sample.
    Index in(Index length, Index row, Index width) const {
      return sample * (Beside == 1 ? length * row : row / Beside) + head * width;
    }
  };

  // A block has `lanes` queries and at most `keys` keys.
  static constexpr Index blocks = ceil_div(L, 32);
  static constexpr Index lanes = round_up(ceil_div(L, blocks), width_for<T>(ceil_div(L, blocks)));
  static constexpr Index keys =
      std::min<Index>(S, (D + E <= widest / 2 ? 512 : 256) / static_cast<Index>(sizeof(T)));
  static constexpr detail::Columns<T> columns{lanes};
  static constexpr Index W = columns.width;
  using V = Simd<T, W>;
  using Queries = detail::FactorRows<T, D, QRow>;
  using Keys = detail::FactorRows<T, D, KRow>;
  using Values = detail::FactorRows<T, E, VRow>;
  using Gradients = detail::FactorRows<T, E, YRow>;
  using Block = T[static_cast<std::size_t>(keys * lanes)];

  /// Of `n` keys from j on: how many all queries of a vector see, the first of which is i, and how many any.
  struct Seen {
    Index all, some;
    Seen(Index i, Index j, Index n)
        : all(Causal ? std::clamp<Index>(i + 1 - j, 0, n) : n),
          some(Causal ? std::clamp<Index>(i + W - j, 0, n) : n) {}
  };
  /// Lanes whose query, the first is i, sees key j.
  STATOR_ALWAYS_INLINE static Mask<T, W> sees(Index i, Index j) {
    static constexpr auto number = [] {
      std::array<T, static_cast<std::size_t>(W)> n{};
      for (std::size_t l = 0; l < n.size(); ++l) n[l] = static_cast<T>(l);
      return n;
    }();
    return V::load(number.data()) >= V(static_cast<T>(j - i));
  }

  /// `count` rows of K numbers, Row apart, in the lanes of vectors.
  template<Index Row, Index K>
  static void pack_across(const T* rows, Index count, T* across) {
    if constexpr (detail::rows_collide<T>(Row)) {
      if (count <= 0) STATOR_UNREACHABLE(); // compilers ask
      alignas(alignment) T near[static_cast<std::size_t>(lanes * K)];
      for (Index i = 0; i < count; ++i) std::copy_n(rows + i * Row, K, near + i * K);
      pack_columns<T, W>(near, K, count, K, lanes, across);
    } else {
      pack_columns<T, W>(rows, Row, count, K, lanes, across);
    }
  }

  /// out[j][lane] = rows[j] · across[.][lane] for `n` keys from j0 on, as far as queries see them.
  template<Index Row, Index K>
  static void products(const T* rows, const T* across, Index i0, Index j0, Index n, T* out) {
    const auto panel = [&]<Index P>(Index lane) {
      const Index count = Causal ? std::clamp<Index>(i0 + lane + P * W - j0, 0, n) : n;
      tile_rows_of<T, W, tile_rows(P), P, Row, 1, lanes>(rows, Row, 1, across + lane, lanes, K, nullptr,
                                                         false, out + lane, lanes, P * W, count);
    };
    for (Index p = 0; p + 1 < columns.panels; ++p)
      panel.template operator()<columns.vectors>(p * columns.panel());
    panel.template operator()<columns.last>((columns.panels - 1) * columns.panel());
  }

  /// Keys from j0 on that queries of the block see.
  static Index seen_keys(Index i0, Index queries, Index j0) {
    return std::min(keys, (Causal ? std::min(S, i0 + queries) : S) - j0);
  }

  /// Scores of `n` keys from j0 on, of the vector of queries from i on, to exp(scale score - high), and the
  /// state of the rows with them: what they were multiplied with comes back.
  static V weigh(T* score, T scale, Index i, Index j0, Index n, V& high, V& sum) {
    constexpr T infinity = std::numeric_limits<T>::infinity();
    const Seen seen(i, j0, n);
    V most(-infinity), other(-infinity); // two chains
    Index j = 0;
    for (; j + 1 < seen.all; j += 2) {
      most = larger(most, V::load(score + j * lanes));
      other = larger(other, V::load(score + (j + 1) * lanes));
    }
    for (; j < seen.all; ++j) most = larger(most, V::load(score + j * lanes));
    for (; j < seen.some; ++j) {
      const V x = select(sees(i, j0 + j), V::load(score + j * lanes), V(-infinity));
      x.store(score + j * lanes);
      most = larger(most, x);
    }
    const V before = high;
    high = larger(before, larger(most, other) * scale);
    const V shift = select(high == V(-infinity), V(T{}), high);
    const V factor = detail::decay(before - shift);
    sum *= factor;
    for (j = 0; j < seen.some; ++j) {
      const V e = detail::decay(mul_add(V::load(score + j * lanes), scale, -shift));
      e.store(score + j * lanes);
      sum += e;
    }
    for (; j < n; ++j) V(T{}).store(score + j * lanes);
    return factor;
  }

  static void scale_row(T* row, T factor) {
    for_each_vector<T, E>([&]<class X>(Index e)
                              STATOR_INLINE_LAMBDA { (X::load(row + e) * factor).store(row + e); });
  }

  /// Queries from i0 on; q, y and lse begin with the first of them.
  STATOR_NOINLINE static void forward_block(const T* q, const T* k, const T* v, T scale, Index i0, T* y,
                                            T* lse) {
    const Index queries = std::min(lanes, L - i0);
    alignas(alignment) T across[static_cast<std::size_t>(D * lanes)];
    alignas(alignment) Block score;
    alignas(alignment) T factor[static_cast<std::size_t>(lanes)], high[static_cast<std::size_t>(lanes)],
        sum[static_cast<std::size_t>(lanes)];
    typename Values::template Copy<keys> values;
    pack_across<QRow, D>(q, queries, across);
    std::fill_n(high, lanes, -std::numeric_limits<T>::infinity());
    std::fill_n(sum, lanes, T{});
    for (Index j0 = 0, n = seen_keys(i0, queries, 0); n > 0; j0 += n, n = seen_keys(i0, queries, j0)) {
      products<KRow, D>(k + j0 * KRow, across, i0, j0, n, score);
      bool changed = false;
      for (Index l = 0; l < lanes; l += W) {
        V h = V::load(high + l), s = V::load(sum + l);
        const V f = weigh(score + l, scale, i0 + l, j0, n, h, s);
        h.store(high + l);
        s.store(sum + l);
        f.store(factor + l);
        changed = changed || any(!(f == V(T{1})));
      }
      if (changed && j0 > 0)
        for (Index i = 0; i < queries; ++i) scale_row(y + i * YRow, factor[i]);
      const T* rows = values.of(v + j0 * VRow, n);
      if constexpr (Causal) {
        for (Index i = 0; i < queries; i += Values::height)
          Values::template multiply<1, lanes>(score + i, rows,
                                              std::clamp<Index>(i0 + i + Values::height - j0, 0, n), j0 > 0,
                                              y + i * YRow, YRow, std::min(Values::height, queries - i));
      } else {
        Values::template multiply<1, lanes>(score, rows, n, j0 > 0, y, YRow, queries);
      }
    }
    for (Index l = 0; l < lanes; l += W) {
      const V s = V::load(sum + l);
      (V(T{1}) / s).store(factor + l);
      (V::load(high + l) + log(s)).store(high + l);
    }
    for (Index i = 0; i < queries; ++i) scale_row(y + i * YRow, factor[i]);
    if (lse) std::copy_n(high, queries, lse);
  }

  /// Scores of `n` keys from j0 on to exp(scale score - lse), and `slope`, the gradients of these, to those
  /// of the scores.
  static void slopes(T* score, T* slope, T scale, Index i, Index j0, Index n, const V& lse, const V& delta) {
    const Seen seen(i, j0, n);
    const V zero(T{});
    const auto both = [&](Index j, const V& p) STATOR_INLINE_LAMBDA {
      p.store(score + j * lanes);
      ((V::load(slope + j * lanes) - delta) * (p * scale)).store(slope + j * lanes);
    };
    const auto weight = [&](Index j) STATOR_INLINE_LAMBDA {
      return detail::decay(mul_add(V::load(score + j * lanes), scale, -lse));
    };
    for (Index j = 0; j < seen.all; ++j) both(j, weight(j));
    for (Index j = seen.all; j < seen.some; ++j) both(j, select(sees(i, j0 + j), weight(j), zero));
    for (Index j = seen.some; j < n; ++j) {
      zero.store(score + j * lanes);
      zero.store(slope + j * lanes);
    }
  }

  /// Queries from i0 on; g, q, y, lse and dq begin with the first of them. Adds to dk and dv.
  STATOR_NOINLINE static void backward_block(const T* g, const T* q, const T* k, const T* v, const T* y,
                                             const T* lse, T scale, Index i0, T* dq, T* dk, T* dv) {
    const Index queries = std::min(lanes, L - i0);
    alignas(alignment) T q_across[static_cast<std::size_t>(D * lanes)],
        g_across[static_cast<std::size_t>(E * lanes)];
    alignas(alignment) Block score, slope;
    alignas(alignment) T sums[static_cast<std::size_t>(lanes)], delta[static_cast<std::size_t>(lanes)];
    typename Queries::template Copy<lanes> queries_copy;
    typename Keys::template Copy<keys> keys_copy;
    typename Gradients::template Copy<lanes> gradients_copy;
    const T* const q_rows = queries_copy.of(q, queries);
    const T* const g_rows = gradients_copy.of(g, queries);
    pack_across<QRow, D>(q, queries, q_across);
    pack_across<YRow, E>(g, queries, g_across);
    for (Index i = 0; i < lanes; ++i) {
      sums[i] = i < queries ? lse[i] : T{};
      delta[i] = i < queries ? detail::sum_of_row<true, E>(g + i * YRow, y + i * YRow) : T{};
    }
    for (Index j0 = 0, n = seen_keys(i0, queries, 0); n > 0; j0 += n, n = seen_keys(i0, queries, j0)) {
      products<KRow, D>(k + j0 * KRow, q_across, i0, j0, n, score);
      products<VRow, E>(v + j0 * VRow, g_across, i0, j0, n, slope);
      for (Index l = 0; l < lanes; l += W)
        slopes(score + l, slope + l, scale, i0 + l, j0, n, V::load(sums + l), V::load(delta + l));
      const T* k_rows = keys_copy.of(k + j0 * KRow, n);
      T *const dk_rows = dk + j0 * KRow, *const dv_rows = dv + j0 * VRow;
      if constexpr (Causal) {
        for (Index i = 0; i < queries; i += Keys::height)
          Keys::template multiply<1, lanes>(slope + i, k_rows,
                                            std::clamp<Index>(i0 + i + Keys::height - j0, 0, n), j0 > 0,
                                            dq + i * QRow, QRow, std::min(Keys::height, queries - i));
        add_transposed<Queries>(slope, q_rows, queries, j0 - i0, n, dk_rows, KRow);
        add_transposed<Gradients>(score, g_rows, queries, j0 - i0, n, dv_rows, VRow);
      } else {
        Keys::template multiply<1, lanes>(slope, k_rows, n, j0 > 0, dq, QRow, queries);
        Queries::template multiply<lanes, 1>(slope, q_rows, queries, true, dk_rows, KRow, n);
        Gradients::template multiply<lanes, 1>(score, g_rows, queries, true, dv_rows, VRow, n);
      }
    }
  }

  /// Adds to each of `n` rows of keys, of which the first comes `ahead` of the first query, what the queries
  /// that see it give.
  template<class Rows>
  static void add_transposed(const T* block, const T* rows, Index queries, Index ahead, Index n, T* out,
                             Index stride) {
    for (Index j = 0; j < n; j += Rows::height) {
      const Index first = std::max<Index>(ahead + j, 0); // that sees the first of these keys
      Rows::template multiply<lanes, 1>(block + j * lanes + first, rows + first * Rows::stride,
                                        queries - first, true, out + j * stride, stride,
                                        std::min(Rows::height, n - j));
    }
  }
};

} // namespace stator::kernel
