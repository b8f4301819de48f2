// SPDX-License-Identifier: BSL-1.0
// Patterns for paths: * stands for any characters, dots included.
#pragma once

#include "stator/core/error.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stator::inline v0_2 {

/// Whether `text` matches `pattern`.
constexpr bool glob_match(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, n = 0, star = std::string_view::npos, resume = 0;
  while (n < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && pattern[p] == text[n]) {
      ++p, ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

/// What each * of `pattern` stands for in `text` (as little as possible), or nothing when the text does not
/// match.
/// A template, as the next one: only programs that load a state compile them.
template<class View = std::string_view>
std::optional<std::vector<View>> glob_captures(std::string_view pattern, std::string_view text) {
  std::vector<View> captures;
  std::size_t at = 0, star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text ? std::optional(captures) : std::nullopt;
  if (!text.starts_with(pattern.substr(0, star))) return std::nullopt;
  at = star;
  while (true) {
    const std::size_t begin = star + 1, next = pattern.find('*', begin);
    if (next == std::string_view::npos) {
      const std::string_view tail = pattern.substr(begin);
      if (text.size() - at < tail.size() || !text.ends_with(tail)) return std::nullopt;
      captures.push_back(text.substr(at, text.size() - tail.size() - at));
      return captures;
    }
    const std::string_view literal = pattern.substr(begin, next - begin);
    const std::size_t found = text.find(literal, at);
    if (found == std::string_view::npos) return std::nullopt;
    captures.push_back(text.substr(at, found - at));
    at = found + literal.size();
    star = next;
  }
}

/// `to`, each * replaced by what the corresponding * of the pattern stood for. Throws ValueError when `to`
/// has more.
template<class View>
std::string glob_expand(std::string_view to, const std::vector<View>& captures) {
  std::string result;
  std::size_t used = 0;
  for (const char c : to) {
    if (c != '*') {
      result += c;
      continue;
    }
    if (used == captures.size())
      raise(ValueError("'" + std::string(to) + "' has more * than the pattern that it replaces"));
    result += captures[used++];
  }
  return result;
}

namespace detail {
/// What the module at `own` would call the tap or the result at `path`: the path without its own; empty where
/// it is not inside of it.
constexpr std::string_view inside_of(std::string_view own, std::string_view path) {
  if (own.empty()) return path;
  if (!path.starts_with(own) || path.size() <= own.size() + 1 || path[own.size()] != '.') return {};
  return path.substr(own.size() + 1);
}
} // namespace detail

} // namespace stator::inline v0_2
