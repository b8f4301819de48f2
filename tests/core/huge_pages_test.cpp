// SPDX-License-Identifier: BSL-1.0
// Memory is memory, whatever pages it lies in.
#include "catch.hpp"
#include "stator/core/workspace.hpp"

#include <algorithm>

using namespace stator;

TEST_CASE("a large block can be written and read from its first to its last byte") {
  for (const std::size_t bytes :
       {detail::huge_block - 1, detail::huge_block, detail::huge_block + 4097, 3 * detail::huge_block + 1}) {
    const MemoryBlock block(bytes);
    std::fill_n(block.data(), bytes, std::byte{7});
    CHECK(std::ranges::count(std::span(block.data(), bytes), std::byte{7}) ==
          static_cast<std::ptrdiff_t>(bytes));
  }
}

TEST_CASE("asking for huge pages is refused by nothing") {
  alignas(64) static std::byte small[4096];
  detail::prefer_huge_pages(small, sizeof small);
  detail::prefer_huge_pages(nullptr, 0);
  small[0] = std::byte{1};
  CHECK(small[0] == std::byte{1});
}
