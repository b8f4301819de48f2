// SPDX-License-Identifier: BSL-1.0
// NumPy's files: .npy holds one array, .npz is a ZIP archive of them. Writing is in io/npy_writer.hpp.
#pragma once

#include "stator/io/npy_format.hpp"
#include "stator/io/npy_writer.hpp"
#include "stator/io/zip_reader.hpp"

#include <string_view>

namespace stator::io {

/// The arrays of an .npz file in the file's order: `npz["fc1.weight"].as<float>()`.
struct Npz {
  std::string path; ///< of the file, for messages
  /// Names, without ".npy", and arrays, in the order of the archive.
  std::vector<std::pair<std::string, NpyArray>> arrays;

  /// Whether there is an array of this name.
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// Throws KeyError.
  const NpyArray& operator[](std::string_view name) const {
    if (const NpyArray* array = find(name)) return *array;
    std::string known;
    for (const auto& [key, array] : arrays) {
      known += (known.empty() ? "" : ", ") + key;
      if (known.size() > 200) { // some of many
        known += ", ...";
        break;
      }
    }
    raise(KeyError(path + ": has no array '" + std::string(name) + "'; there are " + known));
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

namespace detail {
inline Npz parse_npz(const ZipReader& archive, const std::string& path) {
  Npz npz{.path = path, .arrays = {}};
  for (const ZipEntry& entry : archive.entries()) {
    const std::string_view suffix = ".npy";
    if (!entry.name.ends_with(suffix))
      format_error(npz.path, entry.header, "'" + entry.name + "' is not an .npy file");
    npz.arrays.emplace_back(entry.name.substr(0, entry.name.size() - suffix.size()),
                            detail::parse_npy(archive.read(entry), npz.path + "(" + entry.name + ")"));
  }
  return npz;
}
} // namespace detail

/// Throws FileError; FormatError, naming the byte, for a file that is damaged or no .npy file.
inline NpyArray load_npy(const std::filesystem::path& path) {
  return detail::parse_npy(read_file(path), path.string());
}

/// As load_npy; an array's offset counts in its own unpacked contents, the file is named "FILE(ENTRY)". A
/// file that unpacks to more than `options.max_unpacked` is refused.
inline Npz load_npz(const std::filesystem::path& path, const ReadOptions& options = {}) {
  return detail::parse_npz(ZipReader(path, options), path.string());
}
/// The same of an archive that is in memory already; `name` stands for it in messages.
inline Npz load_npz(std::span<const std::byte> bytes, const std::string& name,
                    const ReadOptions& options = {}) {
  return detail::parse_npz(ZipReader(MappedFile(bytes), name, options), name);
}

} // namespace stator::io
