// SPDX-License-Identifier: BSL-1.0
// The file that AtomicFile writes before it has its name, with the standard library alone: for systems that
// are not POSIX's. What a killed writer leaves stays there, and the data are not forced onto the disk.
#pragma once

#include "stator/io/file_error.hpp"

#include <filesystem>
#include <fstream>
#include <random>
#include <span>
#include <system_error>

namespace stator::io::detail {

class PortableTemporary {
public:
  /// Where the links lead, whether there is a file or not.
  static Path resolve(const Path& name) {
    std::filesystem::path path = name.string();
    std::error_code problem;
    for (int links = 0; std::filesystem::is_symlink(path, problem); ++links) {
      if (links == 40) file_error(path, "follow its symbolic links", ELOOP);
      const auto target = std::filesystem::read_symlink(path, problem);
      if (problem) file_error(path, "follow its symbolic link", problem.value());
      path = path.parent_path() / target; // an absolute one replaces it
    }
    return path;
  }

  /// Throws FileError when the directory does not exist or cannot be written, or the target is not a plain
  /// file.
  explicit PortableTemporary(const Path& target) : target_(target.string()) {
    std::error_code problem;
    if (std::filesystem::exists(target_, problem) && !std::filesystem::is_regular_file(target_, problem))
      raise(FileError(target_.string() + ": is not a regular file"));
    std::random_device random;
    name_ = target_.parent_path() / ("stator-" + std::to_string(random()) + ".tmp");
    errno = 0;
    file_.open(name_, std::ios::binary | std::ios::trunc);
    if (!file_) file_error(target_, "create", errno != 0 ? errno : EIO);
  }
  ~PortableTemporary() {
    if (name_.empty()) return;
    file_.close();
    std::error_code ignored;
    std::filesystem::remove(name_, ignored);
  }
  PortableTemporary(const PortableTemporary&) = delete;
  PortableTemporary& operator=(const PortableTemporary&) = delete;

  void write(std::span<const std::byte> bytes) {
    errno = 0;
    if (!file_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())))
      file_error(target_, "write", errno != 0 ? errno : EIO);
  }

  /// Puts the file in the target's place.
  void replace_target() {
    errno = 0;
    file_.close();
    if (!file_) file_error(target_, "write", errno != 0 ? errno : EIO);
    std::error_code problem;
    const auto old = std::filesystem::status(target_, problem);
    if (std::filesystem::is_regular_file(old))
      std::filesystem::permissions(name_, old.permissions(), problem);
    std::filesystem::rename(name_, target_, problem);
    if (problem) file_error(target_, "rename the new file to it", problem.value());
    name_.clear();
  }

private:
  std::filesystem::path target_, name_;
  std::ofstream file_;
};

} // namespace stator::io::detail
