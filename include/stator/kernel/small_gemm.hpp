// SPDX-License-Identifier: BSL-1.0
// Small products whose rows are shorter than a vector: the other extent goes into the lanes, so that no sum
// crosses a vector.
#pragma once

#include "stator/core/bytes.hpp"
#include "stator/core/compiler.hpp"
#include "stator/kernel/pack.hpp"

namespace stator::kernel::detail {

/// The widest vector whose width divides `rows`; 1 where none does.
template<class T>
constexpr Index common_lanes(Index rows) {
  for (Index w = native_width<T>; w >= quad<T> && w > 1; w /= 2)
    if (rows % w == 0) return w;
  return 1;
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

} // namespace stator::kernel::detail
