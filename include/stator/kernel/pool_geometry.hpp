// SPDX-License-Identifier: BSL-1.0
// What a pooling is: which elements each window covers, along each axis, as PyTorch defines it.
#pragma once

#include "stator/kernel/conv_geometry.hpp"

#include <algorithm>

namespace stator::kernel {

/// Elements begin, begin + step, ... below `end` along one axis, and the number that an average divides by.
struct PoolWindow {
  Index begin, end, step, size;
};

/// Windows of a fixed size over D axes.
template<std::size_t D>
struct PoolGeometry {
  static constexpr std::size_t axes = D; ///< number of spatial dimensions

  std::array<Index, D> input{};                         ///< spatial extents
  std::array<Index, D> kernel = detail::filled<D>(1);   ///< extents of a window
  std::array<Index, D> stride = detail::filled<D>(1);   ///< steps between windows
  std::array<Index, D> padding{};                       ///< on both sides of each axis
  std::array<Index, D> dilation = detail::filled<D>(1); ///< steps between elements of a window
  bool ceil_mode = false;                               ///< a window that reaches beyond the end counts
  bool count_include_pad = true;                        ///< averages count the zeros of the padding
  Index divisor_override = 0;                           ///< what averages divide by, if not zero

  /// Spatial extents of the result.
  constexpr std::array<Index, D> output() const {
    std::array<Index, D> out{};
    for (std::size_t d = 0; d < D; ++d) {
      const Index room = input[d] + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1;
      out[d] = (room + (ceil_mode ? stride[d] - 1 : 0)) / stride[d] + 1;
      // The last window must begin inside the input or the padding before it.
      if (ceil_mode && (out[d] - 1) * stride[d] >= input[d] + padding[d]) --out[d];
    }
    return out;
  }

  /// What output o covers along axis d.
  constexpr PoolWindow window(std::size_t d, Index o) const {
    const Index begin = o * stride[d] - padding[d];
    const Index end = begin + dilation[d] * (kernel[d] - 1) + 1;
    const Index first = begin >= 0 ? begin : begin + (-begin + dilation[d] - 1) / dilation[d] * dilation[d];
    const Index last = std::min(end, input[d]);
    const Index size = count_include_pad ? std::min(end, input[d] + padding[d]) - begin : last - first;
    return {first, last, dilation[d], size};
  }

  constexpr bool operator==(const PoolGeometry&) const = default;
};

/// Windows that share the input out evenly among a given number of results.
template<std::size_t D>
struct AdaptivePoolGeometry {
  static constexpr std::size_t axes = D;       ///< number of spatial dimensions
  static constexpr Index divisor_override = 0; ///< averages divide by the size of the window

  /// Spatial extents, before and after.
  std::array<Index, D> input{}, result{};

  /// Spatial extents of the result.
  constexpr std::array<Index, D> output() const { return result; }

  /// What output o covers along axis d.
  constexpr PoolWindow window(std::size_t d, Index o) const {
    const Index begin = o * input[d] / result[d];
    const Index end = ((o + 1) * input[d] + result[d] - 1) / result[d];
    return {begin, end, 1, end - begin};
  }

  constexpr bool operator==(const AdaptivePoolGeometry&) const = default;
};

namespace detail {

/// Windows of two by two that do not overlap, along the last two of the axes.
template<std::size_t D>
constexpr bool halves(const PoolGeometry<D>& g) {
  for (std::size_t d = 0; d < D; ++d) {
    const Index k = d + 2 >= D ? 2 : 1;
    if (g.kernel[d] != k || g.stride[d] != k || g.padding[d] != 0 || g.dilation[d] != 1) return false;
  }
  const auto out = g.output();
  return D >= 2 && !g.ceil_mode && g.divisor_override == 0 && out[D - 1] > 0;
}
template<std::size_t D>
constexpr bool halves(const AdaptivePoolGeometry<D>& g) {
  for (std::size_t d = 0; d < D; ++d)
    if (g.input[d] != (d + 2 >= D ? 2 : 1) * g.result[d]) return false;
  return D >= 2;
}

/// Whether averages divide by the same number everywhere.
template<std::size_t D>
constexpr bool have_one_size(const PoolGeometry<D>& g) {
  return g.divisor_override != 0 ||
         (!g.ceil_mode && (g.count_include_pad || g.padding == std::array<Index, D>{}));
}
template<std::size_t D>
constexpr bool have_one_size(const AdaptivePoolGeometry<D>& g) {
  for (std::size_t d = 0; d < D; ++d)
    if (g.input[d] % g.result[d] != 0) return false;
  return true;
}

/// Whether a window lies in the padding alone, which dilation can bring about.
template<class Geometry>
constexpr bool has_empty_window(const Geometry& g) {
  const auto out = g.output();
  for (std::size_t d = 0; d < Geometry::axes; ++d)
    for (Index o = 0; o < out[d]; ++o)
      if (const PoolWindow w = g.window(d, o); w.begin >= w.end) return true;
  return false;
}

/// Calls `visit(output index, windows)` for each window of a plane; always three axes, the first ones
/// trivial.
template<auto G, class Visit>
void for_each_window(Visit&& visit) {
  constexpr std::size_t D = G.axes;
  const auto window = [](std::size_t axis, Index o) {
    return axis + D >= 3 ? G.window(axis + D - 3, o) : PoolWindow{0, 1, 1, 1};
  };
  constexpr auto extent = [](std::size_t axis) {
    return axis + D >= 3 ? G.output()[axis + D - 3] : Index{1};
  };
  constexpr Index depth = extent(0), height = extent(1), width = extent(2);
  Index at = 0;
  for (Index z = 0; z < depth; ++z) {
    const PoolWindow wz = window(0, z);
    for (Index y = 0; y < height; ++y) {
      const PoolWindow wy = window(1, y);
      for (Index x = 0; x < width; ++x) visit(at++, wz, wy, window(2, x));
    }
  }
}

/// Calls `visit(input index)` for each element of a window, in row-major order.
template<auto G, class Visit>
void for_each_in(const PoolWindow& z, const PoolWindow& y, const PoolWindow& x, Visit&& visit) {
  constexpr std::size_t D = G.axes;
  constexpr Index width = G.input[D - 1], height = D >= 2 ? G.input[D - (D >= 2 ? 2 : 1)] : 1;
  for (Index k = z.begin; k < z.end; k += z.step)
    for (Index j = y.begin; j < y.end; j += y.step)
      for (Index i = x.begin; i < x.end; i += x.step) visit((k * height + j) * width + i);
}

} // namespace detail
} // namespace stator::kernel
