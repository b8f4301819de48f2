// SPDX-License-Identifier: BSL-1.0
// Catch2 for the tests, whichever version is installed: 2 (one header) or 3 (a library).
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

#include <exception>
#include <string>

namespace stator::test {

/// A matcher: `REQUIRE_THAT(text, contains("expected 784"))`.
inline auto contains(const std::string& part) {
#if __has_include(<catch2/catch_all.hpp>)
  return Catch::Matchers::ContainsSubstring(part);
#else
  return Catch::Matchers::Contains(part);
#endif
}

/// What the call throws: the text of an `Exception`, "" when it throws nothing. Others pass through.
template<class Exception = std::exception, class Call>
std::string thrown(Call&& call) {
  try {
    call();
  } catch (const Exception& e) {
    return e.what();
  }
  return "";
}

} // namespace stator::test
