// SPDX-License-Identifier: BSL-1.0
// One direction of a convolution, forward or backward to the input, as sums over taps of a padded source:
// target[i] = Σ source[i * scale + origin + shift(tap)]. Backward with a stride splits into classes of
// target pixels that see the same taps; forward is a single class.
#pragma once

#include "stator/kernel/conv_planes.hpp"
#include "stator/kernel/conv_tile.hpp"

namespace stator::kernel::detail {

/// Pixels of the target that see the same taps, as ranges of tables.
struct PixelClass {
  Index pixel, pixels; ///< a range of the tables of pixels
  Index step, taps;    ///< where its steps begin, and how many for each source channel
};

/// Pixels of the target that see the same taps, along each axis: first, first + stride, ..., `count` of them,
/// the first one at `origin` of the padded source. Backward the taps k with k·dilation = residue +
/// stride·shift.
template<std::size_t D>
struct ConvClass {
  std::array<Index, D> residue{}, first{}, count{}, origin{}, deepest{}, taps{};
};

/// The geometry of one direction of the convolution G.
template<auto G, bool Backward>
struct conv_direction {
  static constexpr std::size_t D = G.axes;
  static constexpr auto output = G.output();
  static constexpr Index taps = G.taps();
  /// Channels of one group.
  static constexpr Index source_channels = (Backward ? G.out_channels : G.in_channels) / G.groups;
  static constexpr Index target_channels = (Backward ? G.in_channels : G.out_channels) / G.groups;
  static constexpr std::array<Index, D> source = Backward ? output : G.input;
  static constexpr std::array<Index, D> target = Backward ? G.input : output;

  /// Zeros before the source, and its extents with zeros on both sides.
  static constexpr std::array<Index, D> front = [] {
    std::array<Index, D> f = G.padding_begin;
    if (Backward)
      for (std::size_t d = 0; d < D; ++d) {
        const Index reach = G.dilation[d] * (G.kernel[d] - 1) - G.padding_begin[d];
        f[d] = reach > 0 ? ceil_div(reach, G.stride[d]) : 0;
      }
    return f;
  }();
  static constexpr std::array<Index, D> padded = [] {
    std::array<Index, D> p{};
    for (std::size_t d = 0; d < D; ++d) {
      const Index last =
          Backward ? (G.input[d] - 1 + G.padding_begin[d]) / G.stride[d] : G.input[d] - 1 + G.padding_end[d];
      p[d] = front[d] + std::max(source[d], last + 1);
    }
    return p;
  }();
  static constexpr bool pads = padded != source;
  static constexpr Index source_plane = product(source), target_plane = product(target),
                         plane = product(padded);
  static constexpr Index steps = source_channels * taps;
  /// Multiplications for a sample.
  static constexpr Index work = G.out_channels * product(output) * (G.in_channels / G.groups) * taps;

  static constexpr Index class_count = Backward ? product(G.stride) : 1;
  /// Steps of the source between neighbouring pixels of a class.
  static constexpr std::array<Index, D> scale = Backward ? filled<D>(1) : G.stride;

  /// The class of pixels that `residue` stands for.
  static constexpr ConvClass<D> class_of(const std::array<Index, D>& residue) {
    ConvClass<D> c;
    c.residue = residue;
    if (!Backward) {
      c.count = target;
      c.taps = G.kernel;
      return c;
    }
    for (std::size_t d = 0; d < D; ++d) {
      c.first[d] = ((residue[d] - G.padding_begin[d]) % G.stride[d] + G.stride[d]) % G.stride[d];
      c.count[d] = c.first[d] < target[d] ? ceil_div(target[d] - c.first[d], G.stride[d]) : 0;
      for (Index k = 0; k < G.kernel[d]; ++k)
        if (k * G.dilation[d] % G.stride[d] == residue[d]) {
          ++c.taps[d];
          c.deepest[d] = k * G.dilation[d] / G.stride[d];
        }
      c.origin[d] = (c.first[d] + G.padding_begin[d] - residue[d]) / G.stride[d] + front[d] - c.deepest[d];
    }
    return c;
  }

  /// Calls `visit` with each class; their numbers are those of the residues in row-major order.
  template<class Visit>
  static constexpr void each_class(Visit&& visit) {
    for_each_index<D>(Backward ? G.stride : filled<D>(1),
                      [&](const std::array<Index, D>& residue) { visit(class_of(residue)); });
  }

  /// Where pixel i of a class lies in the padded source, at the tap of shift zero.
  static constexpr std::array<Index, D> source_of(const ConvClass<D>& c, const std::array<Index, D>& i) {
    std::array<Index, D> at{};
    for (std::size_t d = 0; d < D; ++d) at[d] = c.origin[d] + i[d] * scale[d];
    return at;
  }

  /// Calls `visit(number of the tap in w, shift in the padded source)` for each tap that a class sees.
  template<class Visit>
  static void each_tap(const ConvClass<D>& c, Visit&& visit) {
    for_each_index<D>(G.kernel, [&](const std::array<Index, D>& k) {
      std::array<Index, D> at{};
      for (std::size_t d = 0; d < D; ++d) {
        at[d] = k[d] * G.dilation[d];
        if (!Backward) continue;
        if (at[d] % G.stride[d] != c.residue[d]) return;
        at[d] = c.deepest[d] - at[d] / G.stride[d];
      }
      visit(flat_index(k, G.kernel), at);
    });
  }

  /// The weight of a tap for channels `target` and `source` of group g.
  static constexpr Index weight_at(Index g, Index of_target, Index of_source) {
    return (Backward ? (g * source_channels + of_source) * target_channels + of_target
                     : (g * target_channels + of_target) * source_channels + of_source) *
           taps;
  }

  static constexpr bool in_phases = class_count > 1; ///< whether the target is computed class by class
  /// Where the pixels of each class begin, if classes follow one another.
  static constexpr auto class_begin = [] {
    std::array<Index, static_cast<std::size_t>(class_count)> begin{};
    std::size_t number = 0;
    Index pixel = 0;
    each_class([&](const ConvClass<D>& c) {
      begin[number++] = pixel;
      pixel += product(c.count);
    });
    return begin;
  }();
};

/// One plane of the target from its classes, which lie one after the other in `from`.
template<auto G>
void join_phases(const auto* from, auto* to) {
  using T = std::remove_cvref_t<decltype(*to)>;
  using direction = conv_direction<G, true>;
  constexpr std::size_t D = G.axes;
  constexpr Index S = G.stride[D - 1], width = G.input[D - 1];
  std::array<Index, D> rows = G.input;
  rows[D - 1] = 1;
  for_each_index<D>(rows, [&](const std::array<Index, D>& i) {
    std::array<Index, D> residue{};
    for (std::size_t d = 0; d + 1 < D; ++d) residue[d] = (i[d] + G.padding_begin[d]) % G.stride[d];
    const T* phase[S] = {};
    for (Index r = 0; r < S; ++r) {
      residue[D - 1] = r;
      const ConvClass<D> c = direction::class_of(residue);
      Index row = 0;
      for (std::size_t d = 0; d + 1 < D; ++d) row = row * c.count[d] + i[d] / G.stride[d];
      if (c.count[D - 1] > 0)
        phase[c.first[D - 1]] =
            from + direction::class_begin[static_cast<std::size_t>(flat_index(residue, G.stride))] +
            row * c.count[D - 1];
    }
    Index j = 0;
    if constexpr (S == 2 && vectorizable<T> && native_width<T> > 1) {
      constexpr Index W = native_width<T>;
      for (; j + 2 * W <= width; j += 2 * W) {
        vec<T> even, odd, a, b;
        load(even, phase[0] + j / 2);
        load(odd, phase[1] + j / 2);
        merge<T, W>(even, odd, a, b);
        store(a, to + j);
        store(b, to + j + W);
      }
    }
    for (; j < width; ++j) to[j] = phase[j % S][j / S];
    to += width;
  });
}

} // namespace stator::kernel::detail
