// SPDX-License-Identifier: BSL-1.0
// How a kernel cuts its work into chunks that run side by side: at most `max_threads`, so that scratch memory
// for each can be planned. Who runs the chunks is decided in core/parallel.hpp alone.
#pragma once

#include "stator/core/parallel.hpp"

namespace stator::kernel {

/// The most threads that one kernel uses.
inline constexpr Index max_threads = 16;

/// Multiplications below which starting threads costs more than it gains (about 10 us of one core).
inline constexpr Index parallel_work = Index{1} << 20;

/// Into how many chunks to cut `items` items that cost `work` multiplications in all; at least one.
inline Index chunk_count(Index items, Index work) {
  if (work < parallel_work) return 1;
  return std::max<Index>(std::min<Index>({get_num_threads(), max_threads, items}), 1);
}

namespace detail {
/// Chunks of a loop whose body has lost its type.
inline void share_chunks(Index items, Index chunks, stator::detail::RangeCall call, const void* body) {
  parallel_for(chunks, 1, [&](Index begin, Index end, int) {
    for (Index c = begin; c < end; ++c) {
      const Index first = items * c / chunks, last = items * (c + 1) / chunks;
      if (first < last) call(body, first, last, c);
    }
  });
}
} // namespace detail

/// Calls `body(first, last, chunk)` on `chunks` ranges that cover [0, items), at the same time where there
/// are threads. The ranges depend on nothing but the arguments, so results repeat. `body` must not throw.
template<class Body>
void parallel_for_chunks(Index items, Index chunks, const Body& body) {
  if (chunks > 1)
    detail::share_chunks(items, chunks, &stator::detail::call_range<Body>, &body);
  else if (items > 0)
    stator::detail::call_range<Body>(&body, 0, items, 0);
}

} // namespace stator::kernel
