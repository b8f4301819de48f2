// SPDX-License-Identifier: BSL-1.0
// Counts heap allocations at malloc itself, so that those of Eigen, zlib and the C++ library are seen too.
#pragma once

#include <cstddef>

namespace stator::test {

/// Calls of malloc, calloc, realloc and the aligned ones by all threads since the program began.
/// Does not move under a sanitizer, which brings its own malloc.
std::size_t allocations();

/// Whether allocations() counts in this build.
bool allocations_are_counted();

} // namespace stator::test
