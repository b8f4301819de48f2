// SPDX-License-Identifier: BSL-1.0
// Cross entropy of rows of logits with class indices, and its gradient in the same pass: logarithms of
// probabilities are never written.
#pragma once

#include "stator/core/parallel.hpp"
#include "stator/kernel/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace stator::kernel {

/// Of rows x [n, Classes].
template<class T, Index Classes>
struct cross_entropy {
  /// losses[i] = -w log(softmax(x)[i, target[i]]) for the w that `weight(i)` returns as a pair with whether
  /// the row counts; if not, 0, whatever its target. slope [n, Classes]: `scale` times the gradient of their
  /// sum by x.
  template<class Weight>
  static void run(const T* x, const std::int64_t* target, const Weight& weight, T scale, T* slope, T* losses,
                  Index n) {
    parallel_for(n, std::max<Index>((Index{1} << 15) / Classes, 1), [&](Index first, Index last, int) {
      for (Index i = first; i < last; ++i) {
        const T* const row = x + i * Classes;
        T* const out = slope + i * Classes;
        const auto [w, counts] = weight(i);
        const T high = detail::largest_of_row<Classes>(row);
        const T total = detail::exp_row<Classes, true>(row, out, high);
        const T share = counts ? w * scale : T{};
        const Simd<T> factor(share / total);
        detail::for_each_part<Classes, T>([&](auto part, Index k) STATOR_INLINE_LAMBDA {
          detail::store_part<part()>(detail::load_part<part()>(out + k, T{}) * factor, out + k);
        });
        losses[i] = T{};
        if (!counts) continue;
        losses[i] = -w * (row[target[i]] - (high + std::log(total)));
        out[target[i]] -= share;
      }
    });
  }
};

} // namespace stator::kernel
