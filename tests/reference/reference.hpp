// SPDX-License-Identifier: BSL-1.0
// Access to PyTorch's tensors in tests/reference/data.
#pragma once

#include "stator/io/npy.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>
#include <zlib.h>

namespace stator::test {

/// data/<topic>.npz, read once.
inline const io::Npz& reference(const std::string& topic) {
  static std::vector<std::pair<std::string, io::Npz>> read;
  for (const auto& [name, npz] : read)
    if (name == topic) return npz;
  return read
      .emplace_back(topic, io::load_npz(std::string(STATOR_TEST_REFERENCE) + "/data/" + topic + ".npz"))
      .second;
}

/// CRC-32 of the elements' bytes, as zlib.crc32 in the scripts.
template<class T>
std::uint32_t fingerprint(std::span<T> values) {
  const auto bytes = std::as_bytes(values);
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

template<class T>
constexpr const char* dtype_name() {
  return sizeof(T) == 4 ? "float32" : "float64";
}

} // namespace stator::test
