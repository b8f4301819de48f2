// SPDX-License-Identifier: BSL-1.0
// Constants of a length that only their making tells. A constant evaluation cannot hand on memory that it
// allocated, and an array needs its length first; so lists are written to arrays with room to spare, which
// cost nothing where they are not written, and cut to their length. What makes them is evaluated once.
#pragma once

#include "stator/core/growing_array.hpp"

#include <array>
#include <type_traits>

namespace stator {

/// The elements of a list, in an array with room to spare. T has no default member initialisers, so that the
/// rest is zeros, which compilers do not store one by one.
template<class T, std::size_t Room>
struct Roomy {
  static_assert(std::is_trivially_default_constructible_v<T>,
                "stator: Roomy: elements must be zero by default");
  std::size_t size;
  bool overflow; ///< there were more elements than room
  T items[Room];
};

/// Writes a list to an array with room to spare.
template<class T, std::size_t Room>
constexpr void spread(Roomy<T, Room>& to, const GrowingArray<T>& from) {
  const T* const source = from.data();
  T* const target = to.items;
  to.overflow = from.size() > Room;
  to.size = to.overflow ? Room : from.size();
  for (std::size_t i = 0, n = to.size; i < n; ++i) target[i] = source[i];
}

/// Cuts one to its length.
template<std::size_t N, class T, std::size_t Room>
constexpr std::array<T, N> cut(const Roomy<T, Room>& from) {
  std::array<T, N> result{};
  T* const target = result.data();
  const T* const source = from.items;
  for (std::size_t i = 0; i < N; ++i) target[i] = source[i];
  return result;
}

/// The list again.
template<class T, std::size_t Room>
constexpr void thaw(const Roomy<T, Room>& from, GrowingArray<T>& to) {
  to = GrowingArray<T>(from.size);
  T* const target = to.data();
  const T* const source = from.items;
  for (std::size_t i = 0, n = from.size; i < n; ++i) target[i] = source[i];
}

/// The list that `Source::make()` returns, as a constant `value`, a std::array: `make` is evaluated once.
template<class Source, std::size_t Room = 65536>
struct frozen {
private:
  using T = std::remove_cvref_t<decltype(*Source::make().data())>;
  static constexpr Roomy<T, Room> roomy = [] {
    Roomy<T, Room> all{};
    spread(all, Source::make());
    return all;
  }();
  static_assert(!roomy.overflow, "stator: a list of constants is longer than there is room for");

public:
  static constexpr std::array<T, roomy.size> value = cut<roomy.size>(roomy);
};

} // namespace stator
