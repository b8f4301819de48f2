// SPDX-License-Identifier: BSL-1.0
// Constants of a length that only their making tells. A constant evaluation cannot pass on memory that it
// allocated, and an array needs its length first; so lists are written to arrays with room to spare, which
// cost nothing where they are not written, and cut to their length. What makes them is evaluated once.
#pragma once

#include "stator/core/growing_array.hpp"

#include <array>
#include <type_traits>

namespace stator::inline v0_2 {

/// The elements of a list, in an array with room to spare. T has no default member initialisers, so that the
/// rest is zeros, which compilers do not store one by one. In pages: clang refuses an array of more elements
/// than an evaluation may have steps.
template<class T, std::size_t Room>
struct Roomy {
  static_assert(std::is_trivially_default_constructible_v<T>,
                "stator: Roomy: elements must be zero by default");
  static constexpr std::size_t page = Room < 256 ? Room : 256; ///< elements of a page
  std::size_t size;
  bool overflow; ///< there were more elements than room
  /// The elements, page by page.
  T pages[(Room + page - 1) / page][page];

  constexpr const T& operator[](std::size_t i) const { return pages[i / page][i % page]; }
};

namespace detail {
/// Calls f(page, its first element, how many of its elements) for the pages of a list of `size`.
template<std::size_t Page>
constexpr void for_each_page(std::size_t size, auto&& f) {
  for (std::size_t first = 0, p = 0; first < size; first += Page, ++p)
    f(p, first, size - first < Page ? size - first : Page);
}
} // namespace detail

/// Writes a list to an array with room to spare.
template<class T, std::size_t Room>
constexpr void spread(Roomy<T, Room>& to, const GrowingArray<T>& from) {
  to.overflow = from.size() > Room;
  to.size = to.overflow ? Room : from.size();
  detail::for_each_page<Roomy<T, Room>::page>(
      to.size, [&](std::size_t page, std::size_t first, std::size_t count) {
        detail::copy_elements(from.data() + first, count, to.pages[page]);
      });
}

namespace detail {
template<class T, std::size_t Room>
constexpr void copy_to(T* to, const Roomy<T, Room>& from) {
  for_each_page<Roomy<T, Room>::page>(from.size, [&](std::size_t page, std::size_t first, std::size_t count) {
    copy_elements<T>(from.pages[page], count, to + first);
  });
}
} // namespace detail

/// Cuts one to its length, N.
template<std::size_t N, class T, std::size_t Room>
constexpr std::array<T, N> cut(const Roomy<T, Room>& from) {
  std::array<T, N> result{};
  if constexpr (N > 0) detail::copy_to(result.data(), from);
  return result;
}

/// The list again.
template<class T, std::size_t Room>
constexpr void thaw(const Roomy<T, Room>& from, GrowingArray<T>& to) {
  to = GrowingArray<T>(from.size);
  detail::copy_to(to.data(), from);
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
  /// What was grown, in an array of exactly its size.
  static constexpr std::array<T, roomy.size> value = cut<roomy.size>(roomy);
};

} // namespace stator::inline v0_2
