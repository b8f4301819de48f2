// SPDX-License-Identifier: BSL-1.0
// Which elements of an arena an optimiser changes: all, or the share of one of several processes. Its states
// hold the kept elements alone, one beside the other; an element's number there is its place.
#pragma once

#include "stator/core/requirements.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace stator::optim {

/// Elements [first, last) of an arena.
struct ArenaPart {
  std::size_t first = 0;              ///< number of the first one
  std::size_t last = ~std::size_t{0}; ///< number of the one behind the last; may be beyond the arena
};

/// The parts of an arena that are kept.
class KeptElements {
public:
  /// All.
  KeptElements() : KeptElements(std::vector<ArenaPart>{ArenaPart{}}) {}
  /// Parts in ascending order that do not overlap.
  explicit KeptElements(std::vector<ArenaPart> parts) : parts_(std::move(parts)) {}

  /// How many elements before this one are kept: its place, if it is one of them.
  std::size_t place(std::size_t element) const {
    std::size_t before = 0;
    for (const ArenaPart& part : parts_) {
      if (part.first >= element) break;
      before += std::min(part.last, element) - part.first;
    }
    return before;
  }
  /// Calls `f(place, element, count)` for the places [from, to), in pieces that lie beside each other in the
  /// arena.
  template<class F>
  void for_each(std::size_t from, std::size_t to, F&& f) const {
    std::size_t place = 0;
    for (const ArenaPart& part : parts_) {
      if (place >= to) return;
      const std::size_t size = part.last - part.first;
      const std::size_t begin = std::max(from, place),
                        end = std::min(to, size < to - place ? place + size : to);
      if (begin < end) f(begin, part.first + (begin - place), end - begin);
      if (size >= to - place) return;
      place += size;
    }
  }

private:
  std::vector<ArenaPart> parts_;
};

} // namespace stator::optim
