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

/// Part of a loop, its type forgotten: the indices [first, last) of `body`.
using RangeCall = void (*)(const void* body, Index first, Index last, Index part);

/// The body of a loop as a function of its own, never inlined: loops call it with threads and without, and
/// each copy of a kernel would be compiled again.
template<class Body>
[[gnu::noinline]] void call_range(const void* body, Index first, Index last, Index part) {
  (*static_cast<const Body*>(body))(first, last, static_cast<int>(part));
}

/// Calls `task(context, i)` once for each i in [0, count), in any order and at the same time where there are
/// threads, and returns when all have returned. The one place that starts threads: a thread pool goes in
/// here.
inline void run_tasks(Index count, void (*task)(const void* context, Index i), const void* context) {
#ifdef _OPENMP
#pragma omp parallel num_threads(static_cast<int>(count))
  for (Index i = omp_get_thread_num(); i < count; i += omp_get_num_threads()) task(context, i);
#else
  for (Index i = 0; i < count; ++i) task(context, i);
#endif
}

/// A loop whose body has lost its type: what parallel_for is, compiled once for all bodies.
inline void share_range(Index count, Index grain, RangeCall call, const void* body) {
  struct Loop {
    Index count, grain, chunks, threads;
    RangeCall call;
    const void* body;
  };
  const Index chunks = (count + grain - 1) / grain;
  const Index threads = std::min<Index>(get_num_threads(), chunks);
  if (!has_threads || threads <= 1 || in_task()) return call(body, 0, count, 0);
  const Loop loop{count, grain, chunks, threads, call, body};
  run_tasks(
      threads,
      [](const void* context, Index t) {
        const Loop& l = *static_cast<const Loop*>(context);
        const Index first = l.chunks * t / l.threads * l.grain;
        const Index last = std::min(l.chunks * (t + 1) / l.threads * l.grain, l.count);
        if (first < last) l.call(l.body, first, last, t);
      },
      &loop);
}

} // namespace detail

/// Calls `body(first, last, thread)` on disjoint ranges that cover [0, count), each a multiple of `grain`
/// long except the last. Runs on the calling thread when `count <= grain`. The partition depends only on
/// the number of threads, so results repeat. `body` must not throw.
template<class Body>
void parallel_for(Index count, Index grain, const Body& body) {
  if (count > grain)
    detail::share_range(count, grain, &detail::call_range<Body>, &body);
  else if (count > 0)
    detail::call_range<Body>(&body, 0, count, 0);
}

} // namespace stator
