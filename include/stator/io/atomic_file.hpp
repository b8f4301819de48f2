// SPDX-License-Identifier: BSL-1.0
// A file that appears under its name only when it is complete: written beside the target, flushed to the
// disk, then renamed over it. A crash, a full disk or an exception leaves an older file as it was.
#pragma once

#include "stator/io/file.hpp"

#include <atomic>
#include <fcntl.h>
#include <span>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace stator::io {

/// `AtomicFile file{path}; file.write(bytes); file.commit();`. Without commit() nothing is left behind.
/// An existing target keeps its permissions; a symbolic link keeps pointing where it points.
class AtomicFile {
public:
  /// Throws FileError when the directory does not exist or cannot be written, or the target is no plain file.
  explicit AtomicFile(const std::filesystem::path& path) : path_(resolve(path)) {
    struct stat target{};
    const bool exists = ::stat(path_.c_str(), &target) == 0;
    if (exists && !S_ISREG(target.st_mode)) throw FileError(path_.string() + ": is no regular file");
    static std::atomic<unsigned> serial = 0;
    do {
      temporary_ = path_;
      temporary_ += ".tmp" + std::to_string(::getpid()) + "-" + std::to_string(serial++);
      file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (file_ < 0 && errno == EEXIST);
    if (file_ < 0) file_error(temporary_, "create", errno);
    if (exists) (void)!::fchmod(file_, target.st_mode & 07777);
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    if (file_ >= 0) ::close(file_);
    if (!committed_) ::unlink(temporary_.c_str());
  }

  /// Appends. Throws FileError, for example when the disk is full.
  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(file_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) file_error(path_, "write", errno);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      size_ += static_cast<std::uint64_t>(n);
    }
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  /// Bytes written so far.
  std::uint64_t size() const { return size_; }

  /// Puts the file in place. Throws FileError; then the target is what it was.
  void commit() {
    if (::fsync(file_) != 0) file_error(path_, "flush", errno);
    const int closed = ::close(file_);
    file_ = -1;
    if (closed != 0) file_error(path_, "close", errno);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0)
      file_error(path_, "rename the new file to it", errno);
    committed_ = true;
    flush_directory();
  }

private:
  static std::filesystem::path resolve(const std::filesystem::path& path) {
    std::error_code problem;
    if (!std::filesystem::is_symlink(path, problem)) return path;
    const auto target = std::filesystem::weakly_canonical(path, problem);
    return problem ? path : target;
  }
  /// Makes the rename itself durable. Some file systems refuse to flush a directory: that is no error.
  void flush_directory() const {
    const auto parent = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
    const int directory = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return;
    (void)::fsync(directory);
    ::close(directory);
  }

  std::filesystem::path path_, temporary_;
  std::uint64_t size_ = 0;
  int file_ = -1;
  bool committed_ = false;
};

} // namespace stator::io
