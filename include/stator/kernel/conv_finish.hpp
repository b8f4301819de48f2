// SPDX-License-Identifier: BSL-1.0
// What a convolution does with its pixels before it writes them.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/simd.hpp"
#include "stator/kernel/vector.hpp"

#include <cstdint>

namespace stator::kernel {

/// Adds a summand, takes max(x, 0), takes the maximum of windows of two by two: whatever of it is asked for,
/// in this order.
template<class T>
struct ConvFinish {
  const T* summand = nullptr; ///< as large as the result; or null
  bool relu = false;          ///< NaN stays NaN
  bool halve_max = false;     ///< the result has half the extents
  T* winners = nullptr;       ///< with the two before: where to write which pixels won, see ConvWinners

  /// max(x, 0) where it is asked for.
  template<class V>
  STATOR_ALWAYS_INLINE void cut(V& x) const {
    if (relu) detail::relu<T, static_cast<Index>(sizeof x / sizeof(T))>(x, x);
  }
};

namespace detail {

/// Takes the maximum of two into the first; NaN wins.
template<class V>
STATOR_ALWAYS_INLINE inline void keep_larger(V& a, const V& b) {
  a = b > a ? b : a;
  a = b != b ? b : a;
}

/// Which pixel of each window of two by two was its first maximum above zero: four bits a window, of which
/// one is set where there is such a pixel, eight windows of a row to a number, W channels side by side.
template<class T, Index W, Index Channels, Index Down, Index Across>
struct ConvWinners {
  static constexpr Index words = ceil_div(Across, 8), row = words * W, sample = Channels * Down * words;
  using bits = vec<std::int32_t, W>;

  /// Where the row of W channels from c on begins.
  static constexpr Index at(Index n, Index c, Index r) { return n * sample + c * Down * words + r * row; }
};

/// The gradient of a convolution's result [batch, channels, 2 Down, 2 Across], by that of the maxima.
template<class T>
struct PooledGradient {
  const T* gradient; ///< [batch, channels, Down, Across]
  const T* winners;  ///< ConvWinners
};

/// n pixels of a row to their place, with what is to be done to them; `before` is the summand's row, or null.
template<class T, Index W = native_width<T>>
STATOR_ALWAYS_INLINE inline void finish_row(const T* from, Index n, T* to, const T* before,
                                            const ConvFinish<T>& finish) {
  if (W > 1 && n >= W) {
    const auto put = [&](Index i) STATOR_INLINE_LAMBDA {
      vec<T, W> v;
      load(v, from + i);
      if (before) {
        vec<T, W> summand;
        load(summand, before + i);
        v += summand;
      }
      finish.cut(v);
      store(v, to + i);
    };
    for (Index i = 0; i + W < n; i += W) put(i);
    put(n - W);
  } else if constexpr (W > quad<T>) {
    finish_row<T, quad<T>>(from, n, to, before, finish);
  } else {
    for (Index i = 0; i < n; ++i) {
      T v = before ? from[i] + before[i] : from[i];
      finish.cut(v);
      to[i] = v;
    }
  }
}

} // namespace detail
} // namespace stator::kernel
