// SPDX-License-Identifier: BSL-1.0
// What reading and writing ZIP archives share.
#pragma once

#include "stator/io/endian.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <zlib.h>

namespace stator::io {

/// CRC-32 of any number of bytes.
inline std::uint32_t crc32(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

/// One file in an archive. Offsets are bytes from the beginning of the archive.
struct ZipEntry {
  std::string name;             ///< with its directories, parted by '/'
  std::uint64_t header = 0;     ///< where the entry begins
  std::uint64_t data = 0;       ///< where its contents begin
  std::uint64_t compressed = 0; ///< bytes in the archive
  std::uint64_t size = 0;       ///< bytes unpacked
  std::uint32_t crc = 0;        ///< CRC-32 of the unpacked contents
  bool deflated = false;        ///< whether the contents are compressed
};

} // namespace stator::io
