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

namespace detail {

#ifdef _OPENMP
inline constexpr bool has_threads = true;
#else
inline constexpr bool has_threads = false;
#endif

/// Whether a task is running here: what it starts stays on its thread.
inline bool in_task() {
#ifdef _OPENMP
  return omp_in_parallel();
#else
  return false;
#endif
}

/// Calls `task(i)` once for each i in [0, count), in any order and at the same time where there are threads,
/// and returns when all have returned. The one place that starts threads: a thread pool goes in here.
template<class Task>
void run_tasks(Index count, Task&& task) {
#ifdef _OPENMP
#pragma omp parallel num_threads(static_cast<int>(count))
  for (Index i = omp_get_thread_num(); i < count; i += omp_get_num_threads()) task(i);
#else
  for (Index i = 0; i < count; ++i) task(i);
#endif
}

} // namespace detail

/// Calls `body(first, last, thread)` on disjoint ranges that cover [0, count), each a multiple of `grain`
/// long except the last. Runs on the calling thread when `count <= grain`. The partition depends only on
/// the number of threads, so results repeat. `body` must not throw.
template<class Body>
void parallel_for(Index count, [[maybe_unused]] Index grain, Body&& body) {
  if constexpr (detail::has_threads) {
    const Index chunks = (count + grain - 1) / grain;
    const Index threads = std::min<Index>(get_num_threads(), chunks);
    if (threads > 1 && !detail::in_task()) {
      detail::run_tasks(threads, [&](Index t) {
        const Index first = chunks * t / threads * grain;
        const Index last = std::min(chunks * (t + 1) / threads * grain, count);
        if (first < last) body(first, last, static_cast<int>(t));
      });
      return;
    }
  }
  if (count > 0) body(Index{0}, count, 0);
}

} // namespace stator
