// SPDX-License-Identifier: BSL-1.0
// The file that AtomicFile writes before it has its name, where the system is POSIX's. It has no name at all
// where the file system can do that (O_TMPFILE), so that a writer that is killed leaves nothing. Elsewhere,
// and for the moment between its name and the target's, it is called "NAME.tmp-N" and locked: what a killed
// writer has left is not locked any more, and the next one that writes the same target removes it.
#pragma once

#include "stator/io/file_error.hpp"

#include <fcntl.h>
#include <span>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace stator::io::detail {

/// A name of at most 255 bytes beside the target's, however long that is.
inline Path temporary_name(const Path& target, unsigned number) {
  std::string name(target.filename());
  if (name.size() > 200) { // then its hash, FNV-1a
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    name = "stator-" + std::to_string(hash);
  }
  return target.beside(name + ".tmp-" + std::to_string(number));
}

/// A file descriptor that closes itself.
class Descriptor {
public:
  explicit Descriptor(int file = -1) : file_(file) {}
  Descriptor(Descriptor&& other) noexcept : file_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~Descriptor() {
    if (file_ >= 0) ::close(file_);
  }
  int get() const { return file_; }
  int release() { return std::exchange(file_, -1); }
  explicit operator bool() const { return file_ >= 0; }

private:
  int file_;
};

class PosixTemporary {
public:
  enum class Name { none_if_possible, at_once };

  /// Where the links lead, whether there is a file or not.
  static Path resolve(const Path& path) {
    Path name = path;
    char target[4096];
    for (int links = 0;; ++links) {
      const ssize_t size = ::readlink(name.c_str(), target, sizeof target);
      if (size < 0) return name; // no link
      if (links == 40 || size == static_cast<ssize_t>(sizeof target))
        file_error(name, "follow its symbolic links", ELOOP);
      name = name.beside({target, static_cast<std::size_t>(size)});
    }
  }

  /// Throws FileError when the directory does not exist or cannot be written, or the target is not a plain
  /// file.
  explicit PosixTemporary(Path target, Name name = Name::none_if_possible) : target_(std::move(target)) {
    struct stat old{};
    const bool exists = ::stat(target_.c_str(), &old) == 0;
    if (exists && !S_ISREG(old.st_mode)) raise(FileError(target_.string() + ": is not a regular file"));
    for (unsigned number = 0; number < swept; ++number) remove_abandoned(temporary_name(target_, number));
    if (name == Name::none_if_possible) open_without_name();
    if (!file_) open_with_name();
    if (exists) (void)!::fchmod(file_.get(), old.st_mode & 07777);
  }
  ~PosixTemporary() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }
  PosixTemporary(const PosixTemporary&) = delete;
  PosixTemporary& operator=(const PosixTemporary&) = delete;

  void write(std::span<const std::byte> bytes) {
    const std::byte* const end = bytes.data() + bytes.size();
    for (const std::byte* next = bytes.data(); next < end;) {
      const ssize_t n = ::write(file_.get(), next, static_cast<std::size_t>(end - next));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) file_error(target_, "write", errno);
      next += n;
    }
  }

  /// Flushes to the disk and puts the file in the target's place.
  void replace_target() {
    if (::fsync(file_.get()) != 0) file_error(target_, "flush", errno);
    if (name_.empty() && !link_to(target_)) take_name();
    if (!name_.empty()) {
      if (!is_ours(name_))
        raise(FileError(target_.string() + ": the new file was removed while it was written"));
      if (::rename(name_.c_str(), target_.c_str()) != 0)
        file_error(target_, "rename the new file to it", errno);
      name_.clear();
    }
    if (::close(file_.release()) != 0) file_error(target_, "close", errno);
    flush_directory();
  }

  bool has_name() const { return !name_.empty(); }

private:
  static constexpr unsigned swept = 8;      ///< names that are looked at before a file is written
  static constexpr unsigned attempts = 256; ///< this many may write one target at the same time

  std::string directory() const { return std::string(target_.directory()) + "."; }

  void open_without_name() {
#ifdef O_TMPFILE
    Descriptor file(::open(directory().c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666));
    // Its later name is given through /proc, which a sandbox may not have.
    if (file && ::access(link_of(file).c_str(), F_OK) == 0) file_ = std::move(file);
#endif
  }
  static std::string link_of(const Descriptor& file) { return "/proc/self/fd/" + std::to_string(file.get()); }
  /// Whether the file, which has no name, has got this one.
  bool link_to(const Path& name) const {
    return ::linkat(AT_FDCWD, link_of(file_).c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
  }

  /// Calls `take(name)` on one name after the other until it returns true.
  template<class Take>
  void find_name(Take&& take) {
    for (unsigned number = 0; number < attempts; ++number) {
      const auto name = temporary_name(target_, number);
      do {
        errno = 0;
        if (take(name)) {
          name_ = name;
          return;
        }
        if (errno != EEXIST) file_error(target_, "create", errno);
      } while (remove_abandoned(name));
    }
    raise(FileError(target_.string() + ": too many write this file at the same time"));
  }
  void open_with_name() {
    find_name([this](const Path& name) {
      file_ = Descriptor(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
      if (!file_) return false;
      // Before it was locked, another may have taken it for abandoned.
      const bool locked = ::flock(file_.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
      if (locked && is_ours(name)) return true;
      file_ = Descriptor();
      errno = EEXIST;
      return false;
    });
  }
  void take_name() {
    (void)::flock(file_.get(), LOCK_EX | LOCK_NB);
    find_name([this](const Path& name) { return link_to(name); });
  }

  bool is_ours(const Path& name) const { return is_same(file_, name); }
  static bool is_same(const Descriptor& file, const Path& name) {
    struct stat a{}, b{};
    return ::fstat(file.get(), &a) == 0 && ::lstat(name.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
  }
  /// Removes what a writer has left that is not alive any more; whether the name is free then. Where files
  /// cannot be locked, nothing is removed.
  static bool remove_abandoned(const Path& name) {
    const Descriptor file(::open(name.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) return errno == ENOENT;
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return false;
    return !is_same(file, name) || ::unlink(name.c_str()) == 0;
  }

  /// Makes the rename itself durable. Some file systems refuse to flush a directory: that is not an error.
  void flush_directory() const {
    const Descriptor parent(::open(directory().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent) (void)::fsync(parent.get());
  }

  Path target_;
  Path name_; ///< empty while it has none
  Descriptor file_;
};

} // namespace stator::io::detail
