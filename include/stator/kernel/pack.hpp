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

/// Transposes a block of W rows and columns, of which each row is read at once: rows may displace one another
/// in the caches. Rows that do not exist, from `rows` on, are zero.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline void transpose_square_block(const T* from, Index from_stride, T* to,
                                                        Index to_stride, Index rows = W) {
  vec<T, W> r[W];
  STATOR_UNROLL
  for (Index i = 0; i < W; ++i) {
    if (i < rows)
      load(r[i], from + i * from_stride);
    else
      r[i] = vec<T, W>{};
  }
  transpose_square<T, W>(r);
  STATOR_UNROLL
  for (Index i = 0; i < W; ++i) store(r[i], to + i * to_stride);
}

/// to[p * width + j] = from[p * stride + j] for j < columns; `width` is a multiple of W. With `shared` the
/// last W columns are the last vector, if they do not fill it.
template<class T, Index W>
STATOR_NOINLINE void pack_rows(const T* from, Index stride, Index columns, Index k, Index width, T* to,
                               bool shared = false) {
  const Index whole = columns / W * W;
  for (Index p = 0; p < k; ++p, from += stride, to += width) {
    for (Index j = 0; j < whole; j += W) {
      vec<T, W> row;
      STATOR_PREFETCH(from + 8 * stride + j);
      load(row, from + j);
      store(row, to + j);
    }
    if (shared && whole < columns) {
      vec<T, W> row;
      load(row, from + columns - W);
      store(row, to + whole);
      continue;
    }
    for (Index j = whole; j < columns; ++j) to[j] = from[j];
    for (Index j = columns; j < width; ++j) to[j] = T{};
  }
}

/// The columns of `from`, or with `Rows` its rows, in strips of `Strip`, one after the other, each k rows of
/// as many elements: to[(s * k + p) * Strip + j] = from[p * stride + s * Strip + j]. Of a strip that is not
/// full the rest is zero. `readable` counts the columns that exist from `from` on, at least `columns`. As
/// much as a vector is written behind the last strip.
template<Index Strip, bool Rows, class T>
STATOR_NOINLINE void pack_strips(const T* from, Index stride, Index columns, Index readable, Index k, T* to) {
  constexpr Index W = width_for<T>(Strip);
  // So many rows stay in the first-level cache until the last strip has read them.
  const Index block = Rows ? k : 16;
  for (Index top = 0; top < k; top += block) {
    const Index bottom = std::min(top + block, k);
    for (Index left = 0; left < columns; left += Strip) {
      T* const strip = to + left * k;
      const Index few = std::min(columns - left, Strip);
      Index p = top, whole = 0; // columns that vectors have copied as far as p
      // What a vector writes behind a row is overwritten by the next one: not behind the last of a strip.
      if (few == Strip && left + round_up(Strip, W) <= readable) {
        if constexpr (Rows) {
          whole = Strip <= W ? Strip : Strip / W * W;
          for (; p + quad<T> <= bottom; p += quad<T>) {
            const T* ahead = from + (left + Strip + p / quad<T> % 4 * 2) * stride + p;
            STATOR_PREFETCH(ahead);
            STATOR_PREFETCH(ahead + stride);
            for (Index j = 0; j < whole; j += W)
              transpose_block<T, W>(from + (left + j) * stride + p, stride, strip + p * Strip + j, Strip);
          }
        } else if constexpr (Strip <= W) {
          whole = Strip;
          for (; p < std::min(bottom, k - 1); ++p) {
            vec<T, W> row;
            STATOR_PREFETCH(from + (p + block) * stride + left); // the next block's row
            load(row, from + p * stride + left);
            store(row, strip + p * Strip);
          }
        }
      }
      const auto rest = [&](Index first, Index last, Index begin) {
        for (Index q = first; q < last; ++q)
          for (Index j = begin; j < Strip; ++j)
            strip[q * Strip + j] = j >= few ? T{}
                                   : Rows   ? from[(left + j) * stride + q]
                                            : from[q * stride + left + j];
      };
      if (whole < Strip) rest(top, p, whole);
      rest(p, bottom, 0);
    }
  }
}

/// `pack_columns` within its caller, for products so small that a call counts.
template<class T, Index W>
STATOR_ALWAYS_INLINE inline void pack_columns_inlined(const T* from, Index stride, Index columns, Index k,
                                                      Index width, T* to, bool shared = false) {
  // Deep enough, each block is one of W steps: the last begins among those before it.
  const bool square = k >= W;
  const Index whole = columns / W * W, deep = k / quad<T> * quad<T>;
  const auto blocks = [=](Index j, Index rows, Index first) STATOR_INLINE_LAMBDA {
    for (Index p = 0; p < k; p += W) {
      const Index at = std::min(p, k - W);
      transpose_square_block<T, W>(from + first * stride + at, stride, to + at * width + j, width, rows);
    }
  };
  for (Index j = 0; j < whole; j += W) {
    if (square) {
      blocks(j, W, j);
      continue;
    }
    const T* block = from + j * stride;
    for (Index p = 0; p < deep; p += quad<T>)
      transpose_block<T, W>(block + p, stride, to + p * width + j, width);
    for (Index p = deep; p < k; ++p)
      for (Index i = 0; i < W; ++i) to[p * width + j + i] = block[i * stride + p];
  }
  Index j = whole;
  if (square && j < columns) {
    if (shared)
      blocks(j, W, columns - W);
    else
      blocks(j, columns - j, j);
    j += W;
  }
  if (j == width) return;
  const Index back = shared ? width - columns : 0;
  for (Index p = 0; p < k; ++p)
    for (Index i = j; i < width; ++i)
      to[p * width + i] = i - back < columns ? from[(i - back) * stride + p] : T{};
}

/// to[p * width + j] = from[j * stride + p] for j < columns; `width` is a multiple of W; `shared` as in
/// pack_rows, where the columns do not fill `width` by less than W.
template<class T, Index W>
STATOR_NOINLINE void pack_columns(const T* from, Index stride, Index columns, Index k, Index width, T* to,
                                  bool shared = false) {
  pack_columns_inlined<T, W>(from, stride, columns, k, width, to, shared);
}

/// `steps` rows from d on of columns [j, j + columns) of B [k, n], or with `Transposed` of the transpose of B
/// [n, k], as a panel.
template<bool Transposed, Index W, class T>
STATOR_ALWAYS_INLINE inline void pack_panel(const T* b, Index n, Index k, Index d, Index j, Index columns,
                                            Index steps, Index width, T* to, bool shared = false) {
  if constexpr (Transposed)
    pack_columns<T, W>(b + j * k + d, k, columns, steps, width, to, shared);
  else
    pack_rows<T, W>(b + d * n + j, n, columns, steps, width, to, shared);
}

} // namespace stator::kernel
