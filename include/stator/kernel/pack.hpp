// SPDX-License-Identifier: BSL-1.0
// Panels of B for `tile`: k rows of `width` columns, contiguous, columns that do not exist zero.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/shuffle.hpp"
#include "stator/kernel/simd.hpp"

#include <algorithm>

namespace stator::kernel {

/// Transposes a block of W rows and quad<T> columns: to[j * to_stride + i] = from[i * from_stride + j].
template<class T, Index W>
STATOR_ALWAYS_INLINE inline void transpose_block(const T* from, Index from_stride, T* to, Index to_stride) {
  vec<T, W> r[quad<T>];
  STATOR_UNROLL
  for (Index i = 0; i < quad<T>; ++i) load_quads<T, W>(r[i], from + i * from_stride, quad<T> * from_stride);
  transpose_quads<T, W>(r);
  STATOR_UNROLL
  for (Index i = 0; i < quad<T>; ++i) store(r[i], to + i * to_stride);
}

/// to[p * width + j] = from[p * stride + j] for j < columns; `width` is a multiple of W.
template<class T, Index W>
STATOR_NOINLINE void pack_rows(const T* from, Index stride, Index columns, Index k, Index width, T* to) {
  const Index whole = columns / W * W;
  for (Index p = 0; p < k; ++p, from += stride, to += width) {
    for (Index j = 0; j < whole; j += W) {
      vec<T, W> row;
      load(row, from + j);
      store(row, to + j);
    }
    for (Index j = whole; j < columns; ++j) to[j] = from[j];
    for (Index j = columns; j < width; ++j) to[j] = T{};
  }
}

/// The columns of `from`, or with `Rows` its rows, in strips of `Strip`, one after the other, each k rows of
/// W elements: to[s * k * W + p * W + j] = from[p * stride + s * Strip + j]. Elements beyond a strip are
/// never read. `readable` counts the columns that exist from `from` on, at least `columns`.
template<Index Strip, Index W, bool Rows, class T>
STATOR_NOINLINE void pack_strips(const T* from, Index stride, Index columns, Index readable, Index k, T* to) {
  static_assert(Strip <= W);
  constexpr Index block =
      16; // this many rows stay in the first-level cache until the last strip has read them
  for (Index top = 0; top < k; top += block) {
    const Index bottom = std::min(top + block, k);
    for (Index left = 0; left < columns; left += Strip) {
      T* strip = to + left / Strip * k * W;
      if (!Rows && left + W <= readable) {
        for (Index p = top; p < bottom; ++p) {
          vec<T, W> row;
          load(row, from + p * stride + left);
          store(row, strip + p * W);
        }
      } else {
        const Index few = std::min(columns - left, Strip);
        for (Index j = 0; j < few; ++j)
          for (Index p = top; p < bottom; ++p)
            strip[p * W + j] = Rows ? from[(left + j) * stride + p] : from[p * stride + left + j];
      }
    }
  }
}

/// `pack_columns` within its caller, for products so small that a call counts.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline void pack_columns_inlined(const T* from, Index stride, Index columns, Index k,
                                                      Index width, T* to) {
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

/// to[p * width + j] = from[j * stride + p] for j < columns; `width` is a multiple of W.
template<class T, Index W>
STATOR_NOINLINE void pack_columns(const T* from, Index stride, Index columns, Index k, Index width, T* to) {
  pack_columns_inlined<T, W>(from, stride, columns, k, width, to);
}

} // namespace stator::kernel
