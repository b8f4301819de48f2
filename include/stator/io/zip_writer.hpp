// SPDX-License-Identifier: BSL-1.0
// Writes ZIP archives: stored or deflated entries, no ZIP64, the same bytes for the same contents.
#pragma once

#include "stator/io/atomic_file.hpp"
#include "stator/io/zip_entry.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace stator::io {

/// Writes an archive entry by entry, to appear under its name at close(). Below 4 GiB in all.
template<class File = AtomicFile>
class BasicZipWriter {
  template<class T>
  using later = std::conditional_t<(sizeof(File) > 0), T, void>; // only programs that write one pay for it
  using Bytes = std::vector<later<std::byte>>;

public:
  explicit BasicZipWriter(const Path& path) : path_(path.string()), file_(path) {}

  /// Throws ValueError for a name that is there already or an archive that gets too large.
  void add(const std::string& name, std::span<const std::byte> contents, bool compress = false) {
    if (names_.contains(name)) raise(ValueError(path_ + ": '" + name + "' is added twice"));
    if (name.empty() || name.size() > 0xFFFF) raise(ValueError(path_ + ": bad name '" + name + "'"));
    Bytes packed;
    if (compress) packed = deflate(contents);
    const bool smaller = compress && packed.size() < contents.size();
    const auto data = smaller ? std::span<const std::byte>(packed) : contents;
    ZipEntry entry{.name = name,
                   .header = file_.size(),
                   .compressed = data.size(),
                   .size = contents.size(),
                   .crc = crc32(contents),
                   .deflated = smaller};
    if (contents.size() > limit || file_.size() + data.size() > limit || entries_.size() >= 0xFFFE)
      raise(ValueError(path_ + ": an archive holds less than 4 GiB and 65535 entries"));
    Bytes header;
    append_little(header, std::uint32_t{0x04034b50});
    append_common(header, entry);
    append_little(header, std::uint16_t{0}); // no extra field
    append_text(header, name);
    file_.write(header);
    file_.write(data);
    names_.insert(name);
    entries_.push_back(std::move(entry));
  }

  /// Writes the directory and puts the file in place.
  void close() {
    Bytes directory;
    for (const ZipEntry& entry : entries_) {
      append_little(directory, std::uint32_t{0x02014b50});
      append_little(directory, std::uint16_t{20}); // made by version 2.0
      append_common(directory, entry);
      for (int i = 0; i < 4; ++i) append_little(directory, std::uint16_t{0}); // extra, comment, disk, kind
      append_little(directory, std::uint32_t{0});                             // permissions
      append_little(directory, static_cast<std::uint32_t>(entry.header));
      append_text(directory, entry.name);
    }
    const auto size = static_cast<std::uint32_t>(directory.size());
    const auto count = static_cast<std::uint16_t>(entries_.size());
    append_little(directory, std::uint32_t{0x06054b50});
    append_little(directory, std::uint32_t{0}); // disk numbers
    append_little(directory, count);
    append_little(directory, count);
    append_little(directory, size);
    append_little(directory, static_cast<std::uint32_t>(file_.size()));
    append_little(directory, std::uint16_t{0}); // no comment
    file_.write(directory);
    file_.commit();
  }

private:
  static constexpr std::uint64_t limit = 0xF0000000; // leaves room for the directory

  static void append_text(Bytes& bytes, const std::string& text) {
    for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
  }
  /// What the entry's header and the directory have in common, up to the length of the name.
  static void append_common(Bytes& bytes, const ZipEntry& entry) {
    append_little(bytes, std::uint16_t{20}); // needs version 2.0
    append_little(bytes, std::uint16_t{0});  // flags
    append_little(bytes, static_cast<std::uint16_t>(entry.deflated ? 8 : 0));
    append_little(bytes, std::uint16_t{0});    // time 00:00, so that equal contents give equal files
    append_little(bytes, std::uint16_t{0x21}); // 1 January 1980
    append_little(bytes, entry.crc);
    append_little(bytes, static_cast<std::uint32_t>(entry.compressed));
    append_little(bytes, static_cast<std::uint32_t>(entry.size));
    append_little(bytes, static_cast<std::uint16_t>(entry.name.size()));
  }

  Bytes deflate(std::span<const std::byte> contents) const {
    if (contents.size() > limit) raise(ValueError(path_ + ": an archive holds less than 4 GiB"));
    z_stream stream{};
    if (::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
      raise(Error(path_ + ": zlib has no memory"));
    Bytes packed(::deflateBound(&stream, static_cast<uLong>(contents.size())));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(contents.data()));
    stream.avail_in = static_cast<uInt>(contents.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    const int state = ::deflate(&stream, Z_FINISH);
    packed.resize(stream.total_out);
    ::deflateEnd(&stream);
    if (state != Z_STREAM_END) raise(Error(path_ + ": zlib cannot pack the data"));
    return packed;
  }

  std::string path_;
  File file_;
  std::vector<later<ZipEntry>> entries_;
  std::set<later<std::string>> names_;
};

/// Writes a zip archive entry by entry, see BasicZipWriter.
using ZipWriter = BasicZipWriter<>;

} // namespace stator::io
