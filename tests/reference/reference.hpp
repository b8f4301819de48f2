// SPDX-License-Identifier: BSL-1.0
// Access to PyTorch's tensors in tests/reference/data.
#pragma once

#include "compare.hpp"

#include "stator/io/npy.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
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
  const auto path = std::filesystem::path(STATOR_TEST_REFERENCE) / "data" / (topic + ".npz");
  return read.emplace_back(topic, io::load_npz(path)).second;
}

/// All of data/<topic>/*.npz as one: which of the files holds an array does not matter.
class References {
public:
  explicit References(const std::string& topic) : directory_(STATOR_TEST_REFERENCE "/data/" + topic) {
    for (const auto& file : std::filesystem::directory_iterator(directory_))
      if (file.path().extension() == ".npz") files_.push_back(io::load_npz(file.path()));
  }

  bool contains(std::string_view key) const {
    return std::ranges::any_of(files_, [&](const io::Npz& file) { return file.contains(key); });
  }
  /// Throws KeyError.
  const io::NpyArray& operator[](std::string_view key) const {
    for (const io::Npz& file : files_)
      if (file.contains(key)) return file[key];
    throw KeyError(directory_ + ": no file has an array '" + std::string(key) + "'");
  }
  auto begin() const { return files_.begin(); }
  auto end() const { return files_.end(); }

private:
  std::string directory_;
  std::vector<io::Npz> files_;
};

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
