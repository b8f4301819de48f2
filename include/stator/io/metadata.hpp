// SPDX-License-Identifier: BSL-1.0
// Texts beside the tensors of a safetensors file, and how texts stand in its JSON header.
#pragma once

#include "stator/core/requirements.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

namespace stator::io {

/// "__metadata__": names and texts.
using Metadata = std::map<std::string, std::string>;

namespace detail {

/// Bytes of a header, as in the format's reference implementation.
inline constexpr std::size_t largest_header = 100'000'000;

/// Eight characters of a text as one number.
inline std::uint64_t eight_characters(const char* from) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// Whether `text` is well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
inline bool is_utf8(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto byte = [&](int i) { return end - at > i ? static_cast<unsigned char>(at[i]) : 0U; };
  while (at != end) {
    // Nearly all of nearly every text is ASCII, and takes no look at single bytes.
    while (end - at >= 8 && (eight_characters(at) & 0x8080808080808080U) == 0) at += 8;
    if (at == end) break;
    const unsigned first = byte(0), second = byte(1);
    const int more = first < 0x80   ? 0
                     : first < 0xc2 ? 4
                     : first < 0xe0 ? 1
                     : first < 0xf0 ? 2
                     : first < 0xf5 ? 3
                                    : 4;
    if (more == 4) return false;
    for (int k = 1; k <= more; ++k)
      if (byte(k) < 0x80 || byte(k) > 0xbf) return false;
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
      return false;
    at += 1 + more;
  }
  return true;
}

/// Whether a character stands in a JSON string as it is.
constexpr bool is_plain_in_json(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
}

/// How many characters from `at` on do.
inline std::size_t plain_in_json(const char* const begin, const char* const end) {
  constexpr std::uint64_t ones = 0x0101010101010101U, tops = 0x8080808080808080U;
  const char* at = begin;
  for (; end - at >= 8; at += 8) {
    // A byte is below n exactly where subtracting n from it, which is not above 0x7f, borrows.
    const std::uint64_t word = eight_characters(at), quote = word ^ ones * '"', slash = word ^ ones * '\\';
    if ((((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & tops)
      break;
  }
  while (at != end && is_plain_in_json(*at)) ++at;
  return static_cast<std::size_t>(at - begin);
}

/// The text as a JSON string, with its quotes.
inline std::string json_text(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result = "\"";
  result.reserve(text.size() + 2);
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;; ++at) {
    const std::size_t plain = plain_in_json(at, end);
    result.append(at, plain);
    at += plain;
    if (at == end) break;
    const auto code = static_cast<unsigned char>(*at);
    if (code >= 0x20) {
      result += '\\';
      result += *at;
    } else {
      result += "\\u00";
      result += digits[code / 16];
      result += digits[code % 16];
    }
  }
  result += '"';
  return result;
}

} // namespace detail

} // namespace stator::io
