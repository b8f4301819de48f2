// SPDX-License-Identifier: BSL-1.0
// Threads for kernels: through OpenMP, or through a pool of the user's; without both everything runs on the
// calling thread. Results do not depend on who runs what, nor on how many there are.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/shape.hpp"
#include "stator/core/thread_local.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>
#ifdef _OPENMP
#include <omp.h>
#endif

namespace stator::inline v0_2 {

namespace detail {

/// A piece of work without its type: does part i.
using TaskCall = void (*)(const void* context, Index i);

/// A user's pool without its type; no `run`: there is none.
struct Pool {
  void (*run)(void* pool, Index count, TaskCall task, const void* context) = nullptr;
  void* pool = nullptr;
  int threads = 1;
};
inline Pool user_pool;

/// Whether a task is running on this thread.
inline STATOR_THREAD_LOCAL bool inside_task = false;

/// Whether kernels may be handed out from here: what a task starts stays on its thread.
inline bool in_task() {
#ifdef _OPENMP
  return inside_task || omp_in_parallel();
#else
  return inside_task;
#endif
}

} // namespace detail

/// Number of threads that kernels may use, as torch.get_num_threads(): OpenMP's, or those of a pool; 1
/// without both.
inline int get_num_threads() {
  if (detail::user_pool.run != nullptr) return detail::user_pool.threads;
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}
/// Sets the number of threads that kernels may use: those called from this thread with OpenMP, all with a
/// pool. Without both nothing happens.
inline void set_num_threads(int threads) {
  threads = std::max(threads, 1);
  if (detail::user_pool.run != nullptr) detail::user_pool.threads = threads;
#ifdef _OPENMP
  else
    omp_set_num_threads(threads);
#endif
}

/// What a pool is to do: `task(i)` for each i in [0, count). May be copied, and called by any thread as long
/// as the pool's call has not returned.
class Task {
public:
  Task(detail::TaskCall call, const void* context) : call_(call), context_(context) {}
  /// Does part i; does not throw.
  void operator()(Index i) const {
    const bool before = detail::inside_task;
    detail::inside_task = true;
    call_(context_, i);
    detail::inside_task = before;
  }

private:
  detail::TaskCall call_;
  const void* context_;
};

/// Kernels use `pool` from here on, in place of OpenMP. `pool(count, task)` calls `task(i)`, a stator::Task,
/// once for each i in [0, count), on whatever threads and in whatever order, the calling one included if it
/// likes, and returns when all calls have returned. `count` is at most `threads`, what get_num_threads() says
/// from here on. Work that costs less than handing it out is never handed out, and a task hands out nothing.
///
/// The pool is referred to and must live until reset_parallel_for(). It holds for all threads, several of
/// which may call it at a time if they compute at a time. Not to be called while a kernel runs.
///
///   void MyPool::operator()(stator::Index count, stator::Task task);
///   stator::set_parallel_for(my_pool, 4);
template<class Pool>
void set_parallel_for(Pool& pool, int threads) {
  static_assert(
      requires { pool(Index{}, std::declval<Task>()); },
      "stator: set_parallel_for: a pool is called as pool(stator::Index count, stator::Task task)");
  detail::user_pool = {[](void* p, Index count, detail::TaskCall task, const void* context) {
                         (*static_cast<Pool*>(p))(count, Task(task, context));
                       },
                       const_cast<void*>(static_cast<const void*>(&pool)), std::max(threads, 1)};
}
/// Kernels use OpenMP again, or the calling thread alone.
inline void reset_parallel_for() { detail::user_pool = {}; }

namespace detail {

/// Part of a loop, its type forgotten: the indices [first, last) of `body`.
using RangeCall = void (*)(const void* body, Index first, Index last, Index part);

/// The body of a loop as a function of its own, never inlined: loops call it with threads and without, and
/// each copy of a kernel would be compiled again.
template<class Body>
STATOR_NOINLINE void call_range(const void* body, Index first, Index last, Index part) {
  (*static_cast<const Body*>(body))(first, last, static_cast<int>(part));
}

/// Calls `task(context, i)` once for each i in [0, count), in any order and at the same time where there are
/// threads, and returns when all have returned. The one place that hands out work.
inline void run_tasks(Index count, TaskCall task, const void* context) {
  if (user_pool.run != nullptr) return user_pool.run(user_pool.pool, count, task, context);
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
  if (threads <= 1 || in_task()) return call(body, 0, count, 0);
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

namespace detail {

/// Bytes that one thread sets to zero before another one has begun.
inline constexpr std::size_t small_clear = std::size_t{1} << 20;
/// Sets more bytes than that to zero.
inline void clear_bytes(std::byte* to, std::size_t bytes) {
  constexpr std::size_t piece = small_clear / 4;
  const auto clear = [&](Index first, Index last, int) {
    const std::size_t begin = static_cast<std::size_t>(first) * piece;
    std::memset(to + begin, 0, std::min(static_cast<std::size_t>(last) * piece, bytes) - begin);
  };
  parallel_for(static_cast<Index>((bytes + piece - 1) / piece), 1, clear);
}

} // namespace detail

} // namespace stator::inline v0_2
