// SPDX-License-Identifier: BSL-1.0
// Reads a file that may be packed with gzip, front to back. Offsets in errors count unpacked bytes.
#pragma once

#include "stator/io/file.hpp"
#include "stator/io/read_options.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <zlib.h>

namespace stator::io {

/// `GzipReader file{path}; file.read(header);`. A plain file is passed through as it is.
class GzipReader {
public:
  /// Throws FileError when the file cannot be read.
  explicit GzipReader(const std::filesystem::path& path, const ReadOptions& options = {})
      : GzipReader(read_file(path), path.string(), options) {}
  /// `name` stands for the file in messages.
  GzipReader(std::vector<std::byte> bytes, std::string name, const ReadOptions& options = {})
      : packed_(std::move(bytes)), path_(std::move(name)), limit_(options.unpack_limit(packed_.size())) {
    if (!starts_member()) return;
    stream_ = std::make_unique<z_stream>();
    if (::inflateInit2(stream_.get(), gzip_only) != Z_OK) raise(Error(path_ + ": zlib has no memory"));
  }
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;
  ~GzipReader() {
    if (stream_) ::inflateEnd(stream_.get());
  }

  /// Fills `out` as far as the file goes and returns the number of bytes; at the end of the packed data its
  /// checksum has been compared. Throws FormatError for a packed stream that is truncated or corrupt, and for
  /// one that unpacks to more than `ReadOptions::max_unpacked`.
  std::size_t read(std::span<std::byte> out) {
    const std::size_t count = stream_ ? unpack(out) : copy(out);
    expect_within_limit(count);
    position_ += count;
    return count;
  }

  /// Throws FormatError when `count` more bytes are more than a packed file may unpack to.
  void expect_within_limit(std::uint64_t count) const {
    if (stream_ && count > limit_ - position_)
      format_error(path_, position_,
                   "unpacks to more than " + std::to_string(limit_) +
                       " bytes; ReadOptions::max_unpacked can allow more");
  }

  /// Unpacked bytes read so far.
  std::uint64_t position() const { return position_; }
  /// An upper bound of the unpacked bytes still to come.
  std::uint64_t remaining_at_most() const {
    const std::uint64_t packed = packed_.size() - used_;
    const std::uint64_t highest_ratio = 1032, window = 1 << 16; // of deflate; of what zlib may hold back
    return stream_ ? packed * highest_ratio + window : packed;
  }
  /// What stands for the file in messages.
  const std::string& path() const { return path_; }

private:
  static constexpr int gzip_only = MAX_WBITS + 16;

  bool starts_member() const {
    return packed_.size() - used_ >= 2 && packed_[used_] == std::byte{0x1F} &&
           packed_[used_ + 1] == std::byte{0x8B};
  }
  std::size_t copy(std::span<std::byte> out) {
    const std::size_t count = std::min(out.size(), packed_.size() - used_);
    std::copy_n(packed_.begin() + static_cast<std::ptrdiff_t>(used_), count, out.begin());
    used_ += count;
    return count;
  }
  std::size_t unpack(std::span<std::byte> out) {
    constexpr std::size_t chunk = std::numeric_limits<uInt>::max();
    std::size_t written = 0;
    while (written < out.size() && !ended_) {
      const std::size_t in = std::min(chunk, packed_.size() - used_);
      const std::size_t room = std::min(chunk, out.size() - written);
      stream_->next_in = reinterpret_cast<Bytef*>(packed_.data() + used_);
      stream_->avail_in = static_cast<uInt>(in);
      stream_->next_out = reinterpret_cast<Bytef*>(out.data() + written);
      stream_->avail_out = static_cast<uInt>(room);
      const int state = ::inflate(stream_.get(), Z_NO_FLUSH);
      used_ += in - stream_->avail_in;
      written += room - stream_->avail_out;
      if (state == Z_STREAM_END)
        next_member(position_ + written);
      else if (state == Z_BUF_ERROR)
        format_error(path_, position_ + written, "the gzip stream is truncated");
      else if (state != Z_OK)
        format_error(path_, position_ + written,
                     std::string("the gzip stream is corrupt") +
                         (stream_->msg != nullptr ? std::string(" (") + stream_->msg + ")" : ""));
    }
    return written;
  }
  /// A gzip file may be several streams, one after the other.
  void next_member(std::uint64_t position) {
    if (used_ == packed_.size())
      ended_ = true;
    else if (starts_member())
      ::inflateReset(stream_.get());
    else
      format_error(path_, position,
                   std::to_string(packed_.size() - used_) + " bytes after the end of the gzip stream");
  }

  std::vector<std::byte> packed_;
  std::string path_;
  std::unique_ptr<z_stream> stream_; ///< none for a plain file; zlib forbids to move one
  std::uint64_t limit_;
  std::size_t used_ = 0;
  std::uint64_t position_ = 0;
  bool ended_ = false;
};

} // namespace stator::io
