// SPDX-License-Identifier: BSL-1.0
// What an optimiser needs of a model, without a network: "weight" [7, 5] and "bias" [5], each padded to 64
// bytes.
#pragma once

#include "stator/core/bytes.hpp"
#include "stator/core/shape.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

namespace stator::test {

struct MockEntry {
  std::string_view name;
  std::size_t offset; // bytes
  Index numel;
  Extents extents{};
};

template<class T>
struct MockModel {
  using scalar = T;
  static constexpr std::array<MockEntry, 2> parameter_table{
      MockEntry{"weight", 0, 35, Extents(7, 5)}, MockEntry{"bias", align_up(35 * sizeof(T)), 5, Extents(5)}};
  static constexpr std::size_t size = (align_up(35 * sizeof(T)) + align_up(5 * sizeof(T))) / sizeof(T);

  std::vector<T> parameters = std::vector<T>(size), gradients = std::vector<T>(size);

  std::span<T> parameter_arena() { return parameters; }
  std::span<T> gradient_arena() { return gradients; }
  void zero_grad() { std::ranges::fill(gradients, T{0}); }

  static std::span<T> part(std::span<T> arena, const MockEntry& e) {
    return arena.subspan(e.offset / sizeof(T), static_cast<std::size_t>(e.numel));
  }
  /// The elements that belong to no parameter.
  std::vector<T> padding(std::span<T> arena) const {
    std::vector<T> rest(arena.begin(), arena.end());
    for (auto e = parameter_table.rbegin(); e != parameter_table.rend(); ++e) {
      const auto first = rest.begin() + static_cast<Index>(e->offset / sizeof(T));
      rest.erase(first, first + e->numel);
    }
    return rest;
  }
};

} // namespace stator::test
