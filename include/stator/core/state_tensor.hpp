// SPDX-License-Identifier: BSL-1.0
// A tensor of a checkpoint, known at run time only: what every kind of state file is read as and written
// from.
#pragma once

#include "stator/core/shape.hpp"
#include "stator/core/storage.hpp"

#include <string>
#include <vector>

namespace stator {

/// A name and somebody else's memory: rows first, not necessarily aligned.
struct StateTensor {
  std::string name;
  StorageType type = StorageType::F32;
  std::vector<Index> shape; ///< empty for a single number
  const std::byte* data = nullptr;

  std::size_t numel() const {
    std::size_t n = 1;
    for (const Index extent : shape) n *= static_cast<std::size_t>(extent);
    return n;
  }
  std::size_t bytes() const { return numel() * item_size(type); }
};

} // namespace stator
