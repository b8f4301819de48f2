// SPDX-License-Identifier: BSL-1.0
// A compiler error whose text was computed in constant evaluation.
#pragma once

#include "stator/core/fixed_string.hpp"
#include "stator/core/text.hpp"

#include <utility>

namespace stator::inline v0_2 {

namespace detail {

#if defined(__clang__)
// clang prints at most 36 characters of a template argument.
inline constexpr std::size_t piece_size = 34;
#else
inline constexpr std::size_t piece_size = 4096;
#endif

/// Where the piece that begins at `begin` ends: after the last blank that fits.
constexpr std::size_t piece_end(std::string_view message, std::size_t begin) {
  if (message.size() - begin <= piece_size) return message.size();
  const std::size_t blank = message.rfind(' ', begin + piece_size - 1);
  return blank == std::string_view::npos || blank <= begin ? begin + piece_size : blank + 1;
}

struct Piece {
  std::size_t begin, size;
};
constexpr Piece piece(std::string_view message, std::size_t index) {
  std::size_t begin = 0;
  while (index-- > 0) begin = piece_end(message, begin);
  return {begin, piece_end(message, begin) - begin};
}

constexpr std::size_t piece_count(std::string_view message) {
  std::size_t n = 0;
  for (std::size_t begin = 0; begin < message.size(); begin = piece_end(message, begin)) ++n;
  return n;
}

/// The last parameters of the template that stops the compiler: it names them.
template<fixed_string... Message>
inline constexpr bool error_is = false;

/// Instantiated with a message, it stops the compiler and shows the message among its arguments.
template<fixed_string... Message>
struct compile_error {
  static_assert(error_is<Message...>, "stator: the reason is the text in the braces");
  static constexpr bool stopped = true;
};

template<fixed_string Text, std::size_t... I>
consteval bool stop(std::index_sequence<I...>) {
  constexpr std::string_view all = Text.view();
  return compile_error<fixed_string<piece(all, I).size>(
      all.substr(piece(all, I).begin, piece(all, I).size))...>::stopped;
}

} // namespace detail

namespace detail {
/// The size of a message that the compiler cannot evaluate.
inline constexpr std::size_t not_constant = static_cast<std::size_t>(-1);

// Evaluates the message once: where it is not a constant expression, the first overload is not a candidate.
template<class Source, std::size_t Size = Source::message().size()>
consteval std::size_t message_size(int) {
  return Size;
}
template<class Source>
consteval std::size_t message_size(long) {
  return not_constant;
}
} // namespace detail

/// `Source::message()` is a constexpr function that returns a Text: empty when all is well, the error
/// otherwise. Where it depends on code of the user and may fail to be a constant expression,
/// `Source::not_constant` is the source of what to say then; the compiler's own reason follows.
template<class Source>
consteval bool check() {
  constexpr std::size_t size = detail::message_size<Source>(0);
  if constexpr (size == detail::not_constant) {
    constexpr bool silent = [] {
      if constexpr (requires { typename Source::not_constant; })
        return check<typename Source::not_constant>();
      else
        return true;
    }();
    [[maybe_unused]] constexpr std::size_t reason =
        silent ? Source::message().size() : Source::message().size();
    return false;
  } else if constexpr (size > 0) {
    constexpr fixed_string<size> all{Source::message().view()};
    return !detail::stop<all>(std::make_index_sequence<detail::piece_count(all.view())>{});
  } else {
    return true;
  }
}

} // namespace stator::inline v0_2
