// SPDX-License-Identifier: BSL-1.0
#include "stator/version.hpp"

#include <string_view>

namespace {
/// "0.2.0" as 200.
constexpr int number(std::string_view text) {
  int result = 0, part = 0;
  for (const char c : text)
    if (c == '.') {
      result = 100 * (result + part);
      part = 0;
    } else {
      part = 10 * part + (c - '0');
    }
  return result + part;
}
} // namespace

static_assert(number("1.20.3") == 12003);
static_assert(STATOR_VERSION == number(STATOR_VERSION_STRING), "the two forms of the version are the same");
