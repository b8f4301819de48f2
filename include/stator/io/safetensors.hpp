// SPDX-License-Identifier: BSL-1.0
// safetensors files: 8 bytes with the length of the header, the header (JSON), the tensors. Everything is
// checked before a tensor is handed out. Programs that include this link with -lboost_json. Source: the
// format's description in the safetensors repository of Hugging Face.
#pragma once

#include "stator/io/endian.hpp"
#include "stator/io/format.hpp"
#include "stator/io/mapped_file.hpp"
#include "stator/io/safetensors_header.hpp"

#include <algorithm>
#include <bit>
#include <concepts>
#include <span>

namespace stator::io {

/// How a safetensors file is read.
struct SafetensorsOptions {
  /// Take tensors that do not begin at a multiple of their element's size. No known program writes them, but
  /// the format does not forbid them.
  bool allow_misaligned = false;
  /// Read the file instead of mapping it, see ReadOptions::copy.
  bool copy = false;
};

/// A file that is open for reading: `SafetensorsFile file{path}; file.values<float>("fc1.weight");`. The
/// tensors lie in the mapped file until they are asked for.
class SafetensorsFile {
public:
  /// Throws FileError; FormatError, naming the file and the byte, for whatever the format does not allow.
  explicit SafetensorsFile(const std::filesystem::path& path, const SafetensorsOptions& options = {})
      : path_(path.string()), file_(path, options.copy) {
    read(options);
  }
  /// A file that is in memory already; `name` stands for it in messages.
  SafetensorsFile(std::vector<std::byte> bytes, std::string name, const SafetensorsOptions& options = {})
      : path_(std::move(name)), file_(std::move(bytes)) {
    read(options);
  }
  /// The same without a copy: the bytes must outlive this object.
  template<std::same_as<std::span<const std::byte>> Bytes> // not what braces could mean as well
  SafetensorsFile(Bytes bytes, std::string name, const SafetensorsOptions& options = {})
      : path_(std::move(name)), file_(bytes) {
    read(options);
  }

  /// What stands for the file in messages.
  const std::string& path() const { return path_; }
  /// The JSON text, for `schema<Net>.difference(file.header())`.
  std::string_view header() const {
    return {reinterpret_cast<const char*>(file_.bytes().data()) + length_size,
            static_cast<std::size_t>(data_ - length_size)};
  }
  /// In the header's order.
  std::span<const TensorInfo> tensors() const { return tensors_; }
  /// The texts under "__metadata__".
  const Metadata& metadata() const { return metadata_; }

  /// Whether there is a tensor of this name.
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// Throws KeyError.
  const TensorInfo& operator[](std::string_view name) const {
    if (const TensorInfo* info = find(name)) return *info;
    raise(KeyError(path_ + ": has no tensor '" + std::string(name) + "'"));
  }

  /// A tensor's bytes. They need not be aligned for its type.
  std::span<const std::byte> bytes(const TensorInfo& info) const {
    return file_.bytes().subspan(static_cast<std::size_t>(data_ + info.begin),
                                 static_cast<std::size_t>(info.end - info.begin));
  }
  StateTensor state(const TensorInfo& info) const& {
    return {info.name, info.type, info.shape, bytes(info).data()};
  }
  /// Every tensor, for LoadPlan. They lie in this object.
  std::vector<StateTensor> state() && = delete;
  std::vector<StateTensor> state() const& {
    std::vector<StateTensor> all;
    all.reserve(tensors_.size());
    for (const TensorInfo& info : tensors_) all.push_back(state(info));
    return all;
  }

  /// A tensor's elements as T (float, double, std::int64_t, std::int32_t, std::uint8_t). Throws KeyError;
  /// ValueError when T does not hold every value of the file's type and `allow_lossy` is not set.
  template<class T>
  std::vector<T> values(std::string_view name, bool allow_lossy = false) const {
    const StateTensor tensor = state((*this)[name]);
    const StorageType type = storage_of(dtype_of<T>);
    if (!is_convertible(tensor.type) || (!allow_lossy && !is_lossless(tensor.type, type)))
      raise(ValueError(path_ + ": tensor '" + tensor.name + "' holds " + std::string(to_string(tensor.type)) +
                       ", which does not convert to " + std::string(to_string(type)) + " without loss"));
    std::vector<T> values(tensor.numel());
    convert_elements(tensor.type, tensor.data, type, reinterpret_cast<std::byte*>(values.data()),
                     values.size());
    return values;
  }

private:
  static constexpr std::uint64_t length_size = 8;

  const TensorInfo* find(std::string_view name) const {
    const auto name_of = [this](std::size_t i) -> std::string_view { return tensors_[i].name; };
    const auto at = std::ranges::lower_bound(by_name_, name, {}, name_of);
    return at != by_name_.end() && name_of(*at) == name ? &tensors_[*at] : nullptr;
  }

  void read(const SafetensorsOptions& options) {
    static_assert(std::endian::native == std::endian::little, "stator: safetensors files are little-endian");
    const std::span<const std::byte> file = file_.bytes();
    if (file.size() < length_size) format_error(path_, file.size(), "too short for a safetensors file");
    const auto length = load_little<std::uint64_t>(file);
    if (length > detail::largest_header)
      format_error(path_, 0,
                   "a header of " + std::to_string(length) + " bytes, expected at most " +
                       std::to_string(detail::largest_header));
    if (length > file.size() - length_size)
      format_error(path_, 0,
                   "the header should have " + std::to_string(length) + " bytes, but the file ends at " +
                       std::to_string(file.size()));
    data_ = length_size + length;
    const auto header = file.subspan(length_size, static_cast<std::size_t>(length));
    detail::parse_safetensors_header({reinterpret_cast<const char*>(header.data()), header.size()},
                                     length_size, path_, tensors_, metadata_);
    for (const TensorInfo& info : tensors_) check(info, file.size() - data_, options);
    check_coverage(file.size() - data_);
    for (std::size_t i = 0; i < tensors_.size(); ++i) by_name_.push_back(i);
    std::ranges::sort(by_name_, {}, [this](std::size_t i) -> std::string_view { return tensors_[i].name; });
  }

  /// One tensor by itself.
  void check(const TensorInfo& info, std::uint64_t data_size, const SafetensorsOptions& options) const {
    const auto fail = [&](const std::string& what) {
      format_error(path_, info.mentioned, "tensor '" + info.name + "': " + what);
    };
    CheckedSize bytes = checked_product(info.shape);
    bytes *= item_size(info.type);
    if (!bytes.fits()) fail("too many elements");
    const std::uint64_t size = bytes.value();
    if (info.begin > info.end)
      fail("data_offsets [" + std::to_string(info.begin) + ", " + std::to_string(info.end) +
           "] end before they begin");
    if (info.end > data_size)
      fail("its data end at byte " + std::to_string(info.end) + " of the " + std::to_string(data_size) +
           " that there are");
    if (info.end - info.begin != size)
      fail("its shape needs " + std::to_string(size) + " bytes, data_offsets give " +
           std::to_string(info.end - info.begin));
    if (!options.allow_misaligned && info.begin % item_size(info.type) != 0)
      fail("begins at byte " + std::to_string(info.begin) + " of the data, no multiple of " +
           std::to_string(item_size(info.type)) + " (" + std::string(to_string(info.type)) + ")");
  }

  /// All together: every byte of the data belongs to one tensor.
  void check_coverage(std::uint64_t data_size) const {
    std::vector<const TensorInfo*> sorted;
    sorted.reserve(tensors_.size());
    for (const TensorInfo& info : tensors_) sorted.push_back(&info);
    std::ranges::sort(sorted, {}, [](const TensorInfo* i) { return std::pair(i->begin, i->end); });
    std::uint64_t covered = 0;
    for (const TensorInfo* info : sorted) {
      if (info->begin < covered)
        format_error(path_, info->mentioned,
                     "tensor '" + info->name + "' overlaps the one before it in the data");
      if (info->begin > covered)
        format_error(path_, data_ + covered, "a hole before the data of tensor '" + info->name + "'");
      covered = info->end;
    }
    if (covered != data_size)
      format_error(path_, data_ + covered,
                   std::to_string(data_size - covered) + " bytes after the last tensor");
  }

  std::string path_;
  MappedFile file_;
  std::uint64_t data_ = 0; ///< where the data begin
  std::vector<TensorInfo> tensors_;
  std::vector<std::size_t> by_name_; ///< their numbers, sorted by name
  Metadata metadata_;
};

/// The reader of safetensors, for the registry of formats.
inline constexpr StateFormat safetensors_to_read{
    .name = "safetensors",
    .extension = ".safetensors",
    .matches =
        [](std::span<const std::byte> beginning) {
          return beginning.size() > 8 && beginning[8] == std::byte{'{'};
        },
    .read = [](const Path& path, const ReadOptions& options) -> StateFile {
      const auto file =
          std::make_shared<const SafetensorsFile>(path.string(), SafetensorsOptions{.copy = options.copy});
      return {file->state(), file->metadata(), file};
    },
    .read_bytes = [](std::span<const std::byte> bytes, const std::string& name,
                     const ReadOptions&) -> StateFile {
      const auto file = std::make_shared<const SafetensorsFile>(bytes, name);
      return {file->state(), file->metadata(), file};
    }};

} // namespace stator::io
