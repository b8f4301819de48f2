// SPDX-License-Identifier: BSL-1.0
// "Did you mean ...": the names nearest to one that is not there.
#pragma once

#include "stator/core/text.hpp"

#include <algorithm>
#include <string_view>

namespace stator::detail {

inline constexpr std::size_t not_found = static_cast<std::size_t>(-1);

/// Edit distance, for "did you mean".
constexpr std::size_t distance(std::string_view a, std::string_view b) {
  GrowingArray<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t up = row[j];
      row[j] = std::min(std::min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
      diagonal = up;
    }
  }
  return row[b.size()];
}

/// ", did you mean fc1.weight or fc1.bias?": the `most` names nearest to `path` out of `count`.
constexpr Text nearest(std::string_view path, std::size_t count, auto&& name, std::size_t most = 3) {
  GrowingArray<std::size_t> far(count);
  for (std::size_t i = 0; i < count; ++i) far[i] = distance(path, name(i));
  Text result;
  for (std::size_t shown = 0; shown < most; ++shown) {
    std::size_t best = not_found;
    for (std::size_t i = 0; i < count; ++i)
      if (far[i] != not_found && name(i) != "" && (best == not_found || far[i] < far[best])) best = i;
    if (best == not_found || far[best] > std::max<std::size_t>(path.size() * 2 / 3, 2)) break;
    result += shown == 0 ? ", did you mean " : " or ";
    result += name(best);
    far[best] = not_found;
  }
  if (!result.empty()) result += "?";
  return result;
}

} // namespace stator::detail
