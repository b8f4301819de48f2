// SPDX-License-Identifier: BSL-1.0
// Pixels of a convolution in the lanes of vectors: which pixels a vector holds, and a source laid out so that
// they are neighbours there too. For few channels in a group, where vectors of channels would be mostly
// empty.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/conv_direction.hpp"

namespace stator::kernel::detail {

/// Vectors along the last axis of the target of one direction of the convolution G. With `Overhangs`, a
/// vector may be wider than a row where the source is laid out: it reads beyond the row, W elements beyond
/// the source, and only its first lanes are results.
template<class T, auto G, bool Backward, bool Overhangs = false>
struct conv_lanes {
  using direction = conv_direction<G, Backward>;
  static constexpr std::size_t D = G.axes;
  /// Steps along the last axis of the source: its pixels are laid out as so many parts, every such pixel in
  /// one.
  static constexpr Index split = direction::scale[D - 1];
  static constexpr Index part = ceil_div(direction::padded[D - 1], split);
  static constexpr bool lays_out = direction::pads || split > 1;
  /// Extents and elements of a plane as laid out.
  static constexpr std::array<Index, D> extents = [] {
    std::array<Index, D> e = direction::padded;
    e[D - 1] = part * split;
    return e;
  }();
  static constexpr Index plane = product(extents);

  /// Pixels in the shortest row of a class.
  static constexpr Index shortest = [] {
    Index n = direction::target[D - 1];
    direction::each_class([&](const ConvClass<D>& c) {
      if (product(c.count) > 0) n = std::min(n, c.count[D - 1]);
    });
    return n;
  }();
  /// Lanes of a vector, and how many of them are pixels of a row; rows that are shorter than the narrowest
  /// vector cannot be taken.
  static constexpr Index W = [] {
    if (Overhangs && lays_out && !direction::in_phases) return width_for<T>(shortest);
    Index w = native_width<T>;
    while (w > quad<T> && w > shortest) w /= 2;
    return w;
  }();
  static constexpr Index valid = std::min(W, shortest);
  static constexpr bool possible = vectorizable<T> && shortest >= quad<T>;

  /// Vectors of a class, and of all of them. The last one of a row overlaps the one before.
  static constexpr Index vectors(const ConvClass<D>& c) {
    return c.count[D - 1] > 0 ? product(c.count) / c.count[D - 1] * ceil_div(c.count[D - 1], W) : 0;
  }
  static constexpr Index all_vectors = [] {
    Index n = 0;
    direction::each_class([&](const ConvClass<D>& c) { n += vectors(c); });
    return n;
  }();

  /// Where an element of the padded source lies.
  static constexpr Index at(std::array<Index, D> i) {
    i[D - 1] = i[D - 1] % split * part + i[D - 1] / split;
    return flat_index(i, extents);
  }

  /// Calls `visit(index of its first pixel in the class, first pixel)` for each vector of a class.
  template<class Visit>
  static void each_vector(const ConvClass<D>& c, Visit&& visit) {
    const Index width = c.count[D - 1];
    if (width == 0) return;
    std::array<Index, D> rows = c.count;
    rows[D - 1] = 1;
    for_each_index<D>(rows, [&](std::array<Index, D> i) {
      for (Index j = 0; j < width; j += W) {
        i[D - 1] = std::max<Index>(std::min(j, width - W), 0);
        visit(flat_index(i, c.count), i);
      }
    });
  }

  /// Lays out `channels` planes of the source; `fresh` as for `pad_planes`.
  static void lay_out(const T* from, Index channels, T* to, bool fresh = true) {
    if constexpr (split == 1) {
      pad_planes<D>(from, channels, direction::source, direction::front, extents, to, fresh);
    } else {
      constexpr Index width = direction::source[D - 1], front = direction::front[D - 1];
      std::array<Index, D> rows = direction::source;
      rows[D - 1] = 1;
      if (fresh) std::fill_n(to, channels * plane, T{});
      for (Index c = 0; c < channels; ++c, to += plane)
        for_each_index<D>(rows, [&](std::array<Index, D> i) {
          for (std::size_t d = 0; d + 1 < D; ++d) i[d] += direction::front[d];
          T* row = to + flat_index(i, extents);
          if constexpr (split == 2) {
            deal_row(from, width, row + front % 2 * part + front / 2,
                     row + (front + 1) % 2 * part + (front + 1) / 2);
            from += width;
            return;
          }
          for (Index r = 0; r < split; ++r) {
            // Columns of the padded source r, r + split, ...; those before `front` are zeros.
            const Index first = r >= front ? r : r + ceil_div(front - r, split) * split;
            T* place = row + r * part + first / split;
            for (Index j = first - front; j < width; j += split) *place++ = from[j];
          }
          from += width;
        });
    }
  }
};

/// out[i][...] = start[i] + Σ_p a[p * MR + i] · x[from[v] + step[p] ...] for MR channels i and `count`
/// vectors v of W pixels, written to y[i * plane + to[v]]; the first `channels` channels only, of each vector
/// the first `Valid` pixels.
template<class T, Index W, Index MR, Index NV, Index Valid = W>
STATOR_NOINLINE void conv_lanes_tiles(const T* x, const Offset* from, const Offset* to, Index count,
                                      const Offset* step, Index k, const T* a, const T* start, T* y,
                                      Index plane, Index channels) {
  using V = vec<T, W>;
  for (Index q = 0; q < count; q += NV) {
    const T* pixels[NV];
    STATOR_UNROLL
    for (Index v = 0; v < NV; ++v) pixels[v] = x + from[std::min(q + v, count - 1)];
    V sum[MR][NV];
    STATOR_UNROLL
    for (Index i = 0; i < MR; ++i) {
      STATOR_UNROLL
      for (Index v = 0; v < NV; ++v) sum[i][v] = start[i] - V{};
    }
    const T* weights = a;
    for (Index p = 0; p < k; ++p, weights += MR) {
      const Index shift = step[p];
      if constexpr (MR <= NV) {
        V weight[MR];
        STATOR_UNROLL
        for (Index i = 0; i < MR; ++i) weight[i] = weights[i] - V{};
        STATOR_UNROLL
        for (Index v = 0; v < NV; ++v) {
          V line;
          load_once(line, pixels[v] + shift);
          STATOR_UNROLL
          for (Index i = 0; i < MR; ++i) sum[i][v] += weight[i] * line;
        }
      } else {
        V line[NV];
        STATOR_UNROLL
        for (Index v = 0; v < NV; ++v) load(line[v], pixels[v] + shift);
        STATOR_UNROLL
        for (Index i = 0; i < MR; ++i) {
          const V weight = weights[i] - V{};
          STATOR_UNROLL
          for (Index v = 0; v < NV; ++v) sum[i][v] += weight * line[v];
        }
      }
    }
    STATOR_UNROLL
    for (Index v = 0; v < NV; ++v) {
      T* out = y + to[std::min(q + v, count - 1)];
      STATOR_UNROLL
      for (Index i = 0; i < MR; ++i)
        if (i < channels) store_first<T, W, Valid>(sum[i][v], out + i * plane);
    }
  }
}

} // namespace stator::kernel::detail
