// SPDX-License-Identifier: BSL-1.0
// The transforms of F(2x2, 3x3), with channels in the lanes of vectors: tiles of 4x4 pixels of a source, of
// 2x2 pixels of a gradient, of weights, and back. Each makes 16 numbers, the points, of which products of
// matrices are taken: those of a point lie [tile, channel]. Source: Lavin and Gray 2016.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_channel_lanes.hpp"

#include <algorithm>

namespace stator::kernel::detail {

/// Products of a tile.
inline constexpr Index winograd_points = 16;

/// Planes of a batch, and how tiles lie in them: rows of `across` tiles, `down` of them to a sample, the
/// first one `top` pixels above and `left` pixels before the first pixel.
struct WinogradPlanes {
  Index channels, high, wide, top, left, down, across;
};

/// Rows of tiles, counted through the samples of a batch; W channels go through all of them before the next.
template<class T, WinogradPlanes P, Index Height, Index Step = 2>
struct winograd_lines {
  static constexpr Index W = native_width<T>, pixels = Step * P.across + Height - Step;
  /// Elements between tiles of a point: never so many that tiles displace one another in the caches.
  static constexpr Index stride =
      P.channels * static_cast<Index>(sizeof(T)) % 1024 == 0 ? P.channels + W : P.channels;
  /// Elements between points, for so many tiles.
  static constexpr Index point(Index tiles) { return tiles * stride + W; }
  /// Elements of the rows of pixels that are kept.
  static constexpr Index kept = Height * pixels * W;

  /// Calls `put(rows of pixels, where its tiles go)` for each row of tiles from `first` on.
  static void each(const auto& x, Index first, Index count, T* to, T* lines, auto&& put) {
    for (Index c = 0; c < P.channels; c += W)
      for (Index u = first; u < first + count; ++u) {
        const Index n = u / P.down, ty = u % P.down;
        const T* rows[Height];
        for (Index r = 0; r < Height; ++r) {
          T* const line = lines + (Step * ty + r) % Height * pixels * W;
          rows[r] = line;
          // What the row of tiles before has filled is still there.
          if (r + Step >= Height || u == first || ty == 0) fill(x, n, c, Step * ty + r - P.top, line);
        }
        put(rows, to + (u - first) * P.across * stride + c);
      }
  }

private:
  static void fill(const auto& x, Index n, Index c, Index row, T* to) {
    constexpr Index used = std::min(P.wide, pixels - P.left);
    if (row < 0 || row >= P.high) {
      std::fill_n(to, pixels * W, T{});
      return;
    }
    std::fill_n(to, P.left * W, T{});
    read<used>(x, n * P.channels + c, row, to + P.left * W);
    std::fill_n(to + (P.left + used) * W, (pixels - P.left - used) * W, T{});
  }
  template<Index Used>
  STATOR_ALWAYS_INLINE static void read(const T* x, Index plane, Index row, T* to) {
    planes_to_lanes<T, W, Used, P.high * P.wide>(x + (plane * P.high + row) * P.wide, to);
  }
  /// A row of a gradient whose maxima are given: pixels that have not won are zero.
  template<Index Used>
  static void read(const PooledGradient<T>& x, Index plane, Index row, T* to) {
    static_assert(Used == P.wide && P.wide % 2 == 0 && P.high % 2 == 0);
    constexpr Index across = P.wide / 2, down = P.high / 2;
    using Winners = ConvWinners<T, W, P.channels, down, across>;
    T* const maxima = to + across * W; // which the pixels overwrite
    planes_to_lanes<T, W, across, down * across>(x.gradient + (plane * down + row / 2) * across, maxima);
    const T* word = x.winners + Winners::at(0, plane, row / 2);
    for (Index t = 0; t < across; word += W) {
      typename Winners::bits bits;
      load(bits, word);
      bits >>= 2 * (row % 2);
      for (const Index end = std::min(t + 8, across); t < end; ++t, bits >>= 4) {
        vec<T> g;
        load(g, maxima + t * W);
        const vec<T> first = (bits & 1) != 0 ? g : vec<T>{}, second = (bits & 2) != 0 ? g : vec<T>{};
        store(first, to + 2 * t * W);
        store(second, to + (2 * t + 1) * W);
      }
    }
  }
};

/// B^T d B of tiles of a source that overlap by two pixels: to[point * distance + tile * stride + channel].
template<class T, WinogradPlanes P>
struct winograd_source : winograd_lines<T, P, 4> {
  using lines = winograd_lines<T, P, 4>;
  static constexpr Index W = lines::W, stride = lines::stride;

  STATOR_NOINLINE static void run(auto x, Index first, Index count, T* to, Index distance, T* space) {
    using V = vec<T, W>;
    lines::each(x, first, count, to, space, [distance](const T* const(&rows)[4], T* at) STATOR_INLINE_LAMBDA {
      const Index next = distance; // of which stores know that they do not change it
      const auto column = [&](Index pixel, V(&b)[4]) STATOR_INLINE_LAMBDA {
        V d[4];
        STATOR_UNROLL
        for (Index r = 0; r < 4; ++r) load_once(d[r], rows[r] + pixel * W);
        b[0] = d[0] - d[2], b[1] = d[1] + d[2], b[2] = d[2] - d[1], b[3] = d[1] - d[3];
      };
      V b[4][4];
      column(0, b[0]);
      column(1, b[1]);
      for (Index t = 0; t < P.across; ++t, at += stride) {
        column(2 * t + 2, b[2]);
        column(2 * t + 3, b[3]);
        T* point = at;
        STATOR_UNROLL
        for (Index r = 0; r < 4; ++r, point += 4 * next) {
          const V v0 = b[0][r] - b[2][r], v1 = b[1][r] + b[2][r], v2 = b[2][r] - b[1][r],
                  v3 = b[1][r] - b[3][r];
          store(v0, point), store(v1, point + next);
          store(v2, point + 2 * next), store(v3, point + 3 * next);
          b[0][r] = b[2][r], b[1][r] = b[3][r];
        }
      }
    });
  }
};

/// A g A^T of tiles of a gradient.
template<class T, WinogradPlanes P>
struct winograd_gradient : winograd_lines<T, P, 2> {
  using lines = winograd_lines<T, P, 2>;
  static constexpr Index W = lines::W, stride = lines::stride;

  STATOR_NOINLINE static void run(auto x, Index first, Index count, T* to, Index distance, T* space) {
    using V = vec<T, W>;
    lines::each(x, first, count, to, space, [distance](const T* const(&rows)[2], T* at) STATOR_INLINE_LAMBDA {
      const Index next = distance;
      for (Index t = 0; t < P.across; ++t, at += stride) {
        V a[2][4]; // of a column of pixels
        STATOR_UNROLL
        for (Index k = 0; k < 2; ++k) {
          V d[2];
          STATOR_UNROLL
          for (Index r = 0; r < 2; ++r) load_once(d[r], rows[r] + (2 * t + k) * W);
          a[k][0] = d[0], a[k][1] = d[0] + d[1], a[k][2] = d[0] - d[1], a[k][3] = -d[1];
        }
        T* point = at;
        STATOR_UNROLL
        for (Index r = 0; r < 4; ++r, point += 4 * next) {
          const V v1 = a[0][r] + a[1][r], v2 = a[0][r] - a[1][r], v3 = -a[1][r];
          store(a[0][r], point), store(v1, point + next);
          store(v2, point + 2 * next), store(v3, point + 3 * next);
        }
      }
    });
  }
};

/// G g G^T of weights, to[point * distance + ...]: g is [9][...], and `transform(a, b, c, u)` gives the
/// Points elements of G times a column.
template<class T, Index Points>
STATOR_ALWAYS_INLINE inline void winograd_weights_by(const T* taps, Index next, T* to, Index distance,
                                                     auto&& transform) {
  using V = vec<T>;
  V rows[3][Points]; // [column][row]
  STATOR_UNROLL
  for (Index k = 0; k < 3; ++k) {
    V g[3];
    STATOR_UNROLL
    for (Index r = 0; r < 3; ++r) load(g[r], taps + (3 * r + k) * next);
    transform(g[0], g[1], g[2], rows[k]);
  }
  STATOR_UNROLL
  for (Index r = 0; r < Points; ++r) {
    V u[Points];
    transform(rows[0][r], rows[1][r], rows[2][r], u);
    STATOR_UNROLL
    for (Index s = 0; s < Points; ++s) store(u[s], to + (Points * r + s) * distance);
  }
}
/// That of F(2x2, 3x3), `Flipped` turned by half a turn.
template<class T, bool Flipped>
STATOR_ALWAYS_INLINE inline void winograd_weights(const T* taps, Index next, T* to, Index distance) {
  using V = vec<T>;
  winograd_weights_by<T, 4>(
      taps, next, to, distance, [](const V& a, const V& b, const V& c, V(&u)[4]) STATOR_INLINE_LAMBDA {
        const V outer = (a + c) * T(0.5), inner = b * T(0.5);
        u[Flipped ? 3 : 0] = a, u[1] = outer + inner, u[2] = outer - inner, u[Flipped ? 0 : 3] = c;
      });
}

/// A^T m A: calls `put(row, column, pixel)` for the four pixels of a tile.
template<class T>
STATOR_ALWAYS_INLINE inline void winograd_pixels(const T* m, Index distance, auto&& put) {
  using V = vec<T>;
  V s[2][4];
  STATOR_UNROLL
  for (Index k = 0; k < 4; ++k) {
    V p[4];
    STATOR_UNROLL
    for (Index r = 0; r < 4; ++r) load_once(p[r], m + (r * 4 + k) * distance);
    s[0][k] = p[0] + p[1] + p[2];
    s[1][k] = p[1] - p[2] - p[3];
  }
  STATOR_UNROLL
  for (Index r = 0; r < 2; ++r) {
    put(r, 0, static_cast<V>(s[r][0] + s[r][1] + s[r][2]));
    put(r, 1, static_cast<V>(s[r][1] - s[r][2] - s[r][3]));
  }
}

/// G^T d G: the gradient of nine weights from that of their points.
template<class T>
STATOR_ALWAYS_INLINE inline void winograd_taps(const T* d, Index distance, vec<T> (&taps)[9]) {
  using V = vec<T>;
  const auto transform = [](const V(&u)[4], V& a, V& b, V& c) STATOR_INLINE_LAMBDA {
    const V outer = (u[1] + u[2]) * T(0.5);
    a = u[0] + outer, b = (u[1] - u[2]) * T(0.5), c = outer + u[3];
  };
  V rows[3][4];
  STATOR_UNROLL
  for (Index k = 0; k < 4; ++k) {
    V u[4];
    STATOR_UNROLL
    for (Index r = 0; r < 4; ++r) load_once(u[r], d + (4 * r + k) * distance);
    transform(u, rows[0][k], rows[1][k], rows[2][k]);
  }
  STATOR_UNROLL
  for (Index r = 0; r < 3; ++r) transform(rows[r], taps[3 * r], taps[3 * r + 1], taps[3 * r + 2]);
}

} // namespace stator::kernel::detail
