// SPDX-License-Identifier: BSL-1.0
#include "stator/io/npy.hpp"
#include "stator/io/safetensors.hpp"

int main() {
  const std::string header = "{}";
  std::vector<std::byte> file;
  stator::io::append_little(file, std::uint64_t{header.size()});
  for (const char c : header) file.push_back(static_cast<std::byte>(c));
  return stator::io::SafetensorsFile(file, "memory").tensors().empty() && stator::io::crc32(file) != 0 ? 0
                                                                                                       : 1;
}
