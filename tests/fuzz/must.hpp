// SPDX-License-Identifier: BSL-1.0
// What the fuzz targets share: a condition that ends the process, so that libFuzzer keeps the bytes.
#pragma once

#include "stator/core/error.hpp"

#include <cstdlib>
#include <iostream>
#include <string_view>

namespace stator::test {

inline void must(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "does not hold: " << what << '\n';
  std::abort();
}

inline void must_name_byte(const FormatError& error) {
  must(std::string_view(error.what()).starts_with("stator: fuzz"), "a refusal names the file");
  must(std::string_view(error.what()).find(", byte ") != std::string_view::npos, "a refusal names the byte");
}

} // namespace stator::test
