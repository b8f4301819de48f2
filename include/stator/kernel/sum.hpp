// SPDX-License-Identifier: BSL-1.0
// The sum of contiguous elements, accurate for long rows: several accumulators in blocks, the blocks in
// pairs.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/simd.hpp"

namespace stator::kernel {

/// The sum of `n` elements; the error grows with log n.
template<class T>
T contiguous_sum(const T* x, Index n) {
  constexpr Index block = 2048;
  if (n > block) {
    const Index half = (n / 2 + block - 1) / block * block;
    return static_cast<T>(contiguous_sum(x, half) + contiguous_sum(x + half, n - half));
  }
  T total{};
  Index i = 0;
  if constexpr (vectorizable<T>) {
    constexpr Index W = native_width<T>;
    if (n >= W) {
      vec<T> sum[4]{};
      for (; i + 4 * W <= n; i += 4 * W) {
        STATOR_UNROLL
        for (Index j = 0; j < 4; ++j) {
          vec<T> v;
          load(v, x + i + j * W);
          sum[j] += v;
        }
      }
      for (; i + W <= n; i += W) {
        vec<T> v;
        load(v, x + i);
        sum[0] += v;
      }
      const vec<T> all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
      total = horizontal_sum<T, W>(all);
    }
  }
  for (; i < n; ++i) total = static_cast<T>(total + x[i]);
  return total;
}

} // namespace stator::kernel
