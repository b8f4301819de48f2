// SPDX-License-Identifier: BSL-1.0
// Reads a whole file.
#pragma once

#include "stator/core/checked.hpp"
#include "stator/io/file_error.hpp"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

namespace stator::io {

/// Throws FileError for what is there but has no contents of its own: a directory; a pipe, which would be
/// waited for until somebody writes into it; a terminal.
inline void expect_regular_file(const std::filesystem::path& path) {
  std::error_code problem;
  const auto status = std::filesystem::status(path, problem);
  if (std::filesystem::is_directory(status)) file_error(path, "read", EISDIR);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    raise(FileError(path.string() + ": is not a regular file"));
}

/// The bytes of the file. Throws FileError when it cannot be opened or read, or is not a regular file.
inline std::vector<std::byte> read_file(const std::filesystem::path& path) {
  expect_regular_file(path);
  errno = 0;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) file_error(path, "open", errno != 0 ? errno : EIO);
  const std::streamoff size = file.tellg();
  if (size < 0) file_error(path, "read", errno != 0 ? errno : EIO);
  const CheckedSize count = size;
  if (!count.fits()) file_error(path, "read", EFBIG);
  std::vector<std::byte> bytes(count.value());
  file.seekg(0);
  if (!bytes.empty() && !file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size)))
    file_error(path, "read", errno != 0 ? errno : EIO);
  return bytes;
}

/// The first bytes of the file, `count` where the file has that many. Throws FileError.
inline std::vector<std::byte> read_beginning(const std::filesystem::path& path, std::size_t count) {
  expect_regular_file(path);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) file_error(path, "open", errno != 0 ? errno : EIO);
  std::vector<std::byte> bytes(count);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(count));
  if (file.bad()) file_error(path, "read", errno != 0 ? errno : EIO);
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

} // namespace stator::io
