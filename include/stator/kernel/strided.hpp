// SPDX-License-Identifier: BSL-1.0
// Elements whose places are an affine function of loop counters: copied out, written in, added in. One
// function for each element type, whatever the shape.
#pragma once

#include "stator/core/parallel.hpp"
#include "stator/core/shape.hpp"

#include <algorithm>

namespace stator::kernel {

/// Loops over elements at offset + the sum of counter times step, outermost first.
struct StridedLoops {
  std::size_t count = 0;                    ///< number of loops
  std::array<Index, 2 * max_rank> extent{}; ///< of each loop; `dynamic` for the batch, which is the first
  std::array<Index, 2 * max_rank> step{};   ///< by what the place changes; may be zero or negative
  Index offset = 0;                         ///< the place where all counters are zero

  /// Appends a loop inside of the others.
  constexpr void push_back(Index n, Index by) {
    extent[count] = n;
    step[count++] = by;
  }
  /// The same places in the same order with as few loops as possible; at least one.
  constexpr StridedLoops merged() const {
    StridedLoops m;
    m.offset = offset;
    for (std::size_t d = 0; d < count; ++d) {
      if (extent[d] == 1) continue;
      const std::size_t last = m.count - 1;
      if (m.count > 0 && m.extent[last] != dynamic && m.step[last] == step[d] * extent[d]) {
        m.extent[last] *= extent[d];
        m.step[last] = step[d];
      } else {
        m.push_back(extent[d], step[d]);
      }
    }
    if (m.count == 0) m.push_back(1, 1);
    return m;
  }
};

/// Runs the loops from number `from` on, beginning at `place`: calls row(place, step, count) for each
/// innermost one.
template<class Row>
void for_strided_rows(const StridedLoops& loops, Index place, std::size_t from, const Row& row) {
  const std::size_t last = loops.count - 1;
  std::array<Index, 2 * max_rank> at{};
  for (std::size_t d = from; d <= last; ++d)
    if (loops.extent[d] == 0) return;
  while (true) {
    row(place, loops.step[last], loops.extent[last]);
    std::size_t d = last;
    while (d > from) {
      --d;
      place += loops.step[d];
      if (++at[d] < loops.extent[d]) break;
      place -= loops.step[d] * loops.extent[d];
      at[d] = 0;
      if (d == from) return;
    }
    if (last == from) return;
  }
}

/// out[i] = x[place of the i-th turn of the loops].
template<class T>
void strided_copy(const StridedLoops& loops, Index batch, const T* x, T* out) {
  const auto row = [x](T*& to) {
    return [x, &to](Index place, Index step, Index n) {
      if (step == 1)
        std::copy_n(x + place, n, to);
      else if (step == 0)
        std::fill_n(to, n, x[place]);
      else
        for (Index i = 0; i < n; ++i) to[i] = x[place + i * step];
      to += n;
    };
  };
  if (loops.count == 1) {
    row(out)(loops.offset, loops.step[0], loops.extent[0] == dynamic ? batch : loops.extent[0]);
    return;
  }
  Index inside = 1;
  for (std::size_t d = 1; d < loops.count; ++d) inside *= loops.extent[d];
  const Index outer = loops.extent[0] == dynamic ? batch : loops.extent[0];
  if (inside == 0) return;
  parallel_for(outer, std::max<Index>((Index{1} << 15) / inside, 1), [&](Index first, Index end, int) {
    T* to = out + first * inside;
    for (Index i = first; i < end; ++i) for_strided_rows(loops, loops.offset + i * loops.step[0], 1, row(to));
  });
}

/// Calls element(y[place of the i-th turn], i) in order; places may repeat.
template<class T, class Element>
void for_strided(const StridedLoops& loops, Index batch, T* y, const Element& element) {
  StridedLoops known = loops;
  if (known.extent[0] == dynamic) known.extent[0] = batch;
  Index i = 0;
  for_strided_rows(known, known.offset, 0, [&](Index place, Index step, Index n) {
    for (Index k = 0; k < n; ++k) element(y[place + k * step], i++);
  });
}

} // namespace stator::kernel
