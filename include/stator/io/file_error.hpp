// SPDX-License-Identifier: BSL-1.0
// The words of the two kinds of mistakes that files make: FileError and FormatError.
#pragma once

#include "stator/core/error.hpp"
#include "stator/io/path.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace stator::io {

/// Throws FileError "stator: PATH: cannot ACTION: REASON".
[[noreturn]] inline void file_error(const Path& path, const char* action, int code) {
  raise(FileError(path.string() + ": cannot " + action + ": " + std::strerror(code)));
}

/// Throws FormatError "stator: PATH, byte OFFSET: WHAT".
[[noreturn]] inline void format_error(const std::string& path, std::uint64_t offset,
                                      const std::string& what) {
  raise(FormatError(path + ", byte " + std::to_string(offset) + ": " + what));
}

} // namespace stator::io
