// SPDX-License-Identifier: BSL-1.0
// Text built in constant evaluation: compiler messages and name tables. (std::string of libstdc++ 12 cannot
// be used there by clang.)
#pragma once

#include "stator/core/growing_array.hpp"
#include "stator/core/shape.hpp"

#include <string_view>

namespace stator::inline v0_2 {

/// A string for constant evaluation that grows: error messages and names are composed of it.
class Text {
public:
  constexpr Text() = default;
  explicit constexpr Text(std::string_view s) { *this += s; }

  /// The characters, valid as long as the text is neither changed nor destroyed.
  constexpr std::string_view view() const { return {chars_.data(), chars_.size()}; }
  constexpr std::size_t size() const { return chars_.size(); }
  constexpr bool empty() const { return chars_.empty(); }
  /// Keeps the first n characters.
  constexpr void truncate(std::size_t n) { chars_.truncate(n); }

  constexpr Text& operator+=(std::string_view s) {
    chars_.append(s.data(), s.data() + s.size());
    return *this;
  }
  constexpr Text& operator+=(const char* s) { return *this += std::string_view(s); }
  constexpr Text& operator+=(const Text& s) { return *this += s.view(); }
  // One for each type of integers: which of them Index and std::size_t are differs between machines.
  constexpr Text& operator+=(int n) { return *this += static_cast<long long>(n); }
  constexpr Text& operator+=(unsigned n) { return *this += static_cast<long long>(n); }
  constexpr Text& operator+=(long n) { return *this += static_cast<long long>(n); }
  constexpr Text& operator+=(unsigned long n) { return *this += static_cast<long long>(n); }
  constexpr Text& operator+=(unsigned long long n) { return *this += static_cast<long long>(n); }
  constexpr Text& operator+=(long long n) {
    char digits[24]{};
    std::size_t count = 0;
    const bool negative = n < 0;
    do digits[count++] = static_cast<char>('0' + (negative ? -(n % 10) : n % 10)), n /= 10;
    while (n != 0);
    if (negative) digits[count++] = '-';
    while (count > 0) chars_.push_back(digits[--count]);
    return *this;
  }
  /// "[64, 784]", with "?" for a dynamic extent.
  constexpr Text& operator+=(const Extents& e) {
    *this += std::string_view("[");
    for (std::size_t i = 0; i < e.rank; ++i) {
      if (i > 0) *this += std::string_view(", ");
      if (e[i] == dynamic)
        *this += std::string_view("?");
      else
        *this += e[i];
    }
    return *this += std::string_view("]");
  }

private:
  GrowingArray<char> chars_;
};

/// Concatenates strings, numbers and extents.
template<class... Parts>
constexpr Text text(const Parts&... parts) {
  Text result;
  ((result += parts), ...);
  return result;
}

} // namespace stator::inline v0_2
