// SPDX-License-Identifier: BSL-1.0
// softmax and log_softmax along one dimension, forward and backward.
#pragma once

#include "stator/core/parallel.hpp"
#include "stator/kernel/math.hpp"

#include <algorithm>
#include <cmath>

namespace stator::kernel {

namespace detail {

/// Rows of E along Axis: `outer` blocks of `inner` interleaved rows of `length`.
template<Extents E, std::size_t Axis>
struct AxisRows {
  static constexpr Index length = E[Axis];
  static constexpr Index inner = E.product(Axis + 1, E.rank);

  /// Calls `body(first element)` for each row; the elements of a row are `inner` apart.
  template<class Body>
  static void for_each(Index batch, Body&& body) {
    if constexpr (length > 0 && inner > 0) {
      const Index outer = E.product(0, Axis) * (E.is_dynamic() && Axis > 0 ? batch : 1);
      parallel_for(outer * inner, std::max<Index>((Index{1} << 15) / length, 1),
                   [&](Index first, Index last, int) {
                     for (Index r = first; r < last; ++r) body(r / inner * length * inner + r % inner);
                   });
    }
  }
};

/// y[i] = exp(x[i] - shift) for N contiguous elements, returns the sum of y.
template<Index N, class T>
T exp_row(const T* x, T* y, T shift) {
  constexpr Index width = Simd<T>::size, whole = N / width * width;
  Simd<T> sum(T{});
  for (Index i = 0; i < whole; i += width) {
    const Simd<T> e = exp(Simd<T>::load(x + i) - shift);
    e.store(y + i);
    sum += e;
  }
  if constexpr (whole < N) { // part of a vector: the rest of it adds exp(-infinity) to the sum
    constexpr std::size_t bytes = static_cast<std::size_t>(N - whole) * sizeof(T);
    Simd<T> rest(-std::numeric_limits<T>::infinity());
    __builtin_memcpy(&rest, x + whole, bytes);
    const Simd<T> e = exp(rest - shift);
    __builtin_memcpy(y + whole, &e, bytes);
    sum += e;
  }
  return sum.sum();
}

} // namespace detail

/// softmax over Axis of x with extents E, exp(x) / sum(exp(x)), or with Log its logarithm; and the gradient.
template<bool Log, class T, Extents E, std::size_t Axis>
struct softmax {
  using Rows = detail::AxisRows<E, Axis>; ///< what is normalised
  /// Elements of a row, and how far they are apart.
  static constexpr Index n = Rows::length, step = Rows::inner;

  /// y = exp(x - max) / sum(exp(x - max)), or x - max - log(sum(exp(x - max)))
  static void forward(const T* x, T* y, Index batch) {
    Rows::for_each(batch, [&](Index at) {
      const T* from = x + at;
      T* to = y + at;
      T high = from[0];
      for (Index k = 1; k < n; ++k) high = std::max(high, from[k * step]);
      T total{};
      if constexpr (step == 1)
        total = detail::exp_row<n>(from, to, high);
      else
        for (Index k = 0; k < n; ++k) {
          const T e = std::exp(from[k * step] - high);
          if constexpr (!Log) to[k * step] = e;
          total += e;
        }
      const T shift = Log ? high + std::log(total) : T{};
      for (Index k = 0; k < n; ++k) to[k * step] = Log ? from[k * step] - shift : to[k * step] / total;
    });
  }
  /// dx = y (g - sum(g y)), or g - exp(y) sum(g)
  static void backward(const T* y, const T* g, T* dx, Index batch) {
    Rows::for_each(batch, [&](Index at) {
      T total{};
      for (Index k = 0; k < n; ++k) total += Log ? g[at + k * step] : g[at + k * step] * y[at + k * step];
      if constexpr (!Log) {
        for (Index k = 0; k < n; ++k) dx[at + k * step] = y[at + k * step] * (g[at + k * step] - total);
      } else if constexpr (step == 1) {
        detail::exp_row<n>(y + at, dx + at, T{});
        for (Index k = 0; k < n; ++k) dx[at + k] = g[at + k] - dx[at + k] * total;
      } else {
        for (Index k = 0; k < n; ++k)
          dx[at + k * step] = g[at + k * step] - std::exp(y[at + k * step]) * total;
      }
    });
  }
};

} // namespace stator::kernel
