// SPDX-License-Identifier: BSL-1.0
// The plan of the all-reduce, a constant: the gradients' arena in pieces, from its end to its beginning,
// since that is the order in which a backward completes them.
#pragma once

#include "stator/model/model.hpp"

#include <array>

namespace stator::distributed {

/// Neighbours in the arena whose gradients are sent together.
struct Bucket {
  std::size_t first_row = 0, last_row = 0; ///< in the model's `parameter_table`, both included
  std::size_t begin = 0;                   ///< of its first tensor, in bytes from the beginning of the arena
  std::size_t bytes = 0;                   ///< of the arena, padding included

  /// Where the share of a rank begins, if each of so many has one: in bytes from the beginning of the arena,
  /// at whole cache lines. It ends where that of the next rank begins.
  constexpr std::size_t share(std::size_t rank, std::size_t ranks) const {
    constexpr std::size_t line = 64;
    return rank == ranks ? begin + bytes : begin + bytes / line * rank / ranks * line;
  }
};

namespace detail {
template<class M>
constexpr std::size_t row_end(std::size_t row) {
  const auto& table = M::parameter_table;
  return row + 1 < table.size() ? table[row + 1].offset : M::gradient_bytes;
}
/// Calls `f(bucket)`, in order. A bucket is closed when it has `least` bytes.
template<class M>
constexpr void for_each_bucket(std::size_t least, auto&& f) {
  const auto& table = M::parameter_table;
  for (std::size_t end = table.size(); end > 0;) {
    Bucket b{end - 1, end - 1, 0, 0};
    const auto bytes = [&] { return row_end<M>(b.last_row) - table[b.first_row].offset; };
    while (b.first_row > 0 && bytes() < least) --b.first_row;
    b.begin = table[b.first_row].offset;
    b.bytes = bytes();
    f(b);
    end = b.first_row;
  }
}
} // namespace detail

/// The buckets of model type M, each of at least so many bytes but for the last, in the order of the
/// backward. A tensor is in one bucket as a whole; tied ones are in it once, frozen ones in none.
template<class M, std::size_t LeastBytes>
inline constexpr auto buckets = [] {
  constexpr std::size_t count = [] {
    std::size_t n = 0;
    detail::for_each_bucket<M>(LeastBytes, [&](const Bucket&) { ++n; });
    return n;
  }();
  std::array<Bucket, count> list{};
  std::size_t n = 0;
  detail::for_each_bucket<M>(LeastBytes, [&](const Bucket& b) { list[n++] = b; });
  return list;
}();

} // namespace stator::distributed
