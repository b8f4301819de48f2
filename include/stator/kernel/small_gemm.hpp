// SPDX-License-Identifier: BSL-1.0
// Small products whose rows are shorter than a vector: the other extent goes into the lanes, so that no sum
// crosses a vector.
#pragma once

#include "stator/core/bytes.hpp"
#include "stator/core/compiler.hpp"
#include "stator/kernel/gemm_blocks.hpp"
#include "stator/kernel/pack.hpp"

namespace stator::kernel::detail {

/// C = (C | bias) + op(A)·op(B) by plain loops, for any type.
template<bool TransA, bool TransB, class T>
STATOR_ALWAYS_INLINE inline void plain_product(const T* a, const T* b, const T* bias, T* c, bool add, Index m,
                                               Index n, Index k) {
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) {
      T sum{};
      for (Index p = 0; p < k; ++p)
        sum = static_cast<T>(sum +
                             (TransA ? a[p * m + i] : a[i * k + p]) * (TransB ? b[j * k + p] : b[p * n + j]));
      T& out = c[i * n + j];
      out = static_cast<T>((add ? out : T{}) + (bias && !add ? bias[j] : T{}) + sum);
    }
}

/// Two columns of a matrix with rows of two, W rows: v[0] and v[1] hold a column each.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline void store_pairs(vec<T, W> (&v)[2], bool add, T* c) {
  // Whole vectors, since they are read as such: a load of what two stores have written waits for both.
  vec<T, W> pairs[2];
  [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
    constexpr int w = static_cast<int>(W);
    pairs[0] = __builtin_shufflevector(v[0], v[1], (I / 2 + I % 2 * w)...);
    pairs[1] = __builtin_shufflevector(v[0], v[1], (w / 2 + I / 2 + I % 2 * w)...);
  }(std::make_integer_sequence<int, static_cast<int>(W)>{});
  STATOR_UNROLL
  for (Index i = 0; i < 2; ++i) {
    if (add) {
      vec<T, W> before;
      load(before, c + i * W);
      pairs[i] += before;
    }
    store(pairs[i], c + i * W);
  }
}

/// Adds `r`, as transpose_quads leaves it, to W rows of a matrix with rows of N, or stores it there.
template<class T, Index W, Index N>
STATOR_ALWAYS_INLINE inline void store_transposed(vec<T, W> (&r)[quad<T>], bool add, T* c) {
  constexpr Index q = quad<T>;
  const auto put = [add](vec<T, W>& v, T* to, auto load_it, auto store_it) STATOR_INLINE_LAMBDA {
    if (add) {
      vec<T, W> before;
      load_it(before, to);
      v += before;
    }
    store_it(v, to);
  };
  if constexpr (N == q && W == 2 * q) { // two rows in a vector
    [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
      constexpr int half = static_cast<int>(q), w = static_cast<int>(W);
      STATOR_UNROLL
      for (Index k = 0; k < q; k += 2) {
        vec<T, W> low = __builtin_shufflevector(r[k], r[k + 1], (I % half + I / half * w)...);
        vec<T, W> high = __builtin_shufflevector(r[k], r[k + 1], (half + I % half + I / half * w)...);
        const auto whole = [](auto& v, T* from) STATOR_INLINE_LAMBDA { load(v, from); };
        const auto back = [](const auto& v, T* to) STATOR_INLINE_LAMBDA { store(v, to); };
        put(low, c + k * N, whole, back);
        put(high, c + (q + k) * N, whole, back);
      }
    }(std::make_integer_sequence<int, static_cast<int>(W)>{});
  } else {
    STATOR_UNROLL
    for (Index k = 0; k < q; ++k)
      put(
          r[k], c + k * N, [](auto& v, T* from) STATOR_INLINE_LAMBDA { load_quads<T, W>(v, from, q * N); },
          [](const auto& v, T* to) STATOR_INLINE_LAMBDA { store_quads<T, W>(v, to, q * N); });
  }
}

/// C[M, N] = (C | bias) + A[M, K] · B[N, K]ᵀ for N of 1 or 2: W rows of A side by side.
template<class T, Index W, Index M, Index N, Index K>
STATOR_ALWAYS_INLINE inline void lanes_of_rows(const T* a, const T* b, const T* bias, T* c, bool add) {
  for (Index i = 0; i < M; i += W) {
    alignas(alignment) T across[static_cast<std::size_t>(K * W)];
    STATOR_UNROLL
    for (Index p = 0; p < K; p += quad<T>) transpose_block<T, W>(a + i * K + p, K, across + p * W, W);
    vec<T, W> sum[N];
    STATOR_UNROLL
    for (Index j = 0; j < N; ++j) sum[j] = (bias && !add ? bias[j] : T{}) - vec<T, W>{};
    STATOR_UNROLL
    for (Index p = 0; p < K; ++p) {
      vec<T, W> x;
      load(x, across + p * W);
      STATOR_UNROLL
      for (Index j = 0; j < N; ++j) sum[j] += x * b[j * K + p];
    }
    if constexpr (N == 2) {
      store_pairs<T, W>(sum, add, c + i * N);
    } else {
      if (add) {
        vec<T, W> before;
        load(before, c + i);
        sum[0] += before;
      }
      store(sum[0], c + i);
    }
  }
}

/// C[M, N] = (C | bias) + A[K, M]ᵀ · B[K, N] for N of some quads: columns of A side by side.
template<class T, Index M, Index N, Index K>
STATOR_ALWAYS_INLINE inline void transposed_tile(const T* a, const T* b, const T* bias, T* c, bool add) {
  constexpr Index W = native_width<T>, q = quad<T>;
  for (Index i = 0; i < M; i += W) {
    vec<T, W> sum[N];
    STATOR_UNROLL
    for (Index j = 0; j < N; ++j) sum[j] = (bias && !add ? bias[j] : T{}) - vec<T, W>{};
    STATOR_UNROLL_BY_4
    for (Index p = 0; p < K; ++p) {
      vec<T, W> x;
      load(x, a + p * M + i);
      STATOR_UNROLL
      for (Index j = 0; j < N; ++j) sum[j] += x * b[p * N + j];
    }
    STATOR_UNROLL
    for (Index j = 0; j < N; j += q) {
      vec<T, W> r[q];
      STATOR_UNROLL
      for (Index k = 0; k < q; ++k) r[k] = sum[j + k];
      transpose_quads<T, W>(r);
      store_transposed<T, W, N>(r, add, c + i * N + j);
    }
  }
}

/// sum += x times element L of each quad of w.
template<class T, Index W, int L, class V>
STATOR_ALWAYS_INLINE inline void add_times_lane(const V& x, const V& w, V& sum) {
  [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
    constexpr int q = static_cast<int>(quad<T>);
    const V lane = __builtin_shufflevector(w, w, (I / q * q + L)...);
    sum += x * lane;
  }(std::make_integer_sequence<int, static_cast<int>(W)>{});
}

/// C[N, W] = bias + B[N, K] · A[K, W]: W rows of a linear map, each in a lane.
template<class T, Index W, Index N, Index K>
STATOR_ALWAYS_INLINE inline void product_in_lanes(const T* a, const T* b, const T* bias, T* c) {
  using V = vec<T, W>;
  const auto some = [&]<Index Count>(Index j) STATOR_INLINE_LAMBDA {
    V sum[Count];
    STATOR_UNROLL
    for (Index i = 0; i < Count; ++i) sum[i] = (bias ? bias[j + i] : T{}) - V{};
    const auto step = [&](Index p) STATOR_INLINE_LAMBDA {
      V x;
      load_once(x, a + p * W);
      STATOR_UNROLL
      for (Index i = 0; i < Count; ++i) sum[i] += x * b[(j + i) * K + p];
    };
    // Loads decide how long it takes: of every other row a quad of weights is read at once.
    const auto quad_step = [&](Index p) STATOR_INLINE_LAMBDA {
      constexpr Index q = quad<T>;
      V x[q];
      STATOR_UNROLL
      for (Index k = 0; k < q; ++k) load_once(x[k], a + (p + k) * W);
      STATOR_UNROLL
      for (Index i = 0; i < Count; ++i) {
        const T* const row = b + (j + i) * K + p;
        if (i % 2 == 0) {
          STATOR_UNROLL
          for (Index k = 0; k < q; ++k) sum[i] += x[k] * row[k];
        } else {
          V w;
          load_repeated<T, W, q>(w, row);
          [&]<int... L>(std::integer_sequence<int, L...>) STATOR_INLINE_LAMBDA {
            (add_times_lane<T, W, L>(x[L], w, sum[i]), ...);
          }(std::make_integer_sequence<int, static_cast<int>(q)>{});
        }
      }
    };
    if constexpr (K <= 32 && K % quad<T> == 0 && W > quad<T>) {
      STATOR_UNROLL
      for (Index p = 0; p < K; p += quad<T>) quad_step(p);
    } else if constexpr (K <= 32) {
      STATOR_UNROLL
      for (Index p = 0; p < K; ++p) step(p);
    } else {
      for (Index p = 0; p < K; ++p) step(p);
    }
    STATOR_UNROLL
    for (Index i = 0; i < Count; ++i) store(sum[i], c + (j + i) * W);
  };
  constexpr Index most = vector_registers / 2, whole = N / most * most;
  if constexpr (whole > 0)
    for (Index j = 0; j < whole; j += most) some.template operator()<most>(j);
  if constexpr (whole < N) some.template operator()<N - whole>(whole);
}

/// Rows [W, N] of C from their columns [N, W]; N of some quads, or 1 or 2.
template<class T, Index W, Index N>
STATOR_ALWAYS_INLINE inline void store_lanes(const T* columns, T* c) {
  using V = vec<T, W>;
  if constexpr (N <= 2) {
    V v[N];
    STATOR_UNROLL
    for (Index j = 0; j < N; ++j) load(v[j], columns + j * W);
    if constexpr (N == 2)
      store_pairs<T, W>(v, false, c);
    else
      store(v[0], c);
  } else {
    STATOR_UNROLL
    for (Index j = 0; j < N; j += quad<T>) {
      V r[quad<T>];
      STATOR_UNROLL
      for (Index k = 0; k < quad<T>; ++k) load(r[k], columns + (j + k) * W);
      transpose_quads<T, W>(r);
      store_transposed<T, W, N>(r, false, c + j);
    }
  }
}

/// The lanes of vectors that hold whole rows of B [N, K], as many as fit; 0 where rows do not divide them.
template<class T>
constexpr Index lanes_of_whole_rows(Index n, Index k) {
  for (Index w = native_width<T>; w >= k; w /= 2)
    if (k % quad<T> == 0 && w % k == 0 && n * k % w == 0) return w;
  return 0;
}

/// C[1, N] = (C | bias) + a[K] · B[N, K]ᵀ, some rows of B in each vector of W elements, as they lie.
template<class T, Index W, Index N, Index K>
STATOR_ALWAYS_INLINE inline void rows_in_vectors(const T* a, const T* b, const T* bias, T* c, bool add) {
  using V = vec<T, W>;
  constexpr Index q = quad<T>, rows = W / K, vectors = N / rows;
  V x;
  load_repeated<T, W, K>(x, a);
  // A quad of vectors at a time.
  const auto some = [&]<Index Count>(Index v) STATOR_INLINE_LAMBDA {
    V r[q], sum;
    STATOR_UNROLL
    for (Index i = 0; i < q; ++i) {
      V y;
      load(y, b + (v + i % Count) * W);
      r[i] = x * y;
    }
    sum_quads<T, W>(r, sum);
    static_assert(K == q || K == 2 * q);
    if constexpr (K > q) { // a quad and the one beside it are of one row: both become the sum
      V other;
      [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
        other = __builtin_shufflevector(sum, sum, (I ^ static_cast<int>(q))...);
      }(std::make_integer_sequence<int, static_cast<int>(W)>{});
      sum += other;
    }
    constexpr Index valid = Count * rows, width = width_for<T>(valid);
    vec<T, width> out, start;
    [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
      constexpr int k = static_cast<int>(K), r0 = static_cast<int>(rows);
      out = __builtin_shufflevector(sum, sum, (I % r0 * k + I / r0)...);
    }(std::make_integer_sequence<int, static_cast<int>(width)>{});
    T* const to = c + v * rows;
    if (add)
      load_first<T, width, valid>(start, to);
    else if (bias)
      load_first<T, width, valid>(start, bias + v * rows);
    if (add || bias) out += start;
    store_first<T, width, valid>(out, to);
  };
  constexpr Index whole = vectors / q * q;
  if constexpr (whole > 0)
    for (Index v = 0; v < whole; v += q) some.template operator()<q>(v);
  if constexpr (whole < vectors) some.template operator()<vectors - whole>(whole);
}

/// C[M, N] = (C | bias) + A[K, M]ᵀ · B[K, N], some rows of C in each vector of W elements, as they lie.
template<class T, Index W, Index M, Index N, Index K>
STATOR_ALWAYS_INLINE inline void outer_products(const T* a, const T* b, const T* bias, T* c, bool add) {
  using V = vec<T, W>;
  constexpr Index wide = std::max(W, width_for<T>(M)), rows = W / N;
  constexpr std::make_integer_sequence<int, static_cast<int>(M / rows)> vectors;
  [&]<int... R>(std::integer_sequence<int, R...>) STATOR_INLINE_LAMBDA {
    V sum[sizeof...(R)] = {(static_cast<void>(R), V{})...};
    STATOR_UNROLL_BY_4
    for (Index p = 0; p < K; ++p) {
      V y;
      vec<T, wide> column;
      load_repeated<T, W, N>(y, b + p * N);
      load_first<T, wide, M>(column, a + p * M);
      const auto part = [&]<int First>(V& s) STATOR_INLINE_LAMBDA {
        [&]<int... I>(std::integer_sequence<int, I...>) STATOR_INLINE_LAMBDA {
          const V x = __builtin_shufflevector(column, column, (First + I / static_cast<int>(N))...);
          s += x * y;
        }(std::make_integer_sequence<int, static_cast<int>(W)>{});
      };
      (part.template operator()<R* static_cast<int>(rows)>(sum[R]), ...);
    }
    V start{};
    if (bias && !add) load_repeated<T, W, N>(start, bias);
    STATOR_UNROLL
    for (Index v = 0; v < M / rows; ++v) {
      if (add) load(start, c + v * W);
      if (add || bias) sum[v] += start;
      store(sum[v], c + v * W);
    }
  }(vectors);
}

} // namespace stator::kernel::detail
