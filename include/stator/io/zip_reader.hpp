// SPDX-License-Identifier: BSL-1.0
// Reads ZIP archives, as far as .npz files use them: stored and deflated entries, each with its CRC-32
// checked, ZIP64. Refuses encryption, entries that overlap and other methods of compression.
#pragma once

#include "stator/io/file.hpp"
#include "stator/io/mapped_file.hpp"
#include "stator/io/read_options.hpp"
#include "stator/io/zip_entry.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <string_view>
#include <zlib.h>

namespace stator::io {

/// An archive in memory. Throws FileError, and FormatError with the byte for anything malformed and for an
/// archive that unpacks to more than `ReadOptions::max_unpacked`.
class ZipReader {
public:
  explicit ZipReader(const std::filesystem::path& path, const ReadOptions& options = {})
      : ZipReader(MappedFile(read_file(path)), path.string(), options) {}
  /// Bytes that are in memory already; `name` stands for the file in messages.
  ZipReader(MappedFile bytes, std::string name, const ReadOptions& options = {})
      : file_(std::move(bytes)), bytes_(file_.bytes()), path_(std::move(name)) {
    read_directory();
    check_overlap();
    check_total(options.unpack_limit(bytes_.size()));
  }

  /// In the order of the archive's directory.
  const std::vector<ZipEntry>& entries() const { return entries_; }

  /// The contents of an entry. Allocates no more than the archive's own bytes can unpack to.
  std::vector<std::byte> read(const ZipEntry& entry) const {
    const auto packed = part(entry.data, entry.compressed, "contents of " + quoted(entry.name));
    std::vector<std::byte> contents;
    if (entry.deflated)
      contents = inflate(entry, packed);
    else
      contents.assign(packed.begin(), packed.end());
    if (crc32(contents) != entry.crc)
      format_error(path_, entry.data, "checksum of " + quoted(entry.name) + " does not match");
    return contents;
  }

private:
  static constexpr std::uint32_t local_mark = 0x04034b50, central_mark = 0x02014b50, end_mark = 0x06054b50,
                                 end64_mark = 0x06064b50, locator_mark = 0x07064b50;
  static constexpr std::size_t local_size = 30, central_size = 46, end_size = 22, locator_size = 20,
                               end64_size = 56;

  static std::string quoted(const std::string& name) { return "'" + name + "'"; }

  std::span<const std::byte> part(std::uint64_t offset, std::uint64_t size, const std::string& what) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset)
      format_error(path_, std::min<std::uint64_t>(offset, bytes_.size()),
                   what + " should have " + std::to_string(size) + " bytes from " + std::to_string(offset) +
                       ", but the file ends at " + std::to_string(bytes_.size()));
    return bytes_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
  }
  template<class T>
  static T at(std::span<const std::byte> record, std::size_t offset) {
    return load_little<T>(record.subspan(offset));
  }

  /// Offset of the end record: the last one whose comment reaches exactly to the end of the file.
  std::size_t find_end() const {
    const std::size_t longest_comment = 0xFFFF;
    for (std::size_t back = end_size; back <= std::min(bytes_.size(), end_size + longest_comment); ++back) {
      const auto record = bytes_.last(back);
      if (at<std::uint32_t>(record, 0) == end_mark && at<std::uint16_t>(record, 20) + end_size == back)
        return bytes_.size() - back;
    }
    format_error(path_, bytes_.size(), "no ZIP directory at the end of the file (truncated, or no archive)");
  }

  void read_directory() {
    const std::size_t end = find_end();
    const auto record = bytes_.subspan(end);
    std::uint64_t count = at<std::uint16_t>(record, 10), size = at<std::uint32_t>(record, 12),
                  offset = at<std::uint32_t>(record, 16);
    directory_end_ = end;
    if (count == 0xFFFF || size == 0xFFFFFFFF || offset == 0xFFFFFFFF) read_end64(end, count, size, offset);
    directory_ = offset;
    if (offset > directory_end_ || size > directory_end_ - offset)
      format_error(path_, end, "the ZIP directory lies outside the file");
    if (count > size / central_size)
      format_error(path_, end, "the ZIP directory is too short for " + std::to_string(count) + " entries");
    entries_.reserve(static_cast<std::size_t>(count)); // the names stay where they are
    std::set<std::string_view> names;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t next = read_entry(offset);
      if (!names.insert(entries_.back().name).second)
        format_error(path_, offset, quoted(entries_.back().name) + " is there twice");
      offset = next;
    }
  }

  void read_end64(std::size_t end, std::uint64_t& count, std::uint64_t& size, std::uint64_t& offset) {
    if (end < locator_size) return;
    const auto locator = part(end - locator_size, locator_size, "ZIP64 locator");
    if (at<std::uint32_t>(locator, 0) != locator_mark) return;
    const auto where = at<std::uint64_t>(locator, 8);
    const auto record = part(where, end64_size, "ZIP64 directory record");
    if (at<std::uint32_t>(record, 0) != end64_mark)
      format_error(path_, where, "no ZIP64 directory record here");
    count = at<std::uint64_t>(record, 32);
    size = at<std::uint64_t>(record, 40);
    offset = at<std::uint64_t>(record, 48);
    directory_end_ = where;
  }

  /// Reads the directory's entry at `offset`, returns the offset of the next.
  std::uint64_t read_entry(std::uint64_t offset) {
    const auto record = part(offset, central_size, "ZIP directory entry");
    if (at<std::uint32_t>(record, 0) != central_mark)
      format_error(path_, offset, "no ZIP directory entry here");
    const auto flags = at<std::uint16_t>(record, 8), method = at<std::uint16_t>(record, 10);
    const std::uint64_t name_size = at<std::uint16_t>(record, 28), extra_size = at<std::uint16_t>(record, 30),
                        comment_size = at<std::uint16_t>(record, 32);
    const auto name = part(offset + central_size, name_size, "name of a ZIP entry");
    const auto extra = part(offset + central_size + name_size, extra_size, "extra fields of a ZIP entry");
    ZipEntry entry{.name{reinterpret_cast<const char*>(name.data()), name.size()},
                   .header = at<std::uint32_t>(record, 42),
                   .compressed = at<std::uint32_t>(record, 20),
                   .size = at<std::uint32_t>(record, 24),
                   .crc = at<std::uint32_t>(record, 16),
                   .deflated = method == 8};
    read_extra64(extra, offset, entry);
    if ((flags & 1) != 0) format_error(path_, offset, quoted(entry.name) + " is encrypted");
    if (method != 0 && method != 8)
      format_error(path_, offset,
                   quoted(entry.name) + " has compression method " + std::to_string(method) +
                       ", expected 0 (stored) or 8 (deflated)");
    if (method == 0 && entry.size != entry.compressed)
      format_error(path_, offset, quoted(entry.name) + " is stored, but its two sizes differ");
    read_local(entry);
    entries_.push_back(std::move(entry));
    return offset + central_size + name_size + extra_size + comment_size;
  }

  /// ZIP64: the fields that are all ones are in an extra field, in this order.
  void read_extra64(std::span<const std::byte> extra, std::uint64_t offset, ZipEntry& entry) const {
    while (extra.size() >= 4) {
      const auto id = at<std::uint16_t>(extra, 0);
      const std::size_t size = at<std::uint16_t>(extra, 2);
      if (size > extra.size() - 4) format_error(path_, offset, "extra fields run over their end");
      auto field = extra.subspan(4, size);
      if (id == 1)
        for (std::uint64_t* value : {&entry.size, &entry.compressed, &entry.header})
          if (*value == 0xFFFFFFFF && field.size() >= 8) {
            *value = at<std::uint64_t>(field, 0);
            field = field.subspan(8);
          }
      extra = extra.subspan(4 + size);
    }
  }

  void read_local(ZipEntry& entry) const {
    const auto record = part(entry.header, local_size, "header of " + quoted(entry.name));
    if (at<std::uint32_t>(record, 0) != local_mark)
      format_error(path_, entry.header, "no header of " + quoted(entry.name) + " here");
    const std::uint64_t name_size = at<std::uint16_t>(record, 26), extra_size = at<std::uint16_t>(record, 28);
    const auto name = part(entry.header + local_size, name_size, "name of " + quoted(entry.name));
    if (!std::ranges::equal(name, std::as_bytes(std::span(entry.name))))
      format_error(path_, entry.header, "the header is not of " + quoted(entry.name));
    entry.data = entry.header + local_size + name_size + extra_size;
    (void)part(entry.data, entry.compressed, "contents of " + quoted(entry.name));
    if (entry.data + entry.compressed > directory_)
      format_error(path_, entry.data, "contents of " + quoted(entry.name) + " run into the ZIP directory");
  }

  void check_overlap() const {
    std::vector<const ZipEntry*> order;
    order.reserve(entries_.size());
    for (const ZipEntry& entry : entries_) order.push_back(&entry);
    std::ranges::sort(order, {}, &ZipEntry::header);
    for (std::size_t i = 1; i < order.size(); ++i)
      if (order[i - 1]->data + order[i - 1]->compressed > order[i]->header)
        format_error(path_, order[i]->header,
                     quoted(order[i]->name) + " overlaps " + quoted(order[i - 1]->name));
  }

  void check_total(std::uint64_t limit) const {
    const std::uint64_t highest_ratio = 1032; // what deflate can reach at best
    std::uint64_t total = 0;
    for (const ZipEntry& entry : entries_) {
      if (entry.size / highest_ratio > entry.compressed + 64)
        format_error(path_, entry.data,
                     quoted(entry.name) + " claims " + std::to_string(entry.size) + " bytes, more than " +
                         std::to_string(entry.compressed) + " packed bytes can hold");
      if (entry.size > limit - total)
        format_error(path_, directory_,
                     "the archive unpacks to more than " + std::to_string(limit) +
                         " bytes; ReadOptions::max_unpacked can allow more");
      total += entry.size;
    }
  }

  std::vector<std::byte> inflate(const ZipEntry& entry, std::span<const std::byte> packed) const {
    z_stream stream{};
    if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) raise(Error(path_ + ": zlib has no memory"));
    struct Guard {
      z_stream* stream;
      ~Guard() { ::inflateEnd(stream); }
    } guard{&stream};
    std::vector<std::byte> contents(static_cast<std::size_t>(entry.size));
    std::byte beyond{}; // zlib wants room to find that nothing follows
    constexpr std::size_t chunk = std::numeric_limits<uInt>::max();
    std::size_t read = 0, written = 0;
    for (;;) {
      const std::size_t in = std::min(chunk, packed.size() - read);
      const std::size_t out = std::min(chunk, contents.size() - written);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + read));
      stream.avail_in = static_cast<uInt>(in);
      stream.next_out = reinterpret_cast<Bytef*>(out > 0 ? contents.data() + written : &beyond);
      stream.avail_out = static_cast<uInt>(out > 0 ? out : 1);
      const uInt room = stream.avail_out;
      const int state = ::inflate(&stream, Z_NO_FLUSH);
      const std::size_t produced = room - stream.avail_out;
      read += in - stream.avail_in;
      if (out == 0 && produced > 0)
        format_error(path_, entry.data + read, quoted(entry.name) + " unpacks to more than its size");
      written += produced;
      if (state == Z_STREAM_END) break;
      if (state == Z_BUF_ERROR || (state == Z_OK && read == packed.size() && produced == 0))
        format_error(path_, entry.data + read, "packed contents of " + quoted(entry.name) + " are truncated");
      if (state != Z_OK)
        format_error(path_, entry.data + read, "packed contents of " + quoted(entry.name) + " are corrupt");
    }
    if (written != contents.size() || read != packed.size())
      format_error(path_, entry.data + read,
                   quoted(entry.name) + " unpacks to " + std::to_string(written) + " bytes, expected " +
                       std::to_string(contents.size()));
    return contents;
  }

  MappedFile file_;
  std::span<const std::byte> bytes_; ///< of file_
  std::string path_;
  std::vector<ZipEntry> entries_;
  std::uint64_t directory_ = 0, directory_end_ = 0;
};

} // namespace stator::io
