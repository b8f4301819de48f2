// SPDX-License-Identifier: BSL-1.0
// Writes NumPy's files, .npy and .npz.
// Source: NumPy Enhancement Proposal 1, "A Simple File Format for NumPy Arrays".
#pragma once

#include "stator/io/npy_array.hpp"
#include "stator/io/zip_writer.hpp"

#include <concepts>
#include <string_view>
#include <type_traits>

namespace stator::io {

namespace detail {

inline constexpr std::string_view npy_magic = "\x93NUMPY";

template<std::same_as<NpyArray> Array>
auto npy_header(const Array& array) {
  CheckedSize size = array.numel();
  size *= array.itemsize();
  if (!size.fits() || size.value() != array.bytes.size())
    raise(ShapeError("save_npy: " + std::to_string(array.bytes.size()) + " bytes for '" + array.dtype +
                     "' of shape " + array.shape_text()));
  std::string text = "{'descr': '" + array.dtype +
                     "', 'fortran_order': " + (array.fortran_order ? "True" : "False") +
                     ", 'shape': " + array.shape_text() + ", }";
  const bool large = text.size() + 64 > 0xFFFF;
  const std::size_t begin = large ? 12 : 10;
  text.append(63 - (begin + text.size()) % 64, ' '); // the data begin at a multiple of 64
  text += '\n';
  auto header = decltype(array.bytes)();
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
template<std::same_as<NpyArray> Array>
void save_npy(const Path& path, const Array& array) {
  const auto header = detail::npy_header(array);
  AtomicFile file(path);
  file.write(header);
  file.write(array.bytes);
  file.commit();
}

/// Writes an .npz array by array: `NpzWriter npz{path}; npz.add("weight", array); npz.close();`.
/// Without close() no file appears.
template<class Archive = ZipWriter>
class BasicNpzWriter {
public:
  explicit BasicNpzWriter(const Path& path, bool compress = false) : archive_(path), compress_(compress) {}

  /// Appends the array as "name.npy". Throws FileError.
  template<std::same_as<NpyArray> Array = NpyArray>
  void add(const std::string& name, const Array& array) {
    auto contents = detail::npy_header(array);
    contents.insert(contents.end(), array.bytes.begin(), array.bytes.end());
    archive_.add(name + ".npy", contents, compress_);
  }
  /// Puts the complete archive in its place. Throws FileError; without this call no file is left.
  void close() { archive_.close(); }

private:
  Archive archive_;
  bool compress_;
};

/// Writes an .npz archive array by array, see BasicNpzWriter.
using NpzWriter = BasicNpzWriter<>;

/// As numpy.savez, or numpy.savez_compressed.
template<std::same_as<NpyArray> Array = NpyArray>
void save_npz(const Path& path, const std::vector<std::pair<std::string, Array>>& arrays,
              bool compress = false) {
  BasicNpzWriter<std::conditional_t<(sizeof(Array) > 0), ZipWriter, void>> npz(path, compress);
  for (const auto& [name, array] : arrays) npz.add(name, array);
  npz.close();
}

} // namespace stator::io
