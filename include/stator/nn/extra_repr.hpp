// SPDX-License-Identifier: BSL-1.0
// Numbers, truth values and tuples as Python prints them, for `extra_repr`.
#pragma once

#include "stator/core/shape.hpp"

#include <charconv>
#include <cmath>
#include <string>

namespace stator::nn {

/// repr(float): the fewest digits that read back as the same number. 0.5, 1.0, 1e-05, inf
inline std::string python_float(double x) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x < 0 ? "-inf" : "inf";
  char buffer[64];
  // Python takes the exponent below 1e-4 and from 1e16 on.
  const double size = std::abs(x);
  const bool exponent = size != 0 && (size < 1e-4 || size >= 1e16);
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, x,
                                 exponent ? std::chars_format::scientific : std::chars_format::fixed)
                       .ptr;
  std::string result(buffer, end);
  if (!exponent && result.find('.') == std::string::npos) result += ".0";
  return result;
}

/// A number that PyTorch's default gives as a whole one: 20, but 0.5.
inline std::string python_number(double x) {
  return std::floor(x) == x && std::abs(x) < 1e15 ? std::to_string(static_cast<long long>(x))
                                                  : python_float(x);
}

/// A truth value as Python prints it.
inline std::string python_bool(bool x) { return x ? "True" : "False"; }

/// (2, 3), and (2,) for one element.
inline std::string python_tuple(const Extents& e) {
  std::string result = "(";
  for (std::size_t d = 0; d < e.rank; ++d) result += (d > 0 ? ", " : "") + std::to_string(e[d]);
  return result + (e.rank == 1 ? ",)" : ")");
}

} // namespace stator::nn
