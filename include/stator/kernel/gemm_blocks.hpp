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
/// How much of K is multiplied at once: parts of about the same length, none longer than `longest`.
template<class T>
constexpr Index depth_of(Index k, Index longest = depth_block<T>) {
  return std::max<Index>(round_up(ceil_div(k, std::max<Index>(ceil_div(k, longest), 1)), 8), 8);
}
/// The same where no operand is copied to the stack: with 512 bits a panel is too wide for the first-level
/// cache anyway, and longer parts load and store C less often.
template<class T>
constexpr Index long_depth_of(Index k) {
  return depth_of<T>(k, vector_bytes == 64 ? 2 * depth_block<T> : depth_block<T>);
}
/// Of `rows` rows of A those that are multiplied with all panels before the next: they stay in the
/// second-level cache.
constexpr Index row_block(Index rows) { return rows <= 576 ? rows : 480; }
/// Rows of A that are copied at once where reading them in place is slow, to the stack (at most 128 KiB).
inline constexpr Index packed_rows = 96;
/// Rows up to which B is packed panel by panel as it is multiplied.
inline constexpr Index fresh_rows = 192;
/// Elements between rows from which the rows of a tile displace one another in the caches.
template<class T>
inline constexpr Index far_apart = 3072 / static_cast<Index>(sizeof(T));
/// Rows up to which C = A·Bᵀ takes inner products rather than packing B: more if they are long, and where
/// columns do not fill a vector with 512 bits.
constexpr Index dots_limit(Index n, Index k) {
  constexpr bool wide = vector_registers >= 32;
  if (wide && n != dynamic && n < 16) return 128;
  if (!wide && vector_bytes >= 32 && k >= 256 && n != dynamic && n * k <= (Index{1} << 18)) return 64;
  return k == dynamic || k >= (wide ? 256 : 512) ? 40 : k >= 256 ? 24 : 16;
}

/// Rows that are multiplied at once by so few weights that rows of a dynamic number are many small products.
inline constexpr Index rows_at_once = 8;

/// The way in which a product of extents M, N and K is made. `small`: inlined, since a call costs as much.
/// `plain`: by loops. `can_dot`: by inner products where the rows are few, `only_dots`: always.
template<class T>
struct Way {
  Columns<T> columns;
  bool small, can_dot, only_dots, plain;
  /// So few weights that rows are multiplied some at a time, as in a small product.
  bool few_weights;
  /// Whether the last panel of a B that is read in place has columns that do not exist.
  bool pack_tail;
  /// Panels of a large B are copied even if they could be read in place: rows far apart miss the caches. It
  /// pays from `pack_from` rows of A: fewer if B comes from far away, and if little of it lies in a row of a
  /// panel.
  bool pack_large;
  Index pack_from;
  /// Rows of A from which both operands are copied for blocks of K, by BlockedProduct; 0: never.
  Index blocked_from;
  /// Rows up to which they may take inner products.
  Index dots_to;
  /// Rows of a product that is made as its transpose, by TurnedProduct, in panels of `turned` vectors, the
  /// last one of `turned_last`; 0: never, and of `turned_last` as many as there are.
  Index turned_from, turned_to, turned, turned_last;
  /// Rows up to which they are multiplied with rows of B as they lie, by rows_times_matrix.
  Index few_rows;

  constexpr Way(Index m, Index n, Index k, bool transposed_a, bool transposed_b)
      : columns(n, is_small(m, n, k)), small(is_small(m, n, k)) {
    const bool vectors = vectorizable<T>, dot = transposed_b && !transposed_a;
    const bool known = n != dynamic && k != dynamic;
    const Index elements = known ? n * k : 0;
    turned = turned_last = 0;
    dots_to = dots_limit(n, k);
    turned_from = vector_registers >= 32 ? 13 : elements > (Index{1} << 18) ? native_width<T> + 4 : 65;
    turned_to = std::min(n / 2, fresh_rows);
    if (dot && known && vectors && elements > (Index{1} << 16) && n >= 64 && k >= 64) {
      if (m == dynamic) {
        turned = max_tile_vectors;
      } else if (turns(m)) {
        const Columns<T> panels(m);
        turned = panels.vectors;
        turned_last = panels.last;
      }
    }
    can_dot = dot && vectors && (k == dynamic || k >= native_width<T>);
    only_dots = can_dot && ((m != dynamic && m <= dots_to && turned == 0) || (n == dynamic && k == dynamic));
    plain = !vectors || (transposed_b && n == dynamic && k == dynamic && !can_dot);
    few_weights = m == dynamic && known && dot && vectors && rows_at_once * elements <= 4096;
    pack_tail = n == dynamic || n % columns.panel() % columns.width != 0;
    const bool far = elements > (Index{1} << 18),
               narrow = columns.panel() * static_cast<Index>(sizeof(T)) < 256;
    pack_from = far ? (narrow ? 16 : 48) : elements > (Index{1} << 16) ? 64 : 96;
    const bool large = !known || elements > (Index{1} << 13);
    pack_large = !transposed_b && known && large && (m == dynamic || m >= pack_from);
    blocked_from = !vectors || n == dynamic || !large                       ? 0
                   : transposed_a                                           ? far_apart<T> + 1
                   : n >= far_apart<T> && k != dynamic && k >= far_apart<T> ? fresh_rows + 1
                                                                            : 0;
    few_rows = !vectors || transposed_b ? 0 : far && narrow && !transposed_a ? 4 : 1;
  }

  /// Whether the transpose is what products of m rows take, if any do: where few of its columns stay empty,
  /// fewer if the rows might as well take inner products.
  constexpr bool turns(Index m) const {
    const Index lanes = round_up(m, native_width<T>);
    return m >= turned_from && m <= turned_to && (m <= dots_to ? m * 8 >= lanes * 7 : m * 5 >= lanes * 4);
  }

private:
  static constexpr bool is_small(Index m, Index n, Index k) {
    return m != dynamic && n != dynamic && k != dynamic && m * n * k <= 4096;
  }
};

} // namespace detail

} // namespace stator::kernel
