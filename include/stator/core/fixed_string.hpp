// SPDX-License-Identifier: BSL-1.0
// A string that can be a template argument: paths, names, compiler messages.
#pragma once

#include "stator/core/requirements.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace stator::inline v0_2 {

/// `N` characters and a terminator. `fixed_string path = "fc1.weight";`
template<std::size_t N>
struct fixed_string {
  /// The characters and a closing zero.
  char data[N + 1]{};

  constexpr fixed_string() = default;
  constexpr fixed_string(const char (&text)[N + 1]) { std::copy_n(text, N + 1, data); }
  explicit constexpr fixed_string(std::string_view text) {
    std::copy_n(text.data(), std::min(N, text.size()), data);
    data[N] = '\0'; // clang prints an array as text only where the terminator has been written
  }

  static constexpr std::size_t size() { return N; }
  /// The characters without the closing zero.
  constexpr std::string_view view() const { return {data, N}; }
  constexpr operator std::string_view() const { return view(); }
  constexpr bool operator==(const fixed_string&) const = default;
};

template<std::size_t N>
fixed_string(const char (&)[N]) -> fixed_string<N - 1>;

template<std::size_t A, std::size_t B>
constexpr fixed_string<A + B> operator+(const fixed_string<A>& a, const fixed_string<B>& b) {
  fixed_string<A + B> sum;
  std::copy_n(a.data, A, sum.data);
  std::copy_n(b.data, B + 1, sum.data + A);
  return sum;
}

} // namespace stator::inline v0_2
