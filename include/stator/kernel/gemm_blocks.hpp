// SPDX-License-Identifier: BSL-1.0
// How a matrix product is divided: the panels of its columns, and the sizes of what is multiplied or copied
// at once.
#pragma once

#include "stator/core/shape.hpp"
#include "stator/kernel/tile.hpp"

namespace stator::kernel {

namespace detail {

/// The widest vector whose width divides `n`; 1 where none does.
template<class T>
constexpr Index common_lanes(Index n) {
  for (Index w = native_width<T>; w >= quad<T> && w > 1; w /= 2)
    if (n % w == 0) return w;
  return 1;
}

/// How the columns of C are divided: panels of `vectors` vectors of `width` elements, the last one narrower.
template<class T>
struct Columns {
  Index width = 0, vectors = 0, panels = 0, last = 0;

  /// With `whole` vectors that divide n, if there are.
  constexpr Columns(Index n, bool whole = false) {
    width = n == dynamic ? native_width<T> : width_for<T>(n);
    if (const Index common = common_lanes<T>(n); whole && common > 1) width = common;
    const Index all = n == dynamic ? 2 : ceil_div(n, width);
    panels = ceil_div(all, max_tile_vectors);
    vectors = ceil_div(all, panels);
    panels = ceil_div(all, vectors);
    last = n == dynamic ? vectors : all - (panels - 1) * vectors;
  }
  constexpr Index panel() const { return vectors * width; }
};

/// The longest part of K that is multiplied at once, so that a panel of B stays in the first-level cache.
template<class T>
inline constexpr Index depth_block = 1024 / static_cast<Index>(sizeof(T));
/// Rows of A that are multiplied with all panels before the next: they stay in the second-level cache.
inline constexpr Index row_block = 480;
/// Rows of A that are copied at once where reading them in place is slow, to the stack (64 KiB).
inline constexpr Index packed_rows = 48;
/// Rows up to which B is packed panel by panel as it is multiplied.
inline constexpr Index fresh_rows = 192;
/// Elements between rows from which the rows of a tile displace one another in the caches.
template<class T>
inline constexpr Index far_apart = 3072 / static_cast<Index>(sizeof(T));
/// Rows up to which C = A·Bᵀ takes inner products rather than packing B: more if they are long.
constexpr Index dots_limit(Index k) { return k == dynamic || k >= 512 ? 40 : k >= 256 ? 24 : 16; }

} // namespace detail

} // namespace stator::kernel
