// SPDX-License-Identifier: BSL-1.0
// The bytes of a file without copying them: mapped into memory, or read where that is impossible or not
// wanted; or bytes that are in memory already.
#pragma once

#include "stator/io/file.hpp"

#include <span>
#include <utility>
#ifndef _WIN32
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace stator::io {

/// Read-only. The file must not shrink while it is mapped (the system would end the process); AtomicFile
/// never shrinks one, it puts a new file in the old one's place. Files of programs that do otherwise can be
/// copied.
class MappedFile {
public:
  MappedFile() = default;
  /// `copy`: reads the file instead. Throws FileError when it cannot be opened or read, or is not a regular
  /// file.
  explicit MappedFile(const std::filesystem::path& path, bool copy = false) {
    expect_regular_file(path);
    if (!copy) map(path);
    if (mapped_.empty()) read_ = read_file(path);
  }
  /// Takes bytes that are in memory already.
  explicit MappedFile(std::vector<std::byte> bytes) : read_(std::move(bytes)) {}
  /// Refers to bytes of the caller, which must stay.
  explicit MappedFile(std::span<const std::byte> bytes) : borrowed_(bytes) {}
  MappedFile(MappedFile&& other) noexcept
      : mapped_(std::exchange(other.mapped_, {})), borrowed_(std::exchange(other.borrowed_, {})),
        read_(std::exchange(other.read_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(mapped_, other.mapped_);
    std::swap(borrowed_, other.borrowed_);
    std::swap(read_, other.read_);
    return *this;
  }
  ~MappedFile() { unmap(); }

  /// The contents, valid as long as this object.
  std::span<const std::byte> bytes() const {
    if (!mapped_.empty()) return mapped_;
    return read_.empty() ? borrowed_ : std::span<const std::byte>(read_);
  }
  /// Whether the contents are mapped; otherwise they were in memory, or read into it.
  bool is_mapped() const { return !mapped_.empty(); }

private:
#ifdef _WIN32
  void map(const std::filesystem::path&) {}
  void unmap() {}
#else
  void map(const std::filesystem::path& path) {
    // It does not wait should it have become a pipe since it was looked at.
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) file_error(path, "open", errno);
    struct stat state{};
    if (::fstat(file, &state) == 0 && S_ISREG(state.st_mode) && state.st_size > 0 &&
        CheckedSize(state.st_size).fits()) {
      const auto size = static_cast<std::size_t>(state.st_size);
      void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
      if (address != MAP_FAILED) mapped_ = {static_cast<const std::byte*>(address), size};
    }
    ::close(file); // the mapping stays
  }
  void unmap() {
    if (!mapped_.empty()) ::munmap(const_cast<std::byte*>(mapped_.data()), mapped_.size());
  }
#endif

  std::span<const std::byte> mapped_, borrowed_;
  std::vector<std::byte> read_;
};

} // namespace stator::io
