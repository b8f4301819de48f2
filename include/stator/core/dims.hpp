// SPDX-License-Identifier: BSL-1.0
// Sizes for each spatial dimension, as options of layers: 3 means the same in all of them.
#pragma once

#include "stator/core/shape.hpp"

#include <array>
#include <string>

namespace stator::inline v0_2 {

/// D numbers; made from one number or from D: `Dims<2>(3)`, `Dims<2>(3, 5)`.
template<std::size_t D>
struct Dims {
  std::array<Index, D> value{}; ///< the numbers, one for each dimension

  constexpr Dims() = default;
  constexpr Dims(Index all) {
    for (Index& v : value) v = all;
  }
  template<class... I>
    requires(sizeof...(I) == D && D > 1)
  constexpr Dims(I... i) : value{static_cast<Index>(i)...} {}
  constexpr Dims(const std::array<Index, D>& v) : value(v) {}

  constexpr Index operator[](std::size_t i) const { return value[i]; }
  constexpr Index& operator[](std::size_t i) { return value[i]; }
  constexpr bool operator==(const Dims&) const = default;
};

/// "(3, 3)", as Python prints a tuple.
template<std::size_t D>
std::string to_string(const Dims<D>& dims) {
  std::string text = "(";
  for (std::size_t i = 0; i < D; ++i) text += (i > 0 ? ", " : "") + std::to_string(dims[i]);
  return text + (D == 1 ? ",)" : ")");
}

} // namespace stator::inline v0_2
