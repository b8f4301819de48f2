// SPDX-License-Identifier: BSL-1.0
// Planes that are convolved each by itself, with vectors along the pixels. Rows of the source that lie in
// registers go to all rows of the target that see them, for one column of the kernel after the other.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_planes.hpp"

#include <algorithm>

namespace stator::kernel::detail {

/// Vectors of the target, one below the other, that are computed at once: those of `height` rows by a kernel
/// of `taps` rows, `stride` apart. As many as leave little to do twice.
constexpr Index plane_tile(Index height, Index taps, Index stride) {
  Index best = 1, least = 0;
  for (Index r = 1; r <= std::min<Index>(height, 8) && (r - 1) * stride + taps + r + 2 <= vector_registers;
       ++r)
    if (const Index all = ceil_div(height, r) * (r + 1); r == 1 || all <= least) best = r, least = all;
  return best;
}

/// A plane as it is read: elements between rows, elements from columns 0, Across, ... to columns 1, Across +
/// 1, ..., and the steps between the windows of neighbouring vectors and pixels.
struct PlaneSteps {
  Index row = 0, part = 0, down = 1, across = 1; // NOLINT: described above

  /// Where column l of the kernel begins.
  constexpr Index column(Index l) const { return l % across * part + l / across; }
  constexpr bool operator==(const PlaneSteps&) const = default;
};

/// `rows` rows of Width elements of an array of `count`, from its element `at` on, as rows of Row elements,
/// with Front zeros before them and zeros behind: whole vectors, of which those before and behind are cut.
/// With Split 2, even elements of a row come first.
template<class T, Index W, Index Split, Index Front, Index Width, Index Row>
STATOR_NOINLINE void lay_rows(const T* array, Index at, Index count, Index rows, T* to) {
  using Lane = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  constexpr Index part = Row / Split;
  const T* from = array + at;
  for (Index i = 0; i < rows; ++i, at += Width, from += Width, to += Row) {
    if (at < Front || at - Front + Row > count) { // at the ends of the array
      for (Index j = Front; j < Front + Width; ++j) to[j % Split * part + j / Split] = from[j - Front];
      continue;
    }
    const auto read = [&](Index j, vec<T, W>& v) STATOR_INLINE_LAMBDA {
      load(v, from - Front + j);
      if (j >= Front && j + W <= Front + Width) return;
      vec<Lane, W> bits, lane;
      for (Index l = 0; l < W; ++l) lane[l] = j + l >= Front && j + l < Front + Width ? Lane{-1} : Lane{};
      STATOR_MEMCPY(&bits, &v, sizeof v);
      bits &= lane;
      STATOR_MEMCPY(&v, &bits, sizeof v);
    };
    STATOR_UNROLL
    for (Index j = 0; j < Row; j += Split * W) {
      vec<T, W> a;
      read(j, a);
      if constexpr (Split == 1) {
        store(a, to + j);
      } else {
        vec<T, W> b, even, odd;
        read(j + W, b);
        split<T, W>(a, b, even, odd);
        store(even, to + j / 2);
        store(odd, to + part + j / 2);
      }
    }
  }
}

/// sum[r] += Σ w[k, l] · x[r · down + k, l ...]; with `Turned` the last tap is the first.
template<class T, Index W, Index R, Index KH, Index KW, PlaneSteps At, bool Turned>
STATOR_ALWAYS_INLINE inline void add_plane_rows(const T* x, const T* w, vec<T, W> (&sum)[R]) {
  using V = vec<T, W>;
  STATOR_UNROLL
  for (Index l = 0; l < KW; ++l) {
    V line[(R - 1) * At.down + KH];
    STATOR_UNROLL
    for (Index s = 0; s < (R - 1) * At.down + KH; ++s) load_once(line[s], x + s * At.row + At.column(l));
    STATOR_UNROLL
    for (Index k = 0; k < KH; ++k) {
      const V tap = w[Turned ? KH * KW - 1 - k * KW - l : k * KW + l] - V{};
      STATOR_UNROLL
      for (Index r = 0; r < R; ++r) sum[r] += tap * line[r * At.down + k];
    }
  }
}

/// The same for a stride of two, to the input: y[2i + r, 2j + c] = start + Σ x[i + d, j + e] · w[PH + r - 2d,
/// PW + c - 2e], where PH and PW are the padding of the convolution. x is the pixel 0, 0 of the source in a
/// plane with zeros around it, which may be read W elements behind the end of a row.
template<class T, Index W, Index KH, Index KW, Index PH, Index PW, Index Row, Index Height, Index Width>
STATOR_NOINLINE void conv_plane_up(const T* x, const T* w, T start, T* y) {
  using V = vec<T, W>;
  constexpr Index pairs = ceil_div(Width, Index{2}), first = std::min(W, Width),
                  second = std::clamp<Index>(Width - W, 0, W);
  // The first shift that a tap is seen at: (P + 1 - K) / 2, rounded up.
  const auto lowest = [](Index taps, Index padding) { return -((taps - 1 - padding) / 2); };
  constexpr bool keeps = KH * KW + 7 <= vector_registers;
  V tap[KH * KW];
  if constexpr (keeps) {
    STATOR_UNROLL
    for (Index t = 0; t < KH * KW; ++t) tap[t] = w[t] - V{};
  }
  for (Index i = 0; i < Height; i += 2, x += Row)
    for (Index j = 0; j < pairs; j += W) {
      const Index left = std::max<Index>(std::min(j, pairs - W), 0);
      V sum[2][2];
      STATOR_UNROLL
      for (Index r = 0; r < 2; ++r) {
        STATOR_UNROLL
        for (Index c = 0; c < 2; ++c) sum[r][c] = start - V{};
      }
      STATOR_UNROLL
      for (Index d = lowest(KH, PH); d <= (PH + 1) / 2; ++d) {
        STATOR_UNROLL
        for (Index e = lowest(KW, PW); e <= (PW + 1) / 2; ++e) {
          V line;
          load_once(line, x + d * Row + left + e);
          STATOR_UNROLL
          for (Index r = 0; r < 2; ++r) {
            STATOR_UNROLL
            for (Index c = 0; c < 2; ++c) {
              const Index k = PH + r - 2 * d, l = PW + c - 2 * e;
              if (k < 0 || k >= KH || l < 0 || l >= KW) continue;
              if constexpr (!keeps) tap[k * KW + l] = w[k * KW + l] - V{};
              sum[r][c] += tap[k * KW + l] * line;
            }
          }
        }
      }
      STATOR_UNROLL
      for (Index r = 0; r < 2; ++r) {
        if (i + r >= Height) break;
        V a, b;
        merge<T, W>(sum[r][0], sum[r][1], a, b);
        T* const out = y + (i + r) * Width + 2 * left;
        store_first<T, W, first>(a, out);
        if constexpr (second == 1)
          out[W] = b[0];
        else if constexpr (second > 1 && (Width % 2 == 0 || second < W))
          store_first<T, W, second>(b, out + W);
        else if constexpr (second > 0) { // the last pair of an odd width is half a pair
          if (2 * (left + W) <= Width)
            store(b, out + W);
          else
            store_first<T, W, W - 1>(b, out + W);
        }
      }
    }
}

/// sums[(o, k, l)][lane] += Σ x[i · down + k, j + l] · dy[o][i, j] over vectors j of `height` rows i, for NR
/// planes of dy and columns [First, First + LN) of the kernel: each row of x is loaded once for every l, with
/// the rows of dy that see it. Lanes below `over` of a last vector, which the one before has had, are left
/// out.
template<class T, Index W, Index NR, Index KH, Index KW, Index First, Index LN, PlaneSteps At>
STATOR_NOINLINE void conv_plane_products(const T* x, Index x_plane, const T* dy, Index dy_plane,
                                         Index dy_sample, Index samples, Index dy_row, Index height,
                                         Index width, T* sums) {
  using V = vec<T, W>;
  constexpr Index seen = ceil_div(KH, At.down); // rows of dy that a row of x may meet
  using Lane = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  vec<Lane, W> kept;
  for (Index l = 0; l < W; ++l) kept[l] = l >= round_up(width, W) - width ? Lane{-1} : Lane{};
  V sum[NR][KH][LN];
  STATOR_UNROLL
  for (Index o = 0; o < NR; ++o) {
    STATOR_UNROLL
    for (Index k = 0; k < KH; ++k) {
      STATOR_UNROLL
      for (Index l = 0; l < LN; ++l) sum[o][k][l] = V{};
    }
  }
  for (Index n = 0; n < samples; ++n, x += x_plane, dy += dy_sample)
    for (Index j = 0; j < width; j += W) {
      const Index left = std::min(j, width - W);
      const bool overlaps = left < j;
      V g[NR][seen];
      STATOR_UNROLL
      for (Index o = 0; o < NR; ++o) {
        STATOR_UNROLL
        for (Index q = 0; q < seen; ++q) g[o][q] = V{};
      }
      const T *from = x + left, *out = dy + left;
      // Rows of x from the one where the window of a row of dy begins, as far as they meet rows that are
      // there: the newest is `Newest` rows above.
      const auto step = [&]<Index Newest>() STATOR_INLINE_LAMBDA {
        STATOR_UNROLL
        for (Index s = 0; s < At.down; ++s) {
          if (s + Newest * At.down >= KH) continue;
          STATOR_UNROLL
          for (Index l = 0; l < LN; ++l) {
            V line;
            load_once(line, from + s * At.row + At.column(First + l));
            STATOR_UNROLL
            for (Index q = Newest; q < seen; ++q) {
              if (s + q * At.down >= KH) continue;
              STATOR_UNROLL
              for (Index o = 0; o < NR; ++o) sum[o][s + q * At.down][l] += line * g[o][q];
            }
          }
        }
        from += At.down * At.row;
        STATOR_UNROLL
        for (Index o = 0; o < NR; ++o) {
          STATOR_UNROLL
          for (Index q = seen - 1; q > 0; --q) g[o][q] = g[o][q - 1];
        }
      };
      for (Index i = 0; i < height; ++i, out += dy_row) {
        STATOR_UNROLL
        for (Index o = 0; o < NR; ++o) {
          load(g[o][0], out + o * dy_plane);
          if (overlaps) {
            vec<Lane, W> bits;
            STATOR_MEMCPY(&bits, &g[o][0], sizeof bits);
            bits &= kept;
            STATOR_MEMCPY(&g[o][0], &bits, sizeof bits);
          }
        }
        step.template operator()<0>();
      }
      [&]<Index... Q>(std::integer_sequence<Index, Q...>) STATOR_INLINE_LAMBDA {
        (step.template operator()<Q + 1>(), ...);
      }(std::make_integer_sequence<Index, seen - 1>{});
    }
  STATOR_UNROLL
  for (Index o = 0; o < NR; ++o) {
    STATOR_UNROLL
    for (Index k = 0; k < KH; ++k) {
      STATOR_UNROLL
      for (Index l = 0; l < LN; ++l) {
        T* const to = sums + ((o * KH + k) * KW + First + l) * W;
        V before;
        load(before, to);
        before += sum[o][k][l];
        store(before, to);
      }
    }
  }
}

} // namespace stator::kernel::detail
