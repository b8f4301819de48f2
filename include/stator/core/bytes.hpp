// SPDX-License-Identifier: BSL-1.0
// Sizes of memory blocks as the planner sees them: a constant part and a part for each sample of the batch.
#pragma once

#include <cstddef>

namespace stator {

/// Every block in an arena or a workspace begins at a multiple of this (a cache line, a full vector).
inline constexpr std::size_t alignment = 64;

constexpr std::size_t align_up(std::size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

/// `fixed + batch * per_sample` bytes.
struct Bytes {
  std::size_t fixed = 0;
  std::size_t per_sample = 0;

  constexpr std::size_t total(std::ptrdiff_t batch) const {
    return fixed + static_cast<std::size_t>(batch) * per_sample;
  }
  constexpr bool operator==(const Bytes&) const = default;
};

} // namespace stator
