// SPDX-License-Identifier: BSL-1.0
// Sizes of memory blocks as the planner sees them: a constant part and a part for each sample of the batch.
#pragma once

#include "stator/core/checked.hpp"
#include "stator/core/compiler.hpp"
#include "stator/core/error.hpp"

namespace stator::inline v0_2 {

/// Every block in an arena or a workspace begins at a multiple of this (a cache line, a full vector).
inline constexpr std::size_t alignment = 64;

/// A size rounded up to the next multiple of `alignment`.
constexpr std::size_t align_up(std::size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

/// `fixed + batch * per_sample` bytes.
struct Bytes {
  std::size_t fixed = 0;      ///< whatever the batch is
  std::size_t per_sample = 0; ///< for each sample of a batch that is known at run time

  /// Throws ShapeError for a negative batch, and for one whose memory no address could reach.
  constexpr std::size_t total(std::ptrdiff_t batch) const {
    CheckedSize sum = per_sample;
    sum *= batch;
    sum += fixed;
    if (!sum.fits()) [[unlikely]]
      refuse(batch);
    return sum.value();
  }
  constexpr bool operator==(const Bytes&) const = default;

private:
  [[noreturn]] STATOR_COLD void refuse(std::ptrdiff_t batch) const {
    raise(ShapeError("a batch of " + std::to_string(batch) + " needs " + std::to_string(per_sample) +
                     " bytes for each sample and " + std::to_string(fixed) +
                     " more: no memory can hold that"));
  }
};

} // namespace stator::inline v0_2
