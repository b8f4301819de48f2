// SPDX-License-Identifier: BSL-1.0
// The bytes of a file without copying them: mapped into memory, or read where that is impossible.
#pragma once

#include "stator/io/file.hpp"

#include <fcntl.h>
#include <span>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace stator::io {

/// Read-only. The file must not shrink while it is mapped (the system would end the process); AtomicFile
/// never shrinks one, it puts a new file in the old one's place.
class MappedFile {
public:
  MappedFile() = default;
  /// Throws FileError when the file cannot be opened or read.
  explicit MappedFile(const std::filesystem::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) file_error(path, "open", errno);
    struct stat state{};
    if (::fstat(file, &state) == 0 && S_ISREG(state.st_mode) && state.st_size > 0) {
      const auto size = static_cast<std::size_t>(state.st_size);
      void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
      if (address != MAP_FAILED) mapped_ = {static_cast<const std::byte*>(address), size};
    }
    ::close(file); // the mapping stays
    if (mapped_.empty()) read_ = read_file(path);
  }
  /// Takes bytes that are in memory already.
  explicit MappedFile(std::vector<std::byte> bytes) : read_(std::move(bytes)) {}
  MappedFile(MappedFile&& other) noexcept
      : mapped_(std::exchange(other.mapped_, {})), read_(std::exchange(other.read_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(mapped_, other.mapped_);
    std::swap(read_, other.read_);
    return *this;
  }
  ~MappedFile() {
    if (!mapped_.empty()) ::munmap(const_cast<std::byte*>(mapped_.data()), mapped_.size());
  }

  std::span<const std::byte> bytes() const {
    return mapped_.empty() ? std::span<const std::byte>(read_) : mapped_;
  }
  bool is_mapped() const { return !mapped_.empty(); }

private:
  std::span<const std::byte> mapped_;
  std::vector<std::byte> read_;
};

} // namespace stator::io
