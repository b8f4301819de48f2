// SPDX-License-Identifier: BSL-1.0
// The equation of an einsum, read: a letter for each dimension of each operand and of the result.
#pragma once

#include "stator/core/shape.hpp"

#include <string_view>

namespace stator::ops::detail {

/// A letter for each dimension of a tensor. Those of an ellipsis are the digits from '0' on, counted from the
/// right.
struct Letters {
  std::size_t count = 0;
  std::array<char, 32> of{};

  constexpr void push_back(char c) { of[count++] = c; }
  constexpr std::size_t find(char c, std::size_t from = 0) const {
    while (from < count && of[from] != c) ++from;
    return from;
  }
  constexpr bool has(char c) const { return find(c) < count; }
  constexpr Letters without(std::size_t d) const {
    Letters l;
    for (std::size_t i = 0; i < count; ++i)
      if (i != d) l.push_back(of[i]);
    return l;
  }
  constexpr bool operator==(const Letters&) const = default;
};

/// Why an equation cannot be read.
enum class EquationError { none, terms, term, rank, result, unknown, twice, large };

constexpr std::string_view to_string(EquationError error) {
  constexpr std::array<std::string_view, 8> words{
      "no error",
      "not as many terms as operands: look at",
      "a term that is not letters and at most one ellipsis, number",
      "not as many letters as the operand has dimensions, in term",
      "a result that is not letters and at most one ellipsis, after",
      "a letter in the result that no operand has,",
      "a letter twice in the result,",
      "a result of more than eight dimensions, after"};
  return words[static_cast<std::size_t>(error)];
}

/// An equation with the ranks of its operands, read.
template<std::size_t N>
struct Equation {
  std::array<Letters, N> operand{};
  Letters result;
  EquationError error = EquationError::none;
  char culprit = ' '; ///< the letter, or the number of the term from 0 on

  constexpr void refuse(EquationError why, char c) {
    if (error == EquationError::none) error = why, culprit = c;
  }
};

/// Reads one term. An ellipsis stands for `hidden` dimensions.
constexpr bool read_term(std::string_view term, std::size_t hidden, Letters& letters) {
  bool ellipsis = false;
  for (std::size_t i = 0; i < term.size(); ++i) {
    const char c = term[i];
    if (c == ' ') continue;
    if (c == '.') {
      if (ellipsis || term.substr(i, 3) != "...") return false;
      ellipsis = true;
      for (std::size_t k = hidden; k-- > 0;) letters.push_back(static_cast<char>('0' + k));
      i += 2;
    } else if (((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) && letters.count < max_rank) {
      letters.push_back(c);
    } else {
      return false;
    }
  }
  return true;
}

template<std::size_t N>
constexpr Equation<N> read_equation(std::string_view text, const std::array<std::size_t, N>& rank) {
  Equation<N> e;
  const std::size_t arrow = text.find("->");
  std::string_view terms = text.substr(0, arrow);
  std::size_t most = 0;
  for (std::size_t n = 0; n < N; ++n) {
    const auto number = static_cast<char>('0' + n);
    const std::size_t comma = terms.find(',');
    if ((comma == terms.npos) != (n + 1 == N)) e.refuse(EquationError::terms, ',');
    const std::string_view term = terms.substr(0, comma);
    terms = comma == terms.npos ? std::string_view() : terms.substr(comma + 1);
    Letters named;
    if (!read_term(term, 0, named)) e.refuse(EquationError::term, number);
    const bool ellipsis = term.find('.') != term.npos;
    if (named.count > rank[n] || (named.count < rank[n] && !ellipsis)) e.refuse(EquationError::rank, number);
    if (e.error != EquationError::none) return e;
    const std::size_t hidden = rank[n] - named.count;
    most = hidden > most ? hidden : most;
    read_term(term, hidden, e.operand[n]);
  }
  const auto times = [&](char c) {
    std::size_t sum = 0;
    for (const Letters& l : e.operand)
      for (std::size_t i = 0; i < l.count; ++i) sum += l.of[i] == c;
    return sum;
  };
  if (arrow != text.npos) {
    if (!read_term(text.substr(arrow + 2), most, e.result)) e.refuse(EquationError::result, '>');
    for (std::size_t i = 0; i < e.result.count; ++i) {
      if (times(e.result.of[i]) == 0) e.refuse(EquationError::unknown, e.result.of[i]);
      if (e.result.find(e.result.of[i], i + 1) < e.result.count)
        e.refuse(EquationError::twice, e.result.of[i]);
    }
  } else { // the dimensions of ellipses, then what is named once, in the order of the alphabet
    for (std::size_t k = most; k-- > 0;) e.result.push_back(static_cast<char>('0' + k));
    for (char c = 'A'; c <= 'z'; ++c)
      if (times(c) == 1) e.result.push_back(c);
  }
  if (e.result.count > max_rank) e.refuse(EquationError::large, '>');
  return e;
}

} // namespace stator::ops::detail
