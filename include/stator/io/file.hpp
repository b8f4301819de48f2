// SPDX-License-Identifier: BSL-1.0
// Reads a whole file, and words the two kinds of mistakes that files make: FileError and FormatError.
#pragma once

#include "stator/core/error.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

namespace stator::io {

/// Throws FileError "stator: PATH: cannot ACTION: REASON".
[[noreturn]] inline void file_error(const std::filesystem::path& path, const std::string& action, int code) {
  throw FileError(path.string() + ": cannot " + action + ": " + std::generic_category().message(code));
}

/// Throws FormatError "stator: PATH, byte OFFSET: WHAT".
[[noreturn]] inline void format_error(const std::string& path, std::uint64_t offset,
                                      const std::string& what) {
  throw FormatError(path + ", byte " + std::to_string(offset) + ": " + what);
}

/// The bytes of the file. Throws FileError when it cannot be opened or read.
inline std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::error_code problem;
  if (std::filesystem::is_directory(path, problem)) file_error(path, "read", EISDIR);
  errno = 0;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) file_error(path, "open", errno != 0 ? errno : EIO);
  const std::streamoff size = file.tellg();
  if (size < 0) file_error(path, "read", errno != 0 ? errno : EIO);
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  file.seekg(0);
  if (!bytes.empty() && !file.read(reinterpret_cast<char*>(bytes.data()), size))
    file_error(path, "read", errno != 0 ? errno : EIO);
  return bytes;
}

} // namespace stator::io
