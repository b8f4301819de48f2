// SPDX-License-Identifier: BSL-1.0
// Pixels of a row of planes to pixels of some channels each, channels in the lanes of vectors, and the
// inverse, which finishes what it writes. What is left of a row overlaps.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_finish.hpp"
#include "stator/kernel/pack.hpp"

#include <algorithm>

namespace stator::kernel::detail {

/// W neighbours of W planes, which are `Plane` elements apart, to pixels of W channels. One function with
/// constant distances: within a loop, g++ keeps an address for each plane.
template<class T, Index W, Index Plane>
STATOR_NOINLINE void square_to_lanes(const T* from, T* to) {
  vec<T, W> r[W];
  STATOR_UNROLL
  for (Index c = 0; c < W; ++c) load(r[c], from + c * Plane);
  transpose_square<T, W>(r);
  STATOR_UNROLL
  for (Index j = 0; j < W; ++j) store(r[j], to + j * W);
}
/// The inverse, with what is to be done to the pixels; `before` is where the summand of `to` is, or null.
template<class T, Index W, Index Plane>
STATOR_NOINLINE void square_to_planes(const T* from, T* to, const T* before, const ConvFinish<T>& finish) {
  vec<T, W> r[W];
  STATOR_UNROLL
  for (Index j = 0; j < W; ++j) load(r[j], from + j * W);
  transpose_square<T, W>(r);
  if (before) {
    STATOR_UNROLL
    for (Index c = 0; c < W; ++c) {
      vec<T, W> summand;
      load(summand, before + c * Plane);
      r[c] += summand;
    }
  }
  if (finish.relu) {
    STATOR_UNROLL
    for (Index c = 0; c < W; ++c) finish.cut(r[c]);
  }
  STATOR_UNROLL
  for (Index c = 0; c < W; ++c) store(r[c], to + c * Plane);
}

/// Pixels of W channels each, of a row of W planes: to[i * W + c] = from[c * Plane + i] for i < Count. What
/// is left of a row overlaps.
template<class T, Index W, Index Count, Index Plane>
STATOR_ALWAYS_INLINE inline void planes_to_lanes(const T* from, T* to) {
  if constexpr (Count >= W) {
    for (Index i = 0; i < Count; i += W) {
      const Index at = std::min(i, Count - W);
      square_to_lanes<T, W, Plane>(from + at, to + at * W);
    }
  } else if constexpr (Count >= quad<T>) {
    for (Index i = 0; i < Count; i += quad<T>) {
      const Index at = std::min(i, Count - quad<T>);
      transpose_block<T, W>(from + at, Plane, to + at * W, W);
    }
  } else {
    for (Index i = 0; i < Count; ++i)
      for (Index c = 0; c < W; ++c) to[i * W + c] = from[c * Plane + i];
  }
}

/// The inverse, as above.
template<class T, Index W, Index Count, Index Plane>
STATOR_ALWAYS_INLINE inline void lanes_to_planes(const T* from, T* to, const T* before,
                                                 const ConvFinish<T>& finish) {
  constexpr Index Q = quad<T>;
  if constexpr (Count >= W) {
    for (Index i = 0; i < Count; i += W) {
      const Index at = std::min(i, Count - W);
      square_to_planes<T, W, Plane>(from + at * W, to + at, before ? before + at : nullptr, finish);
    }
  } else if constexpr (Count >= Q) {
    for (Index i = 0; i < Count; i += Q) {
      const Index at = std::min(i, Count - Q);
      vec<T, W> r[Q];
      STATOR_UNROLL
      for (Index j = 0; j < Q; ++j) load(r[j], from + (at + j) * W);
      transpose_quads<T, W>(r);
      STATOR_UNROLL
      for (Index j = 0; j < Q; ++j) {
        if (before) {
          vec<T, W> summand;
          load_quads<T, W>(summand, before + j * Plane + at, Q * Plane);
          r[j] += summand;
        }
        finish.cut(r[j]);
        store_quads<T, W>(r[j], to + j * Plane + at, Q * Plane);
      }
    }
  } else {
    for (Index i = 0; i < Count; ++i)
      for (Index c = 0; c < W; ++c) {
        T pixel = from[i * W + c];
        if (before) pixel += before[c * Plane + i];
        finish.cut(pixel);
        to[c * Plane + i] = pixel;
      }
  }
}

} // namespace stator::kernel::detail
