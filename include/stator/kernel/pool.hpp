// SPDX-License-Identifier: BSL-1.0
// Maximum and average pooling over one, two or three axes, forward and backward, fixed or adaptive windows.
// A plane is one channel of one sample: x [planes, input...], y [planes, output...].
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/parallel.hpp"
#include "stator/kernel/pool_geometry.hpp"
#include "stator/kernel/pool_halves.hpp"
#include "stator/kernel/pool_rows.hpp"
#include "stator/kernel/sum.hpp"

#include <cstdint>
#include <limits>

namespace stator::kernel {

namespace detail {

template<class T, auto G>
struct pool_planes {
  static constexpr std::size_t D = G.axes;
  static constexpr Index input = product(G.input), output = product(G.output());
  static constexpr Index width = G.input[D - 1], out_width = G.output()[D - 1];

  template<class Body>
  static void each(Index planes, Body&& body) {
    parallel_for_chunks(planes, chunk_count(planes, planes * (input + output) * 4),
                        [&](Index first, Index last, Index) {
                          for (Index p = first; p < last; ++p) body(p * input, p * output);
                        });
  }

  /// For windows of two by two: calls `body(input offset, output offset)` for each row of windows.
  template<class Body>
  STATOR_ALWAYS_INLINE static void each_row(Body&& body) {
    constexpr Index height = G.input[D - 2], out_height = G.output()[D - 2];
    for (Index z = 0; z < output / (out_height * out_width); ++z)
      for (Index r = 0; r < out_height; ++r)
        body((z * height + 2 * r) * width, (z * out_height + r) * out_width);
  }

  /// Whether pooling by two leaves out a last row or column.
  static constexpr bool leaves_some() { return output * 4 != input; }
};

} // namespace detail

/// Maximum pooling; padding never wins, NaN does, as in PyTorch.
template<class T, auto G>
struct max_pool {
  /// The loops over planes and windows.
  using planes_of = detail::pool_planes<T, G>;

  /// y = the largest element of each window; NaN is the largest.
  static void forward(const T* x, T* y, Index planes) {
    planes_of::each(planes, [&](Index in, Index out) { plane(x + in, y + out); });
  }

  /// dx is overwritten: dy goes to the first maximum of each window, with `Cut` only if that is above 0.
  template<bool Cut = false>
  static void backward(const T* x, const T* dy, T* dx, Index planes) {
    planes_of::each(planes, [&](Index in, Index out) { plane_backward<Cut>(x + in, dy + out, dx + in); });
  }

  /// y: from each window the element of v where x has its first maximum.
  static void pick(const T* x, const T* v, T* y, Index planes) {
    planes_of::each(planes, [&](Index in, Index out) { plane_pick(x + in, v + in, y + out); });
  }

  /// at: of each window the place of its largest element in the plane: the first of equal ones, the last NaN.
  static void indices(const T* x, std::int64_t* at, Index planes) {
    planes_of::each(planes, [&](Index in, Index out) {
      each_maximum(x + in, [&](Index o, Index where) { at[out + o] = where; });
    });
  }

private:
  using rows_of = detail::pool_rows<T, G>;

  STATOR_NOINLINE static void plane(const T* x, T* y) {
    if constexpr (detail::halves(G)) {
      planes_of::each_row([&](Index in, Index out) STATOR_INLINE_LAMBDA {
        detail::halve_rows<T, native_width<T>>(x + in, x + in + planes_of::width, y + out, 0,
                                               planes_of::out_width,
                                               [](auto& a, const auto& b) STATOR_INLINE_LAMBDA {
                                                 a = b > a ? b : a;
                                                 a = b != b ? b : a;
                                               });
      });
    } else if constexpr (detail::in_lines<T, G, true>) {
      detail::pool_lines<T, G, true>::each(x, [&](const auto& row) {
        row.each_vector([&](Index i, Index) STATOR_INLINE_LAMBDA {
          vec<T> best;
          detail::row_maxima<T>(row, i, best);
          row.put(best, y + row.at() + i);
        });
      });
    } else {
      rows_of::gather(
          x, detail::lowest<T>(),
          [](auto& a, const auto& b) STATOR_INLINE_LAMBDA {
            a = b > a ? b : a;
            a = b != b ? b : a;
          },
          [&](Index at, T best, const auto&...) { y[at] = best; });
    }
  }

  template<bool Cut>
  STATOR_NOINLINE static void plane_backward(const T* x, const T* dy, T* dx) {
    if constexpr (detail::halves(G)) {
      if constexpr (planes_of::leaves_some()) std::fill_n(dx, planes_of::input, T{});
      constexpr Index width = planes_of::width;
      planes_of::each_row([&](Index in, Index out) STATOR_INLINE_LAMBDA {
        detail::unhalve_max<T, native_width<T>, Cut>(x + in, x + in + width, dy + out, dx + in,
                                                     dx + in + width, 0, planes_of::out_width);
      });
    } else {
      std::fill_n(dx, planes_of::input, T{});
      each_maximum(x, [&](Index at, Index where) {
        if (where >= 0 && !(Cut && x[where] <= T{})) dx[where] += dy[at];
      });
    }
  }

  STATOR_NOINLINE static void plane_pick(const T* x, const T* v, T* y) {
    if constexpr (detail::halves(G)) {
      constexpr Index width = planes_of::width;
      planes_of::each_row([&](Index in, Index out) STATOR_INLINE_LAMBDA {
        detail::pick_max<T, native_width<T>>(x + in, x + in + width, v + in, v + in + width, y + out, 0,
                                             planes_of::out_width);
      });
    } else {
      each_maximum(x, [&](Index at, Index where) { y[at] = where >= 0 ? v[where] : T{}; });
    }
  }

  /// Calls `visit(output index, input index of the first maximum)` for each window, -1 where it is empty.
  template<class Visit>
  static void each_maximum(const T* x, Visit&& visit) {
    if constexpr (detail::in_lines<T, G, true>) {
      detail::pool_lines<T, G, true>::each(x, [&](const auto& row) {
        row.each_vector([&](Index i, Index next) STATOR_INLINE_LAMBDA {
          using Mask = detail::mask<T, native_width<T>>;
          typename Mask::type place;
          detail::row_places<T, G>(row, i, place);
          alignas(64) typename Mask::element places[native_width<T>];
          store(place, places);
          for (Index o = next, end = std::min(i + native_width<T>, row.count); o < end; ++o)
            visit(row.at() + o, static_cast<Index>(places[o - i]));
        });
      });
    } else {
      detail::for_each_window<G>([&](Index at, const auto& wz, const auto& wy, const auto& wx) {
        T best = detail::lowest<T>();
        Index where = -1;
        detail::for_each_in<G>(wz, wy, wx, [&](Index i) {
          if (where < 0 || detail::beats(x[i], best)) best = x[i], where = i;
        });
        visit(at, where);
      });
    }
  }
};

/// Average pooling.
template<class T, auto G>
struct avg_pool {
  /// The loops over planes and windows.
  using planes_of = detail::pool_planes<T, G>;
  /// The average of a whole plane.
  static constexpr bool global = [] {
    if (planes_of::output != 1 || G.divisor_override != 0) return false;
    for (std::size_t d = 0; d < G.axes; ++d) {
      const PoolWindow w = G.window(d, 0);
      if (w.begin != 0 || w.end != G.input[d] || w.step != 1 || w.size != G.input[d]) return false;
    }
    return true;
  }();

  /// y = the mean of each window.
  static void forward(const T* x, T* y, Index planes) {
    planes_of::each(planes, [&](Index in, Index out) { plane(x + in, y + out); });
  }

  /// dx is overwritten.
  static void backward(const T* dy, T* dx, Index planes) {
    planes_of::each(planes, [&](Index in, Index out) { plane_backward(dy + out, dx + in); });
  }

private:
  using rows_of = detail::pool_rows<T, G>;

  /// What is divided by where it is the same everywhere.
  static constexpr T size =
      static_cast<T>(G.divisor_override != 0 ? G.divisor_override
                                             : rows_of::window(0, 0).size * rows_of::window(1, 0).size *
                                                   rows_of::window(2, 0).size);
  static T divisor(const PoolWindow& z, const PoolWindow& y, const PoolWindow& x) {
    return static_cast<T>(G.divisor_override != 0 ? G.divisor_override : z.size * y.size * x.size);
  }

  STATOR_NOINLINE static void plane(const T* x, T* y) {
    if constexpr (global) {
      y[0] = contiguous_sum(x, planes_of::input) / static_cast<T>(planes_of::input);
    } else if constexpr (detail::halves(G)) {
      planes_of::each_row([&](Index in, Index out) STATOR_INLINE_LAMBDA {
        detail::halve_rows<T, native_width<T>>(x + in, x + in + planes_of::width, y + out, 0,
                                               planes_of::out_width,
                                               [](auto& a, const auto& b) STATOR_INLINE_LAMBDA { a += b; });
        for (Index i = 0; i < planes_of::out_width; ++i) y[out + i] /= T(4);
      });
    } else if constexpr (detail::in_lines<T, G, false>) {
      detail::pool_lines<T, G, false>::each(x, [&](const auto& row) {
        T* const to = y + row.at();
        row.each_vector([&](Index i, Index) STATOR_INLINE_LAMBDA {
          vec<T> sum{};
          row.each_tap(i, [&](const vec<T>& v, Index, Index) STATOR_INLINE_LAMBDA { sum += v; });
          if constexpr (detail::have_one_size(G)) sum /= size;
          row.put(sum, to + i);
        });
        if constexpr (!detail::have_one_size(G))
          for (Index i = 0; i < row.count; ++i)
            to[i] /= divisor(rows_of::window(0, row.z), rows_of::window(1, row.y),
                             rows_of::window(2, row.first + i));
      });
    } else {
      rows_of::gather(
          x, T{}, [](auto& a, const auto& b) STATOR_INLINE_LAMBDA { a += b; },
          [&](Index at, T sum, const auto&... w) { y[at] = sum / divisor(w...); });
    }
  }

  STATOR_NOINLINE static void plane_backward(const T* dy, T* dx) {
    if constexpr (global) {
      std::fill_n(dx, planes_of::input, dy[0] / static_cast<T>(planes_of::input));
    } else if constexpr (detail::halves(G)) {
      if constexpr (planes_of::leaves_some()) std::fill_n(dx, planes_of::input, T{});
      planes_of::each_row([&](Index in, Index out) STATOR_INLINE_LAMBDA {
        detail::unhalve_mean<T>(dy + out, dx + in, dx + in + planes_of::width, planes_of::out_width);
      });
    } else {
      rows_of::spread(dx, [&](Index at, const auto&... w) {
        return dy[at] / (detail::have_one_size(G) ? size : divisor(w...));
      });
    }
  }
};

} // namespace stator::kernel
