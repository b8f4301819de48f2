// SPDX-License-Identifier: BSL-1.0
// softmax and log_softmax along one dimension, forward and backward.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/parallel.hpp"
#include "stator/kernel/math.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

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

/// What `load(count, i)` gives for the vectors of N contiguous elements, joined by `join` in several chains:
/// count is 0 for a whole vector, or the elements of the last one. The order is always the same.
template<Index N, class T, class F, class Join>
STATOR_ALWAYS_INLINE inline Simd<T> reduce_row(T filling, const F& load, const Join& join) {
  constexpr Index width = Simd<T>::size, whole = N / width, chains = whole < 4 ? (whole < 1 ? 1 : whole) : 4;
  Simd<T> part[static_cast<std::size_t>(chains)];
  for (Simd<T>& p : part) p = Simd<T>(filling);
  constexpr Index together = whole / chains * chains;
  for (Index i = 0; i < together; i += chains) {
    STATOR_UNROLL
    for (Index c = 0; c < chains; ++c)
      part[c] = join(part[c], load(std::integral_constant<Index, 0>(), (i + c) * width));
  }
  if constexpr (together < whole) {
    STATOR_UNROLL
    for (Index i = together; i < whole; ++i)
      part[i - together] = join(part[i - together], load(std::integral_constant<Index, 0>(), i * width));
  }
  if constexpr (whole * width < N)
    part[0] = join(part[0], load(std::integral_constant<Index, N - whole * width>(), whole * width));
  STATOR_UNROLL
  for (Index c = 1; c < chains; ++c) part[0] = join(part[0], part[c]);
  return part[0];
}

/// Count elements at x, or a vector where Count is 0; `filling` for what is missing.
template<Index Count, class T>
STATOR_ALWAYS_INLINE inline Simd<T> load_part(const T* x, T filling) {
  if constexpr (Count == 0) {
    return Simd<T>::load(x);
  } else {
    Simd<T> v(filling);
    STATOR_MEMCPY(&v, x, static_cast<std::size_t>(Count) * sizeof(T));
    return v;
  }
}

/// The largest of N contiguous elements; where one is NaN, any.
template<Index N, class T>
T largest_of_row(const T* x) {
  constexpr T lowest = -std::numeric_limits<T>::infinity();
  const Simd<T> high = reduce_row<N>(
      lowest, [&](auto count, Index i) { return load_part<count()>(x + i, lowest); },
      [](const Simd<T>& a, const Simd<T>& b) { return select(a < b, b, a); });
  T lane[static_cast<std::size_t>(Simd<T>::size)];
  high.store(lane);
  return *std::max_element(lane, lane + Simd<T>::size);
}

/// The sum of g[i], or of g[i] y[i], over N contiguous elements.
template<bool Weighted, Index N, class T>
T sum_of_row(const T* g, const T* y) {
  return reduce_row<N>(
             T{},
             [&](auto count, Index i) {
               const Simd<T> v = load_part<count()>(g + i, T{});
               if constexpr (Weighted)
                 return v * load_part<count()>(y + i, T{});
               else
                 return v;
             },
             [](const Simd<T>& a, const Simd<T>& b) { return a + b; })
      .sum();
}

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
    STATOR_MEMCPY(&rest, x + whole, bytes);
    const Simd<T> e = exp(rest - shift);
    STATOR_MEMCPY(y + whole, &e, bytes);
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
      if constexpr (step == 1)
        high = detail::largest_of_row<n>(from);
      else
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
      if constexpr (step == 1)
        total = detail::sum_of_row<!Log, n>(g + at, y + at);
      else
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
