// SPDX-License-Identifier: BSL-1.0
// The permutations that torch.randperm gives: the same seed visits the samples in the same order.
#pragma once

#include "stator/core/generator.hpp"
#include "stator/core/shape.hpp"

#include <cstdint>
#include <span>
#include <utility>

namespace stator::data {

/// A torch.Generator that only draws permutations.
class RandomPermutation {
public:
  explicit RandomPermutation(std::uint64_t seed) : generator_(seed) {}

  /// Fills `order` with the next permutation of 0 ... order.size() - 1.
  /// Source: PyTorch 1.13, randperm on the CPU for fewer than 2^32 / 20 elements.
  void next(std::span<Index> order) {
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Index>(i);
    for (std::size_t i = 0; i + 1 < order.size(); ++i)
      std::swap(order[i], order[i + static_cast<std::size_t>(generator_.random()) % (order.size() - i)]);
  }

  /// Goes to where `count` permutations of `size` elements have been drawn since the seed.
  void seek(std::uint64_t count, std::size_t size) {
    generator_.manual_seed(generator_.initial_seed());
    for (std::uint64_t left = count * (size > 0 ? size - 1 : 0); left > 0; --left) generator_.random();
  }

private:
  Generator generator_;
};

} // namespace stator::data
