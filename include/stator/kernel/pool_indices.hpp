// SPDX-License-Identifier: BSL-1.0
// Elements of planes by their places in the plane: what pooling keeps of the windows' maxima, and how
// fractional pooling chooses its windows.
#pragma once

#include "stator/kernel/conv_geometry.hpp"
#include "stator/kernel/parallel.hpp"
#include "stator/kernel/pool_halves.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace stator::kernel {

namespace detail {
/// Calls `body(first of `Large` elements, first of `Small` elements)` for each plane.
template<Index Large, Index Small, class Body>
void each_plane(Index planes, const Body& body) {
  parallel_for_chunks(planes, chunk_count(planes, planes * (Large + Small)),
                      [&](Index first, Index last, Index) {
                        for (Index p = first; p < last; ++p) body(p * Large, p * Small);
                      });
}
} // namespace detail

/// Planes of `Large` elements and of `Small` ones with their places `at` among the large ones' elements,
/// which are not checked here.
template<class T, Index Large, Index Small>
struct indexed_planes {
  /// out [planes, Small] = the elements of x [planes, Large] at their places.
  static void pick(const T* x, const std::int64_t* at, T* out, Index planes) {
    detail::each_plane<Large, Small>(planes, [=](Index in, Index to) {
      for (Index i = to; i < to + Small; ++i) out[i] = x[in + at[i]];
    });
  }
  /// out [planes, Large] += the elements of x [planes, Small] at their places.
  static void add(const T* x, const std::int64_t* at, T* out, Index planes) {
    detail::each_plane<Large, Small>(planes, [=](Index to, Index in) {
      for (Index i = in; i < in + Small; ++i) out[to + at[i]] += x[i];
    });
  }
  /// out [planes, Large] = zeros, with the elements of x [planes, Small] at their places; the last of several
  /// wins.
  static void put(const T* x, const std::int64_t* at, T* out, Index planes) {
    detail::each_plane<Large, Small>(planes, [=](Index to, Index in) {
      std::fill_n(out + to, Large, T{});
      for (Index i = in; i < in + Small; ++i) out[to + at[i]] = x[i];
    });
  }
};

/// Windows of one size whose places are random.
template<std::size_t D>
struct FractionalPoolGeometry {
  static constexpr std::size_t axes = D;            ///< number of spatial dimensions
  std::array<Index, D> input{}, kernel{}, result{}; ///< extents of a plane, of a window, of the result
  constexpr bool operator==(const FractionalPoolGeometry&) const = default;
};

/// Fractional maximum pooling. Source: Graham 2014, "Fractional max-pooling"; the intervals are PyTorch's.
template<class T, auto G>
struct fractional_max_pool {
  /// at [planes, result...]: of each window the place of its largest element in the plane of x [planes,
  /// input...]: the first of equal ones, the last NaN. samples [planes, D] from [0, 1].
  static void indices(const T* x, const T* samples, std::int64_t* at, Index planes) {
    detail::each_plane<input, output>(planes, [=](Index in, Index to) {
      plane(x + in, samples + in / input * static_cast<Index>(D), at + to);
    });
  }

private:
  static constexpr std::size_t D = G.axes;
  static constexpr Index input = detail::product(G.input), output = detail::product(G.result);

  /// Where the windows of an axis begin.
  template<std::size_t Axis>
  static std::array<Index, static_cast<std::size_t>(G.result[Axis])> begins(T sample) {
    constexpr Index count = G.result[Axis], last = G.input[Axis] - G.kernel[Axis];
    std::array<Index, static_cast<std::size_t>(count)> begin{};
    if constexpr (count > 1) {
      const T alpha = static_cast<T>(last) / static_cast<T>(count - 1);
      for (Index i = 0; i + 1 < count; ++i)
        begin[static_cast<std::size_t>(i)] =
            static_cast<Index>((static_cast<T>(i) + sample) * alpha) - static_cast<Index>(sample * alpha);
    }
    begin[static_cast<std::size_t>(count - 1)] = last;
    return begin;
  }

  static void plane(const T* x, const T* samples, std::int64_t* at) {
    // PyTorch's order: two samples are those of the columns and of the rows, three those of the axes.
    const auto rows = begins<D - 2>(samples[D == 2 ? 1 : D - 2]);
    const auto columns = begins<D - 1>(samples[D == 2 ? 0 : D - 1]);
    if constexpr (D == 2) {
      for (const Index row : rows)
        for (const Index column : columns) *at++ = maximum(x, 0, row, column);
    } else {
      for (const Index slice : begins<0>(samples[0]))
        for (const Index row : rows)
          for (const Index column : columns) *at++ = maximum(x, slice, row, column);
    }
  }
  static Index maximum(const T* x, Index slice, Index row, Index column) {
    constexpr Index depth = D == 3 ? G.kernel[0] : 1, height = G.input[D - 2], width = G.input[D - 1];
    T best = -std::numeric_limits<T>::infinity();
    Index where = (slice * height + row) * width + column;
    for (Index z = slice; z < slice + depth; ++z)
      for (Index y = row; y < row + G.kernel[D - 2]; ++y)
        for (Index i = (z * height + y) * width + column, end = i + G.kernel[D - 1]; i < end; ++i)
          if (detail::beats(x[i], best)) best = x[i], where = i;
    return where;
  }
};

} // namespace stator::kernel
