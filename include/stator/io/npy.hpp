// SPDX-License-Identifier: BSL-1.0
// NumPy's files: .npy holds one array, .npz is a ZIP archive of them.
#pragma once

#include "stator/io/npy_array.hpp"
#include "stator/io/npy_format.hpp"
#include "stator/io/zip_reader.hpp"
#include "stator/io/zip_writer.hpp"

#include <string_view>

namespace stator::io {

/// The arrays of an .npz file in the file's order: `npz["fc1.weight"].as<float>()`.
struct Npz {
  std::string path;
  std::vector<std::pair<std::string, NpyArray>> arrays;

  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// Throws KeyError.
  const NpyArray& operator[](std::string_view name) const {
    if (const NpyArray* array = find(name)) return *array;
    throw KeyError(path + ": has no array '" + std::string(name) + "'");
  }
  auto begin() const { return arrays.begin(); }
  auto end() const { return arrays.end(); }
  std::size_t size() const { return arrays.size(); }

private:
  const NpyArray* find(std::string_view name) const {
    for (const auto& [key, array] : arrays)
      if (key == name) return &array;
    return nullptr;
  }
};

/// Throws FileError; FormatError, naming the byte, for a file that is damaged or no .npy file.
inline NpyArray load_npy(const std::filesystem::path& path) {
  return detail::parse_npy(read_file(path), path.string());
}

/// As load_npy; an array's offset counts in its own unpacked contents, the file is named "FILE(ENTRY)".
inline Npz load_npz(const std::filesystem::path& path) {
  const ZipReader archive(path);
  Npz npz{.path = path.string(), .arrays = {}};
  for (const ZipEntry& entry : archive.entries()) {
    const std::string_view suffix = ".npy";
    if (!entry.name.ends_with(suffix))
      format_error(npz.path, entry.header, "'" + entry.name + "' is not an .npy file");
    npz.arrays.emplace_back(entry.name.substr(0, entry.name.size() - suffix.size()),
                            detail::parse_npy(archive.read(entry), npz.path + "(" + entry.name + ")"));
  }
  return npz;
}

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
