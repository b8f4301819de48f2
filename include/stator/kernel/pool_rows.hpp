// SPDX-License-Identifier: BSL-1.0
// Windows of any kind, adaptive ones too, row by row: what lies above one another is combined in vectors,
// then what is left of each window of the row.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/pool_lines.hpp"

namespace stator::kernel::detail {

/// Whether `pool_lines` are of use for these windows.
template<class T, auto G, bool Largest>
inline constexpr bool in_lines = [] {
  if constexpr (requires { G.ceil_mode; })
    return pool_lines<T, G, Largest>::fits;
  else
    return false;
}();

/// Applies `combine(to, from)` to the elements of two rows, the last ones in narrower vectors.
template<class T, Index W = native_width<T>, class Combine>
STATOR_ALWAYS_INLINE inline void combine_rows(const T* from, Index n, T* to, Combine&& combine) {
  Index i = 0;
  if constexpr (W > 1) {
    for (; i + W <= n; i += W) {
      vec<T, W> a, b;
      load(a, to + i);
      load(b, from + i);
      combine(a, b);
      store(a, to + i);
    }
    combine_rows<T, (W > quad<T> ? W / 2 : 1)>(from + i, n - i, to + i, combine);
  } else {
    for (; i < n; ++i) combine(to[i], from[i]);
  }
}

/// Windows of `G` over planes of T.
template<class T, auto G>
struct pool_rows {
  static constexpr std::size_t D = G.axes;
  static constexpr Index width = G.input[D - 1], height = D >= 2 ? G.input[D - (D >= 2 ? 2 : 1)] : 1;
  /// Whether a row finds room on the stack, and there are several of them.
  static constexpr bool fits = D >= 2 && width * static_cast<Index>(sizeof(T)) <= Index{16} << 10;

  /// What output o covers along axis 0, 1 or 2 of three.
  static constexpr PoolWindow window(std::size_t axis, Index o) {
    return axis + D >= 3 ? G.window(axis + D - 3, o) : PoolWindow{0, 1, 1, 1};
  }

  /// Calls `put(index, result, windows...)` with what `combine` makes of `start` and the elements of a
  /// window.
  template<class Combine, class Put>
  static void gather(const T* x, T start, Combine&& combine, Put&& put) {
    if constexpr (fits) {
      alignas(64) T columns[static_cast<std::size_t>(width)];
      each_row([&](Index at, const PoolWindow& wz, const PoolWindow& wy) {
        std::fill_n(columns, width, start);
        for (Index k = wz.begin; k < wz.end; k += wz.step)
          for (Index j = wy.begin; j < wy.end; j += wy.step)
            combine_rows(x + (k * height + j) * width, width, columns, combine);
        for (Index o = 0; o < out_width; ++o) {
          const PoolWindow wx = window(2, o);
          T result = start;
          for (Index i = wx.begin; i < wx.end; i += wx.step) combine(result, columns[i]);
          put(at + o, result, wz, wy, wx);
        }
      });
    } else {
      for_each_window<G>([&](Index at, const auto& wz, const auto& wy, const auto& wx) {
        T result = start;
        for_each_in<G>(wz, wy, wx, [&](Index i) { combine(result, x[i]); });
        put(at, result, wz, wy, wx);
      });
    }
  }

  /// dx: of each element the sum of `share(index, windows...)` of the windows that it is in.
  template<class Share>
  static void spread(T* dx, Share&& share) {
    if constexpr (!fits || !covers_all) std::fill_n(dx, product(G.input), T{});
    if constexpr (fits) {
      constexpr auto add = [](auto& a, const auto& b) STATOR_INLINE_LAMBDA { a += b; };
      alignas(64) T columns[static_cast<std::size_t>(width)], shares[static_cast<std::size_t>(out_width)];
      each_row([&](Index at, const PoolWindow& wz, const PoolWindow& wy) {
        for (Index o = 0; o < out_width; ++o) shares[o] = share(at + o, wz, wy, window(2, o));
        if constexpr (!covers(2)) std::fill_n(columns, width, T{});
        if constexpr (moves_by_one && !covers(2)) {
          for (Index c = 0; c < G.kernel[D - 1]; ++c) { // window o has element o + shift
            const Index shift = c * G.dilation[D - 1] - G.padding[D - 1];
            const Index first = std::max<Index>(-shift, 0), end = std::min(out_width, width - shift);
            combine_rows(shares + first, end - first, columns + first + shift, add);
          }
        } else {
          for (Index o = 0; o < out_width; ++o) {
            const PoolWindow wx = window(2, o);
            for (Index i = wx.begin; i < wx.end; i += wx.step)
              columns[i] = covers(2) ? shares[o] : columns[i] + shares[o];
          }
        }
        for (Index k = wz.begin; k < wz.end; k += wz.step)
          for (Index j = wy.begin; j < wy.end; j += wy.step) {
            T* const row = dx + (k * height + j) * width;
            if constexpr (covers_all)
              copy_row(columns, width, row);
            else
              combine_rows(columns, width, row, add);
          }
      });
    } else {
      for_each_window<G>([&](Index at, const auto& wz, const auto& wy, const auto& wx) {
        const T each = share(at, wz, wy, wx);
        for_each_in<G>(wz, wy, wx, [&](Index i) { dx[i] += each; });
      });
    }
  }

private:
  static constexpr Index extent(std::size_t axis) { return axis + D >= 3 ? G.output()[axis + D - 3] : 1; }
  static constexpr Index out_width = G.output()[D - 1];
  /// Whether a row of windows begins at every element.
  static constexpr bool moves_by_one = [] {
    if constexpr (requires { G.stride; })
      return G.stride[D - 1] == 1;
    else
      return false;
  }();
  /// Whether each element of an axis is in one window.
  static constexpr bool covers(std::size_t axis) {
    Index next = 0;
    for (Index o = 0; o < extent(axis); ++o) {
      const PoolWindow w = window(axis, o);
      if (w.begin != next || w.step != 1) return false;
      next = std::max(w.begin, w.end);
    }
    return next == (axis + D >= 3 ? G.input[axis + D - 3] : 1);
  }
  static constexpr bool covers_all = covers(0) && covers(1);

  /// Calls `visit(index of the first window, windows of slices, windows of rows)` for each row of windows.
  template<class Visit>
  static void each_row(Visit&& visit) {
    for (Index z = 0; z < extent(0); ++z)
      for (Index y = 0; y < extent(1); ++y)
        visit((z * extent(1) + y) * out_width, window(0, z), window(1, y));
  }
};

} // namespace stator::kernel::detail
