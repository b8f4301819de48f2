// SPDX-License-Identifier: BSL-1.0
// Asks for large pages under large blocks of memory: weights of 50 MB are 13,000 pages of 4 KB, and each of
// them is looked up when it is read. Systems that do not know how leave everything as it is.
#pragma once

#include "stator/core/compiler.hpp"

#include <cstddef>
#include <cstdint>

#if defined(__linux__) && __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

namespace stator::inline v0_2::detail {

/// Blocks from so many bytes on are asked for.
inline constexpr std::size_t huge_block = std::size_t{8} << 20;

/// Before the memory is first written to.
STATOR_COLD inline void prefer_huge_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr std::uintptr_t page = std::uintptr_t{2} << 20;
  const auto begin = (reinterpret_cast<std::uintptr_t>(memory) + page - 1) & ~(page - 1),
             end = (reinterpret_cast<std::uintptr_t>(memory) + bytes) & ~(page - 1);
  if (begin < end) (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

} // namespace stator::inline v0_2::detail
