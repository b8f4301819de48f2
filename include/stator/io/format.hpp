// SPDX-License-Identifier: BSL-1.0
// The formats that state is saved in and loaded from: a registry of extension, first bytes, reader and
// writer. A format is one file that ends with
//
//   inline const bool raw_is_registered = stator::io::register_format(
//       {.name = "raw", .extension = ".raw", .write = write_raw, .matches = begins_like_raw, .read =
//       read_raw});
//
// and then stator::save, stator::load and Checkpoint know it. Those of the library are listed in
// io/save_state.hpp and io/state.hpp, since reading needs what programs that only save do without.
#pragma once

#include "stator/io/metadata.hpp"
#include "stator/io/path.hpp"
#include "stator/io/read_options.hpp"
#include "stator/state/state_tensor.hpp"

#include <concepts>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace stator::io {

/// What a reader gives back: tensors that lie in `memory`, and texts.
struct StateFile {
  std::vector<StateTensor> tensors = {};        ///< in the order of the file
  Metadata metadata = {};                       ///< the texts of the file, by key
  std::shared_ptr<const void> memory = nullptr; ///< keeps the bytes of the tensors alive
};

/// A format; the texts and functions must stay. What a format does not do is left out.
struct StateFormat {
  std::string_view name;      ///< "safetensors"
  std::string_view extension; ///< ".safetensors"
  /// Writes all tensors; a format without a place for texts leaves them out. To be written with AtomicFile.
  void (*write)(const Path& path, std::span<const StateTensor> tensors, const Metadata& metadata) = nullptr;
  /// Whether a file begins like one of this format; there are 16 bytes of it, fewer in a shorter file.
  bool (*matches)(std::span<const std::byte> beginning) = nullptr;
  /// Throws FileError, FormatError.
  StateFile (*read)(const Path& path, const ReadOptions& options) = nullptr;
  /// The same of a file that is in memory already and stays there; `name` stands for it in messages.
  StateFile (*read_bytes)(std::span<const std::byte> bytes, const std::string& name,
                          const ReadOptions& options) = nullptr;
};

namespace detail {

inline std::vector<StateFormat>& user_formats() {
  static std::vector<StateFormat> formats;
  return formats;
}

/// ".npz" of "runs/mlp.npz", "" of "runs.1/mlp".
inline std::string_view extension_of(const Path& path) {
  const std::string_view name = path.filename();
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string_view() : name.substr(dot);
}

/// The first of these that has the extension and does what is asked for: `can(format)`.
template<class Formats, class Can>
const StateFormat* find_format(const Formats& formats, const Path& path, Can can) {
  for (const StateFormat& format : formats)
    if (can(format) && path.has_extension(format.extension)) return &format;
  return nullptr;
}

/// ".raw (raw), .safetensors (safetensors), .npz (npz)"
template<class Formats, class Can>
std::string formats_text(const Formats& formats, Can can) {
  std::string text;
  for (const StateFormat& format : formats)
    if (can(format))
      text.append(text.empty() ? "" : ", ")
          .append(format.extension)
          .append(" (")
          .append(format.name)
          .append(")");
  return text;
}

/// The format to write: the one with this name; without a name, that of the path's extension; a path without
/// an extension is a safetensors file. Throws ValueError that lists the formats.
template<class Formats>
const StateFormat& format_to_write(const Formats& formats, const Path& path, std::string_view name) {
  const auto can_write = [](const StateFormat& format) { return format.write != nullptr; };
  const bool by_extension = name.empty() && !extension_of(path).empty();
  if (by_extension) {
    if (const StateFormat* format = find_format(formats, path, can_write)) return *format;
  } else {
    for (const StateFormat& format : formats)
      if (can_write(format) && format.name == (name.empty() ? "safetensors" : name)) return format;
  }
  raise(ValueError("save: no format of files is called '" +
                   std::string(by_extension ? extension_of(path) : name) + "' (" + path.string() +
                   "); there are " + formats_text(formats, can_write) +
                   (by_extension ? "; SaveOptions::format is for other extensions" : "")));
}

} // namespace detail

/// Adds a format for stator::save, stator::load and Checkpoint; it goes before those of the library, and
/// replaces an earlier one of the user's with its extension. Returns true. To be called before other threads
/// save or load. Throws ValueError for a format without a name, an extension that begins with a dot, a reader
/// or a writer.
template<std::same_as<StateFormat> Format = StateFormat>
bool register_format(const Format& format) {
  if (format.name.empty() || !format.extension.starts_with('.') ||
      (format.write == nullptr && format.read == nullptr && format.read_bytes == nullptr))
    raise(ValueError(
        "register_format: a format has a name, an extension like '.npz', and a reader or a writer"));
  if (format.read_bytes != nullptr && format.matches == nullptr)
    raise(ValueError("register_format: read_bytes needs matches, bytes have no extension"));
  auto& formats = detail::user_formats();
  std::erase_if(formats, [&](const Format& other) { return other.extension == format.extension; });
  formats.push_back(format);
  return true;
}

} // namespace stator::io
