// SPDX-License-Identifier: BSL-1.0
// Writes NumPy's files, .npy and .npz.
// Source: NumPy Enhancement Proposal 1, "A Simple File Format for NumPy Arrays".
#pragma once

#include "stator/io/npy_array.hpp"
#include "stator/io/zip_writer.hpp"

#include <string_view>

namespace stator::io {

namespace detail {

inline constexpr std::string_view npy_magic = "\x93NUMPY";

inline std::vector<std::byte> npy_header(const NpyArray& array) {
  CheckedSize size = array.numel();
  size *= array.itemsize();
  if (!size.fits() || size.value() != array.bytes.size())
    throw ShapeError("save_npy: " + std::to_string(array.bytes.size()) + " bytes for '" + array.dtype +
                     "' of shape " + array.shape_text());
  std::string text = "{'descr': '" + array.dtype +
                     "', 'fortran_order': " + (array.fortran_order ? "True" : "False") +
                     ", 'shape': " + array.shape_text() + ", }";
  const bool large = text.size() + 64 > 0xFFFF;
  const std::size_t begin = large ? 12 : 10;
  text.append(63 - (begin + text.size()) % 64, ' '); // the data begin at a multiple of 64
  text += '\n';
  std::vector<std::byte> header;
  for (const char c : npy_magic) header.push_back(static_cast<std::byte>(c));
  append_little(header, static_cast<std::uint16_t>(large ? 2 : 1)); // version, then a zero
  if (large)
    append_little(header, static_cast<std::uint32_t>(text.size()));
  else
    append_little(header, static_cast<std::uint16_t>(text.size()));
  for (const char c : text) header.push_back(static_cast<std::byte>(c));
  return header;
}

} // namespace detail

/// Writes beside the target and renames, so that a file under this name is always complete. Throws FileError.
inline void save_npy(const std::filesystem::path& path, const NpyArray& array) {
  const auto header = detail::npy_header(array);
  AtomicFile file(path);
  file.write(header);
  file.write(array.bytes);
  file.commit();
}

/// Writes an .npz array by array: `NpzWriter npz{path}; npz.add("weight", array); npz.close();`.
/// Without close() no file appears.
class NpzWriter {
public:
  explicit NpzWriter(const std::filesystem::path& path, bool compress = false)
      : archive_(path), compress_(compress) {}

  void add(const std::string& name, const NpyArray& array) {
    auto contents = detail::npy_header(array);
    contents.insert(contents.end(), array.bytes.begin(), array.bytes.end());
    archive_.add(name + ".npy", contents, compress_);
  }
  void close() { archive_.close(); }

private:
  ZipWriter archive_;
  bool compress_;
};

/// As numpy.savez, or numpy.savez_compressed.
inline void save_npz(const std::filesystem::path& path,
                     const std::vector<std::pair<std::string, NpyArray>>& arrays, bool compress = false) {
  NpzWriter npz(path, compress);
  for (const auto& [name, array] : arrays) npz.add(name, array);
  npz.close();
}

} // namespace stator::io
