// SPDX-License-Identifier: BSL-1.0
// How files are read, whatever their format.
#pragma once

#include "stator/core/requirements.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace stator::io {

/// How files are read: limits, and whether they are mapped.
struct ReadOptions {
  /// Bytes that a packed file (.npz, .gz) may unpack to in all, so that a small file cannot fill the memory.
  /// Nothing: 256 MiB, or 16 times the file's own size where that is more. A file that needs more is a
  /// FormatError.
  std::optional<std::uint64_t> max_unpacked = {};
  /// Read into memory what would otherwise be mapped (safetensors). It takes that memory and time, and is for
  /// files that somebody else may cut short meanwhile: the system ends a process that reads a mapped file
  /// beyond its end.
  bool copy = false;

  /// The limit for a packed file of this size.
  std::uint64_t unpack_limit(std::uint64_t packed) const {
    constexpr std::uint64_t least = std::uint64_t{256} << 20, ratio = 16;
    return max_unpacked ? *max_unpacked : std::max(least, packed * ratio);
  }
};

} // namespace stator::io
