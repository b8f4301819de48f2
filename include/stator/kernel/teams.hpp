// SPDX-License-Identifier: BSL-1.0
// How kernels share work among threads: at most `max_threads` teams, so that space for each can be planned.
#pragma once

#include "stator/core/parallel.hpp"

namespace stator::kernel {

/// The most threads that one kernel uses.
inline constexpr Index max_threads = 16;

/// Multiplications below which starting threads costs more than it gains (about 10 us of one core).
inline constexpr Index parallel_work = Index{1} << 20;

/// Number of teams for `items` items of `work` multiplications in all.
inline Index team_count(Index items, Index work) {
  if (work < parallel_work) return 1;
  return std::max<Index>(std::min<Index>({get_num_threads(), max_threads, items}), 1);
}

/// Calls `body(first, last, team)` on `teams` ranges that cover [0, items). The ranges depend on nothing but
/// the arguments, so results repeat.
template<class Body>
void for_teams(Index items, Index teams, Body&& body) {
  if (teams <= 1) {
    if (items > 0) body(Index{0}, items, Index{0});
    return;
  }
  parallel_for(teams, 1, [&](Index begin, Index end, int) {
    for (Index t = begin; t < end; ++t) {
      const Index first = items * t / teams, last = items * (t + 1) / teams;
      if (first < last) body(first, last, t);
    }
  });
}

} // namespace stator::kernel
