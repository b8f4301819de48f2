// SPDX-License-Identifier: BSL-1.0
// Dimensions in another order, copied. Two dimensions that change places are transposed in blocks of
// registers.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/kernel/pack.hpp"
#include "stator/kernel/parallel.hpp"

#include <array>

namespace stator::kernel {

namespace detail {

/// `transpose` of at least a vector of rows and a quad of columns; what ends a row or column overlaps the
/// block before.
template<class T>
STATOR_NOINLINE void transpose_blocks(const T* from, Index from_stride, Index rows, Index columns, T* to,
                                      Index to_stride) {
  constexpr Index W = native_width<T>, Q = quad<T>, block = 4 * Q;
  constexpr Index tall = 1024; // of more rows the pages are not remembered until the next columns
  for (Index high = 0; high < rows; high += tall)
    for (Index left = 0; left < columns; left += block) {
      const Index right = std::min(left + block, columns), low = std::min(high + tall, rows);
      for (Index top = high; top < low; top += W) {
        const Index i = std::min(top, rows - W);
        for (Index at = left; at < right; at += Q) {
          const Index j = std::min(at, columns - Q);
          transpose_block<T, W>(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
        }
      }
    }
}

} // namespace detail

/// to[j * to_stride + i] = from[i * from_stride + j] for i < rows, j < columns.
template<class T>
void transpose(const T* from, Index from_stride, Index rows, Index columns, T* to, Index to_stride) {
  if constexpr (vectorizable<T>) {
    if (rows >= native_width<T> && columns >= quad<T>) {
      detail::transpose_blocks(from, from_stride, rows, columns, to, to_stride);
      return;
    }
  }
  constexpr Index block = 16;
  for (Index top = 0; top < rows; top += block)
    for (Index left = 0; left < columns; left += block)
      for (Index i = top; i < std::min(top + block, rows); ++i)
        for (Index j = left; j < std::min(left + block, columns); ++j)
          to[j * to_stride + i] = from[i * from_stride + j];
}

namespace detail {

/// The loops of a permutation, in the order of the result: extents and strides in x. Dimensions that stay
/// neighbours are one loop.
struct PermuteLoops {
  std::size_t rank = 0;
  std::array<Index, max_rank> extent{}, stride{}; ///< extents that contain the batch are negative

  template<std::size_t R>
  constexpr PermuteLoops(const Extents& x, const std::array<std::size_t, R>& order) {
    for (const std::size_t d : order) {
      if (x[d] == 1) continue;
      const Index behind = x.product(d + 1, x.rank);
      if (rank > 0 && x[d] != dynamic && stride[rank - 1] == behind * x[d]) {
        extent[rank - 1] *= x[d];
        stride[rank - 1] = behind;
      } else {
        extent[rank] = x[d];
        stride[rank] = behind;
        ++rank;
      }
    }
    if (rank == 0) extent[0] = 1, stride[0] = 1, rank = 1;
  }
};

} // namespace detail

/// y = x with dimension d of y being dimension Order[d] of x, a tensor of extents E. A dynamic batch stays
/// first.
template<class T, Extents E, auto Order>
struct permute {
  static_assert(Order.size() == E.rank, "stator: permute names each dimension once");
  static_assert(!E.is_dynamic() || Order[0] == 0,
                "stator: permute keeps a dynamic batch as the first dimension");

  /// y = x with its dimensions permuted.
  static void run(const T* x, T* y, Index batch) {
    const Index count = outer(batch);
    parallel_for_chunks(count, chunk_count(count, count * inside * 2), [&](Index first, Index last, Index) {
      if constexpr (loops.rank == 1) {
        std::copy(x + first, x + last, y + first);
      } else if constexpr (loops.rank == 2) {
        // x is [extent 1, extent 0]: the whole is one transposition.
        transpose(x + first, loops.stride[1], loops.extent[1], last - first, y + first * inside, inside);
      } else {
        for (Index i = first; i < last; ++i) nest<1>(x + i * loops.stride[0], y + i * inside);
      }
    });
  }

private:
  static constexpr detail::PermuteLoops loops{E, Order};
  static constexpr Index inside = [] {
    Index n = 1;
    for (std::size_t d = 1; d < loops.rank; ++d) n *= loops.extent[d];
    return n;
  }();
  static constexpr Index behind(std::size_t d) {
    Index n = 1;
    for (std::size_t k = d + 1; k < loops.rank; ++k) n *= loops.extent[k];
    return n;
  }
  static Index outer(Index batch) { return loops.extent[0] < 0 ? -loops.extent[0] * batch : loops.extent[0]; }
  /// The dimension that runs contiguously in x, if it is not the last of y.
  static constexpr std::size_t contiguous = [] {
    for (std::size_t d = 1; d < loops.rank; ++d)
      if (loops.stride[d] == 1) return d;
    return loops.rank;
  }();

  template<std::size_t D>
  static void nest(const T* x, T* y) {
    constexpr std::size_t last = loops.rank - 1;
    constexpr Index n = loops.extent[D], step = loops.stride[D];
    if constexpr (D == last) {
      if constexpr (step == 1)
        std::copy_n(x, n, y);
      else
        for (Index i = 0; i < n; ++i) y[i] = x[i * step];
    } else if constexpr (D == contiguous) {
      planes<D + 1>(x, y);
    } else {
      for (Index i = 0; i < n; ++i) nest<D + 1>(x + i * step, y + i * behind(D));
    }
  }
  /// The loops between the dimension contiguous in x and the one contiguous in y, then both as one
  /// transposition.
  template<std::size_t D>
  static void planes(const T* x, T* y) {
    constexpr std::size_t last = loops.rank - 1;
    if constexpr (D == last)
      transpose(x, loops.stride[last], loops.extent[last], loops.extent[contiguous], y, behind(contiguous));
    else
      for (Index i = 0; i < loops.extent[D]; ++i) planes<D + 1>(x + i * loops.stride[D], y + i * behind(D));
  }
};

} // namespace stator::kernel
