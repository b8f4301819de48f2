// SPDX-License-Identifier: BSL-1.0
// Panels of B for `tile`: k rows of `width` columns, contiguous, columns that do not exist zero.
#pragma once

#include "stator/kernel/simd.hpp"

#include <algorithm>

namespace stator::kernel {

/// Transposes a block of W rows and quad<T> columns: to[j * to_stride + i] = from[i * from_stride + j].
template<class T, Index W>
[[gnu::always_inline]] inline void transpose_block(const T* from, Index from_stride, T* to, Index to_stride) {
  vec<T, W> r[quad<T>];
  STATOR_UNROLL
  for (Index i = 0; i < quad<T>; ++i) load_quads<T, W>(r[i], from + i * from_stride, quad<T> * from_stride);
  transpose_quads<T, W>(r);
  STATOR_UNROLL
  for (Index i = 0; i < quad<T>; ++i) store(r[i], to + i * to_stride);
}

/// to[p * width + j] = from[p * stride + j] for j < columns.
template<class T>
inline void pack_rows(const T* from, Index stride, Index columns, Index k, Index width, T* to) {
  for (Index p = 0; p < k; ++p, from += stride, to += width) {
    std::copy_n(from, columns, to);
    std::fill(to + columns, to + width, T{});
  }
}

/// to[p * width + j] = from[j * stride + p] for j < columns; `width` is a multiple of W.
template<class T, Index W>
[[gnu::noinline]] void pack_columns(const T* from, Index stride, Index columns, Index k, Index width, T* to) {
  const Index whole = columns / W * W, deep = k / quad<T> * quad<T>;
  for (Index j = 0; j < whole; j += W) {
    const T* block = from + j * stride;
    for (Index p = 0; p < deep; p += quad<T>)
      transpose_block<T, W>(block + p, stride, to + p * width + j, width);
    for (Index p = deep; p < k; ++p)
      for (Index i = 0; i < W; ++i) to[p * width + j + i] = block[i * stride + p];
  }
  if (whole == width) return;
  for (Index p = 0; p < k; ++p) {
    for (Index i = whole; i < columns; ++i) to[p * width + i] = from[i * stride + p];
    for (Index i = columns; i < width; ++i) to[p * width + i] = T{};
  }
}

} // namespace stator::kernel
