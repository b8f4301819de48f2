// SPDX-License-Identifier: BSL-1.0
// Sums whose error does not grow with their length, without arithmetic of a wider type than that of the
// elements: small processors do not have one.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/simd.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

namespace stator::kernel {

/// Adds numbers, or vectors element by element: V is float, double or a Simd of them, or an integer, whose
/// sums are exact anyway. What rounding takes away from the sum goes back into the next addition, so that the
/// error is about that of one rounding of the sum of absolute values, however many there are. With
/// -ffast-math it is a plain sum. Source: Kahan 1965, Further remarks on reducing truncation errors.
template<class V>
struct Total {
  V sum{};  ///< of all numbers, rounded
  V rest{}; ///< what the last rounding took away; 0 where the sum is not finite

  /// One number more: some 25 cycles after the one before, so that long sums are sums of short plain ones.
  STATOR_ALWAYS_INLINE void add(const V& v) {
    if constexpr (std::is_integral_v<V>) {
      sum = static_cast<V>(sum + v);
    } else {
      const V with_rest = v + rest, next = sum + with_rest;
      const V lost = with_rest - (next - sum);
      if constexpr (std::is_floating_point_v<V>)
        rest = lost - lost == 0 ? lost : V{};
      else
        rest = select(lost - lost == V{}, lost, V{});
      sum = next;
    }
  }
  /// All numbers times `factor`.
  STATOR_ALWAYS_INLINE void scale(const V& factor) {
    sum = sum * factor;
    rest = rest * factor;
  }
  /// The sum.
  STATOR_ALWAYS_INLINE V value() const { return static_cast<V>(sum + rest); }
};

namespace detail {

/// Elements whose sum is plain, on lanes side by side.
template<class T>
inline constexpr Index plain_block = 256 * native_width<T>;

/// The sums over i in [0, count) of the K values that `f<V>(i)` returns as an array; plain, for a plain_block
/// at most.
template<class T, std::size_t K, class F>
STATOR_ALWAYS_INLINE inline std::array<T, K> short_sums(Index count, F&& f) {
  constexpr Index width = Simd<T>::size;
  constexpr std::size_t chains = K == 1 ? 4 : 2; // an addition waits for the one before it
  constexpr Index step = static_cast<Index>(chains) * width;
  const Index whole = count / width * width;
  std::array<T, K> result{};
  if (whole > 0) {
    std::array<std::array<Simd<T>, K>, chains> sum{};
    const auto add = [&](std::size_t c, Index at) STATOR_INLINE_LAMBDA {
      const std::array<Simd<T>, K> v = f.template operator()<Simd<T>>(at);
      for (std::size_t k = 0; k < K; ++k) sum[c][k] = sum[c][k] + v[k];
    };
    Index i = 0;
    for (; i < count / step * step; i += step) {
      STATOR_UNROLL
      for (std::size_t c = 0; c < chains; ++c) add(c, i + static_cast<Index>(c) * width);
    }
    for (; i < whole; i += width) add(0, i);
    for (std::size_t k = 0; k < K; ++k) {
      if constexpr (chains == 4) sum[0][k] = (sum[0][k] + sum[2][k]) + (sum[1][k] + sum[3][k]);
      if constexpr (chains == 2) sum[0][k] = sum[0][k] + sum[1][k];
      result[k] = sum[0][k].sum();
    }
  }
  for (Index i = whole; i < count; ++i) {
    const std::array<Simd<T, 1>, K> v = f.template operator()<Simd<T, 1>>(i);
    for (std::size_t k = 0; k < K; ++k) result[k] += v[k].raw;
  }
  return result;
}

/// The same for any count: short sums, added up in totals.
template<class T, std::size_t K, class F>
STATOR_ALWAYS_INLINE inline std::array<T, K> long_sums(Index count, F&& f) {
  constexpr Index block = plain_block<T>;
  if (count <= block) return short_sums<T, K>(count, f);
  std::array<Total<T>, K> total{};
  for (Index first = 0; first < count; first += block) {
    const auto part =
        short_sums<T, K>(std::min(block, count - first), [&]<class V>(Index i) STATOR_INLINE_LAMBDA {
          return f.template operator()<V>(first + i);
        });
    for (std::size_t k = 0; k < K; ++k) total[k].add(part[k]);
  }
  std::array<T, K> result;
  for (std::size_t k = 0; k < K; ++k) result[k] = total[k].value();
  return result;
}

} // namespace detail

} // namespace stator::kernel
