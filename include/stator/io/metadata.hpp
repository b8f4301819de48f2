// SPDX-License-Identifier: BSL-1.0
// Texts beside the tensors of a safetensors file, and how texts stand in its JSON header.
#pragma once

#include "stator/core/requirements.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace stator::io {

/// "__metadata__": names and texts.
using Metadata = std::map<std::string, std::string>;

namespace detail {

/// Bytes of a header, as in the format's reference implementation.
inline constexpr std::size_t largest_header = 100'000'000;

/// Whether `text` is well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
inline bool is_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned first = byte(i);
    const std::size_t more = first < 0x80   ? 0
                             : first < 0xc2 ? 4
                             : first < 0xe0 ? 1
                             : first < 0xf0 ? 2
                             : first < 0xf5 ? 3
                                            : 4;
    if (more == 4) return false;
    for (std::size_t k = 1; k <= more; ++k)
      if (byte(i + k) < 0x80 || byte(i + k) > 0xbf) return false;
    const unsigned second = byte(i + 1);
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
      return false;
    i += 1 + more;
  }
  return true;
}

/// The text as a JSON string, with its quotes.
inline std::string json_text(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (code < 0x20) {
      result += "\\u00";
      result += digits[code / 16];
      result += digits[code % 16];
    } else {
      result += c;
    }
  }
  return result + '"';
}

} // namespace detail

} // namespace stator::io
