// SPDX-License-Identifier: BSL-1.0
// Small products whose rows are shorter than a vector: the other extent goes into the lanes, so that no sum
// crosses a vector.
#pragma once

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
[[gnu::always_inline]] inline void store_pairs(vec<T, W> (&v)[2], bool add, T* c) {
  vec<T, W> pairs[2];
  interleave<T, W, 0>(v[0], v[1], pairs[0]);
  interleave<T, W, 1>(v[0], v[1], pairs[1]);
  STATOR_UNROLL
  for (Index i = 0; i < 2; ++i) {
    if (add) {
      vec<T, W> before;
      load_quads<T, W>(before, c + i * quad<T>, 2 * quad<T>);
      pairs[i] += before;
    }
    store_quads<T, W>(pairs[i], c + i * quad<T>, 2 * quad<T>);
  }
}

/// C[M, N] = (C | bias) + A[M, K] · B[N, K]ᵀ for N of 1 or 2: W rows of A side by side.
template<class T, Index W, Index M, Index N, Index K>
[[gnu::always_inline]] inline void lanes_of_rows(const T* a, const T* b, const T* bias, T* c, bool add) {
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
[[gnu::always_inline]] inline void transposed_tile(const T* a, const T* b, const T* bias, T* c, bool add) {
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
      STATOR_UNROLL
      for (Index k = 0; k < q; ++k) {
        T* const to = c + (i + k) * N + j;
        if (add) {
          vec<T, W> before;
          load_quads<T, W>(before, to, q * N);
          r[k] += before;
        }
        store_quads<T, W>(r[k], to, q * N);
      }
    }
  }
}

} // namespace stator::kernel::detail
