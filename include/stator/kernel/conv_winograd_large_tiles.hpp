// SPDX-License-Identifier: BSL-1.0
// The transforms of F(4x4, 3x3): 36 products for sixteen pixels, at the points 0, 1, -1, 2, -2 and infinity.
// Forward only. Source: Lavin and Gray 2016.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_winograd_tiles.hpp"

namespace stator::kernel::detail {

/// One dimension of B^T d B of F(4x4, 3x3).
template<class V>
STATOR_ALWAYS_INLINE inline void winograd_six(const V (&d)[6], V (&b)[6]) {
  const V p = d[4] - 4 * d[2], q = d[3] - 4 * d[1], r = d[4] - d[2], s = 2 * (d[3] - d[1]);
  b[0] = 4 * d[0] - 5 * d[2] + d[4], b[1] = p + q, b[2] = p - q;
  b[3] = r + s, b[4] = r - s, b[5] = 4 * d[1] - 5 * d[3] + d[5];
}
/// B^T d B of tiles of 6x6 pixels, of F(4x4, 3x3).
template<class T, WinogradPlanes P>
struct winograd_large_source : winograd_lines<T, P, 6, 4> {
  using lines = winograd_lines<T, P, 6, 4>;
  static constexpr Index W = lines::W, stride = lines::stride;

  STATOR_NOINLINE static void run(auto x, Index first, Index count, T* to, Index distance, T* space) {
    using V = vec<T, W>;
    lines::each(x, first, count, to, space, [distance](const T* const(&rows)[6], T* at) STATOR_INLINE_LAMBDA {
      const Index next = distance;
      V b[6][6];
      const auto column = [&](Index pixel, V(&of)[6]) STATOR_INLINE_LAMBDA {
        V d[6];
        STATOR_UNROLL
        for (Index r = 0; r < 6; ++r) load_once(d[r], rows[r] + pixel * W);
        winograd_six(d, of);
      };
      column(0, b[0]);
      column(1, b[1]);
      for (Index t = 0; t < P.across; ++t, at += stride) {
        STATOR_UNROLL
        for (Index k = 2; k < 6; ++k) column(4 * t + k, b[k]);
        T* point = at;
        STATOR_UNROLL
        for (Index r = 0; r < 6; ++r, point += 6 * next) {
          const V d[6] = {b[0][r], b[1][r], b[2][r], b[3][r], b[4][r], b[5][r]};
          V v[6];
          winograd_six(d, v);
          STATOR_UNROLL
          for (Index k = 0; k < 6; ++k) store(v[k], point + k * next);
          b[0][r] = b[4][r], b[1][r] = b[5][r];
        }
      }
    });
  }
};
/// G g G^T of weights, to[point * distance + ...]: g is [9][...].
template<class T>
STATOR_ALWAYS_INLINE inline void winograd_large_weights(const T* taps, Index next, T* to, Index distance) {
  using V = vec<T>;
  winograd_weights_by<T, 6>(taps, next, to, distance,
                            [](const V& a, const V& b, const V& c, V(&u)[6]) STATOR_INLINE_LAMBDA {
                              const V outer = (a + c) * T(-1.0 / 6), inner = b * T(-1.0 / 6),
                                      wide = a * T(1.0 / 24) + c * T(1.0 / 6), odd = b * T(1.0 / 12);
                              u[0] = a * T(0.25), u[1] = outer + inner, u[2] = outer - inner,
                              u[3] = wide + odd, u[4] = wide - odd, u[5] = c;
                            });
}
/// A^T m A: calls `put(row, column, pixel)` for the sixteen pixels of a tile.
template<class T>
STATOR_ALWAYS_INLINE inline void winograd_large_pixels(const T* m, Index distance, auto&& put) {
  using V = vec<T>;
  const auto transform = [](const V(&p)[6], V& a, V& b, V& c, V& d) STATOR_INLINE_LAMBDA {
    const V sum = p[1] + p[2], difference = p[1] - p[2], wide = p[3] + p[4], odd = p[3] - p[4];
    a = p[0] + sum + wide, b = difference + 2 * odd, c = sum + 4 * wide, d = difference + 8 * odd + p[5];
  };
  V s[4][6];
  STATOR_UNROLL
  for (Index k = 0; k < 6; ++k) {
    V p[6];
    STATOR_UNROLL
    for (Index r = 0; r < 6; ++r) load_once(p[r], m + (r * 6 + k) * distance);
    transform(p, s[0][k], s[1][k], s[2][k], s[3][k]);
  }
  STATOR_UNROLL
  for (Index r = 0; r < 4; ++r) {
    V y[4];
    transform(s[r], y[0], y[1], y[2], y[3]);
    STATOR_UNROLL
    for (Index k = 0; k < 4; ++k) put(r, k, y[k]);
  }
}

} // namespace stator::kernel::detail
