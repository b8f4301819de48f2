// SPDX-License-Identifier: BSL-1.0
// Threads for kernels, through OpenMP; without OpenMP everything runs on the calling thread.
#pragma once

#include "stator/core/shape.hpp"

#include <algorithm>
#ifdef _OPENMP
#include <omp.h>
#endif

namespace stator {

#ifdef _OPENMP
/// Number of threads that kernels may use, as torch.get_num_threads().
inline int get_num_threads() { return omp_get_max_threads(); }
/// Sets the number of threads that kernels called from this thread may use.
inline void set_num_threads(int threads) { omp_set_num_threads(std::max(threads, 1)); }
#else
inline int get_num_threads() { return 1; }
inline void set_num_threads(int) {}
#endif

/// Calls `body(first, last, thread)` on disjoint ranges that cover [0, count), each a multiple of `grain`
/// long except the last. Runs on the calling thread when `count <= grain`. The partition depends only on
/// the number of threads, so results repeat. `body` must not throw.
template<class Body>
void parallel_for(Index count, [[maybe_unused]] Index grain, Body&& body) {
#ifdef _OPENMP
  const Index chunks = (count + grain - 1) / grain;
  const Index threads = std::min<Index>(get_num_threads(), chunks);
  if (threads > 1 && !omp_in_parallel()) {
#pragma omp parallel num_threads(static_cast<int>(threads))
    {
      const Index me = omp_get_thread_num();
      const Index team = omp_get_num_threads();
      const Index first = chunks * me / team * grain;
      const Index last = std::min(chunks * (me + 1) / team * grain, count);
      if (first < last) body(first, last, static_cast<int>(me));
    }
    return;
  }
#endif
  if (count > 0) body(Index{0}, count, 0);
}

} // namespace stator
