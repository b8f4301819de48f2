// SPDX-License-Identifier: BSL-1.0
// The permutations that torch.randperm gives: the same seed visits the samples in the same order.
#pragma once

#include "stator/core/shape.hpp"

#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <span>
#include <utility>

namespace stator::data {

/// A torch.Generator that only draws permutations.
class RandomPermutation {
public:
  explicit RandomPermutation(std::uint64_t seed) : seed_(static_cast<std::uint32_t>(seed)), engine_(seed_) {}

  /// Fills `order` with the next permutation of 0 ... order.size() - 1.
  /// Source: PyTorch 1.13, randperm on the CPU for fewer than 2^32 / 20 elements.
  void next(std::span<Index> order) {
    std::iota(order.begin(), order.end(), Index{0});
    for (std::size_t i = 0; i + 1 < order.size(); ++i)
      std::swap(order[i], order[i + static_cast<std::size_t>(engine_()) % (order.size() - i)]);
  }

  /// Goes to where `count` permutations of `size` elements have been drawn since the seed.
  void seek(std::uint64_t count, std::size_t size) {
    engine_.seed(seed_);
    engine_.discard(count * (size > 0 ? size - 1 : 0));
  }

private:
  std::uint32_t seed_;
  std::mt19937 engine_; // PyTorch's engine, seeded with the lower 32 bits
};

} // namespace stator::data
