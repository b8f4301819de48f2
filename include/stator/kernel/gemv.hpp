// SPDX-License-Identifier: BSL-1.0
// A row times a matrix that lies row after row: some rows of it are read at once, each from its first element
// to its last, as memory likes it.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/parallel.hpp"
#include "stator/kernel/simd.hpp"

#include <algorithm>

namespace stator::kernel {

namespace detail {

/// y[first + i] += a[0] b[first + i] + a[1] b[stride + first + i] + ... for i < W, `Rows` terms.
template<Index W, Index Rows, class T>
STATOR_ALWAYS_INLINE inline void add_rows(const T* a, const T* b, Index stride, T* y, Index first) {
  using V = Simd<T, W>;
  V sum = V::load(b + first) * a[0];
  STATOR_UNROLL
  for (Index r = 1; r < Rows; ++r) sum = mul_add(V::load(b + first + r * stride), a[r], sum);
  (V::load(y + first) + sum).store(y + first);
}

/// The same for all elements of [first, last).
template<Index Rows, class T>
STATOR_ALWAYS_INLINE inline void add_rows(const T* a, const T* b, Index stride, T* y, Index first,
                                          Index last) {
  Index j = first;
  for (; j + native_width<T> <= last; j += native_width<T>)
    add_rows<native_width<T>, Rows>(a, b, stride, y, j);
  for (; j + quad<T> <= last; j += quad<T>) add_rows<quad<T>, Rows>(a, b, stride, y, j);
  for (; j < last; ++j) add_rows<1, Rows>(a, b, stride, y, j);
}

} // namespace detail

/// C[m, n] = (C | bias | 0) + A[m, k] · B[k, n] for so few rows that B decides how long it takes.
template<class T>
STATOR_NOINLINE void rows_times_matrix(const T* a, const T* b, const T* bias, T* c, bool add, Index m,
                                       Index n, Index k) {
  // Rows of B that are read at once, and how much of them stays in the first-level cache for all rows of A.
  constexpr Index together = 8, width = 2048 / static_cast<Index>(sizeof(T)), grain = 64;
  const Index blocks = ceil_div(n, grain);
  parallel_for_chunks(blocks, chunk_count(blocks, m * n * k), [&](Index first, Index last, Index) {
    const Index left = first * grain, right = std::min(last * grain, n);
    if (!add)
      for (Index i = 0; i < m; ++i)
        for (Index j = left; j < right; ++j) c[i * n + j] = bias ? bias[j] : T{};
    Index p = 0;
    const auto all = [&]<Index Rows>() {
      for (; p + Rows <= k; p += Rows)
        for (Index j = left; j < right; j += width)
          for (Index i = 0; i < m; ++i)
            detail::add_rows<Rows>(a + i * k + p, b + p * n, n, c + i * n, j, std::min(j + width, right));
    };
    all.template operator()<together>();
    all.template operator()<1>();
  });
}

} // namespace stator::kernel
