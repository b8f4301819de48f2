// SPDX-License-Identifier: BSL-1.0
// Extents of tensors. `Shape<64, 784>` is a type, `Extents` the same as a value for constant evaluation.
// Only the leading extent may be `dynamic`: the batch, known when the program runs.
#pragma once

#include "stator/core/checked.hpp"

#include <array>
#include <cstddef>

namespace stator::inline v0_2 {

/// Extents, batches and positions: signed, as torch's sizes are.
using Index = std::ptrdiff_t;

/// An extent that is known only at run time.
inline constexpr Index dynamic = -1;

/// The highest rank of a tensor.
inline constexpr std::size_t max_rank = 8;

/// A shape as a value: what shape rules compute with, and what a template argument can hold.
struct Extents {
  std::size_t rank = 0;               ///< number of dimensions
  std::array<Index, max_rank> dims{}; ///< the first `rank` are extents, the others zero

  constexpr Extents() = default;
  template<class... D>
  explicit constexpr Extents(D... d) : rank(sizeof...(D)), dims{static_cast<Index>(d)...} {}

  constexpr Index operator[](std::size_t i) const { return dims[i]; }
  constexpr Index& operator[](std::size_t i) { return dims[i]; }
  /// The last extent; the rank must not be 0.
  constexpr Index back() const { return dims[rank - 1]; }
  constexpr bool operator==(const Extents&) const = default;
  /// Whether the leading extent is known only at run time.
  constexpr bool is_dynamic() const { return rank > 0 && dims[0] == dynamic; }

  /// Appends a dimension; the rank must be below `max_rank`.
  constexpr void push_back(Index extent) { dims[rank++] = extent; }

  /// Product of the extents in [first, last); a dynamic extent counts as one.
  constexpr Index product(std::size_t first, std::size_t last) const {
    Index n = 1;
    for (std::size_t i = first; i < last; ++i) n *= dims[i] == dynamic ? 1 : dims[i];
    return n;
  }
  /// Elements of a static shape, elements per sample of a dynamic one.
  constexpr Index numel() const { return product(0, rank); }
  /// Whether no extent is negative, a dynamic one apart, and memory can hold this many elements (of 8 bytes).
  constexpr bool is_possible() const {
    CheckedSize bytes = 8;
    for (std::size_t i = 0; i < rank; ++i) bytes *= dims[i] == dynamic ? 1 : dims[i];
    return bytes.fits();
  }
};

namespace unqualified {
/// A base of everything that operations apply to: `sum(x)` then finds the functions of this namespace, see
/// ops/unqualified.hpp.
struct lookup {};
} // namespace unqualified

/// A shape as a type.
template<Index... E>
struct Shape : unqualified::lookup {
  static_assert(sizeof...(E) <= max_rank, "stator: a tensor has at most 8 dimensions");
  static constexpr std::size_t rank = sizeof...(E); ///< number of dimensions
  static constexpr Extents extents{E...};           ///< the extents as a value
  static_assert(extents.is_possible(),
                "stator: an extent of a tensor is negative, or it has more elements than memory can have");
  /// Whether the leading extent is known only at run time.
  static constexpr bool is_dynamic = extents.is_dynamic();
  /// Elements of a static shape, elements per sample of a dynamic one.
  static constexpr Index numel = extents.numel();

  /// Whether no extent but the first is dynamic.
  static consteval bool leading_only() {
    for (std::size_t i = 1; i < rank; ++i)
      if (extents[i] == dynamic) return false;
    return true;
  }
  static_assert(leading_only(), "stator: only the leading extent may be dynamic");
};

namespace detail {
template<Extents E, std::size_t Rank>
struct to_shape;
// clang-format off
template<Extents E> struct to_shape<E, 0> { using type = Shape<>; };
template<Extents E> struct to_shape<E, 1> { using type = Shape<E[0]>; };
template<Extents E> struct to_shape<E, 2> { using type = Shape<E[0], E[1]>; };
template<Extents E> struct to_shape<E, 3> { using type = Shape<E[0], E[1], E[2]>; };
template<Extents E> struct to_shape<E, 4> { using type = Shape<E[0], E[1], E[2], E[3]>; };
template<Extents E> struct to_shape<E, 5> { using type = Shape<E[0], E[1], E[2], E[3], E[4]>; };
template<Extents E> struct to_shape<E, 6> { using type = Shape<E[0], E[1], E[2], E[3], E[4], E[5]>; };
template<Extents E> struct to_shape<E, 7> { using type = Shape<E[0], E[1], E[2], E[3], E[4], E[5], E[6]>; };
template<Extents E> struct to_shape<E, 8> { using type = Shape<E[0], E[1], E[2], E[3], E[4], E[5], E[6], E[7]>; };
// clang-format on
} // namespace detail

/// The type of a shape that was computed as a value.
template<Extents E>
using to_shape = typename detail::to_shape<E, E.rank>::type;

} // namespace stator::inline v0_2
