// SPDX-License-Identifier: BSL-1.0
// Shape rules that several operations share.
#pragma once

#include "stator/core/text.hpp"

#include <algorithm>

namespace stator::ops {

/// Dimension `d` of `e` counted from the right; 1 beyond its rank.
constexpr Index from_right(const Extents& e, std::size_t d) { return d < e.rank ? e[e.rank - 1 - d] : 1; }

/// PyTorch's broadcasting: dimensions are matched from the right, an extent of one repeats.
constexpr Extents broadcast(const Extents& a, const Extents& b) {
  Extents result;
  result.rank = std::max(a.rank, b.rank);
  for (std::size_t d = 0; d < result.rank; ++d) {
    const Index x = from_right(a, d), y = from_right(b, d);
    result[result.rank - 1 - d] = x == 1 ? y : x;
  }
  return result;
}
constexpr Extents broadcast(const Extents& a, const Extents& b, const Extents& c) {
  return broadcast(broadcast(a, b), c);
}

/// Why two shapes cannot be broadcast; empty when they can.
constexpr Text broadcast_requirement(std::string_view operation, const Extents& a, const Extents& b) {
  for (std::size_t d = 0; d < std::max(a.rank, b.rank); ++d) {
    const Index x = from_right(a, d), y = from_right(b, d);
    if (x != y && x != 1 && y != 1)
      return text(operation, ": the shapes ", a, " and ", b, " do not broadcast");
  }
  return {};
}

/// A dimension as PyTorch counts it: negative ones from the end.
constexpr std::size_t wrap(Index dim, std::size_t rank) {
  return static_cast<std::size_t>(dim < 0 ? dim + static_cast<Index>(rank) : dim);
}

/// Why an operation cannot take dimension `dim` of x: there is none, or it is the batch that is known at
/// run time.
constexpr Text static_dim_requirement(std::string_view operation, Index dim, const Extents& x) {
  const auto rank = static_cast<Index>(x.rank);
  if (dim >= rank || dim < -rank || (x.is_dynamic() && wrap(dim, x.rank) == 0))
    return text(operation, ": dimension ", dim, " is not a static dimension of a tensor of shape ", x);
  return {};
}

} // namespace stator::ops
