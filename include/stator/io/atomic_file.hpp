// SPDX-License-Identifier: BSL-1.0
// A file that appears under its name only when it is complete: written beside the target, flushed to the
// disk, then renamed over it. A crash, a full disk or an exception leaves an older file as it was.
#pragma once

#include "stator/io/path.hpp"
#ifdef _WIN32
#include "stator/io/temporary_portable.hpp"
#else
#include "stator/io/temporary_posix.hpp"
#endif

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace stator::io {

/// `AtomicFile file{path}; file.write(bytes); file.commit();`. Without commit() nothing is left behind.
/// An existing target keeps its permissions; a symbolic link keeps pointing where it points, and the file it
/// points to is made when it is not there.
template<class Temporary>
class BasicAtomicFile {
public:
  /// Throws FileError when the directory does not exist or cannot be written, or the target is not a plain
  /// file.
  explicit BasicAtomicFile(const Path& path) : file_(Temporary::resolve(path)) {}

  /// Appends. Throws FileError, for example when the disk is full.
  void write(std::span<const std::byte> bytes) {
    file_.write(bytes);
    size_ += bytes.size();
  }
  void write(std::string_view text) { write({reinterpret_cast<const std::byte*>(text.data()), text.size()}); }

  /// Bytes written so far.
  std::uint64_t size() const { return size_; }

  /// Puts the file in place. Throws FileError; then the target is what it was.
  void commit() { file_.replace_target(); }

private:
  Temporary file_;
  std::uint64_t size_ = 0;
};

#ifdef _WIN32
/// A file that appears whole under its name, or not at all; see BasicAtomicFile.
using AtomicFile = BasicAtomicFile<detail::PortableTemporary>;
#else
using AtomicFile = BasicAtomicFile<detail::PosixTemporary>;
#endif

} // namespace stator::io
