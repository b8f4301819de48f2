// SPDX-License-Identifier: BSL-1.0
// Many matrix products of one shape.
#pragma once

#include "stator/kernel/gemm.hpp"

namespace stator::kernel {

/// `count` independent products of matrices that follow one another; `scratch` is for all threads.
template<class T, Index M, Index N, Index K, bool TransA = false, bool TransB = false>
struct batched_gemm {
  /// The kernel of one product.
  using one = gemm<T, M, N, K, TransA, TransB>;
  /// Temporary memory of `run`, for all threads.
  static constexpr Bytes scratch{static_cast<std::size_t>(max_threads) * one::scratch.fixed,
                                 static_cast<std::size_t>(max_threads) * one::scratch.per_sample};

  /// c = a b for each of `count` products, or c += a b; extents that are static are not asked for.
  static void run(const T* a, const T* b, T* c, bool accumulate, Index count, Index m, Index n, Index k,
                  std::byte* space) {
    if constexpr (M != dynamic) m = M;
    if constexpr (N != dynamic) n = N;
    if constexpr (K != dynamic) k = K;
    Index chunks = chunk_count(count, count * m * n * k);
    if (count < 2 * chunks && m * n * k >= parallel_work) chunks = 1; // each product is parallel by itself
    const Index extent = std::max({M == dynamic ? m : 0, N == dynamic ? n : 0, K == dynamic ? k : 0});
    const std::size_t share = one::scratch.total(extent) / alignment * alignment;
    parallel_for_chunks(count, chunks, [&](Index first, Index last, Index chunk) {
      std::byte* mine = space + static_cast<std::size_t>(chunk) * share;
      for (Index i = first; i < last; ++i)
        one::run(a + i * m * k, b + i * k * n, nullptr, c + i * m * n, accumulate, m, n, k, mine);
    });
  }
};

} // namespace stator::kernel
