// SPDX-License-Identifier: BSL-1.0
// The name of a file, as writers take it. Every program includes them, and std::filesystem::path would cost
// each as much compile time as everything else that writing a file needs.
#pragma once

#include "stator/core/requirements.hpp"

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

namespace stator::io {

/// Converts from text and from std::filesystem::path: `stator::save(model, "mlp.safetensors")`.
class Path {
public:
  Path() = default;
  Path(const char* text) : text_(text) {}
  Path(std::string text) : text_(std::move(text)) {}
  Path(std::string_view text) : text_(text) {}
  /// From a std::filesystem::path.
  template<class Other>
    requires requires(const Other& other) {
      other.native();
      { other.string() } -> std::convertible_to<std::string>;
    }
  Path(const Other& other) : text_(other.string()) {}

  /// The path as it was given.
  const std::string& string() const { return text_; }
  /// The path for functions of C.
  const char* c_str() const { return text_.c_str(); }
  bool empty() const { return text_.empty(); }
  /// Makes the path empty.
  void clear() { text_.clear(); }

  /// "runs/" of "runs/mlp.npz", "" of "mlp.npz".
  std::string_view directory() const {
    return std::string_view(text_).substr(0, text_.find_last_of(separators) + 1);
  }
  /// "mlp.npz" of both.
  std::string_view filename() const {
    return std::string_view(text_).substr(text_.find_last_of(separators) + 1);
  }
  /// Whether it ends in `extension` (".npz").
  bool has_extension(std::string_view extension) const { return text_.ends_with(extension); }
  /// Another file in the same directory; an absolute `name` stays what it is.
  Path beside(std::string_view name) const {
    return name.starts_with('/') ? Path(name) : Path(std::string(directory()).append(name));
  }

private:
#ifdef _WIN32
  static constexpr std::string_view separators = "/\\";
#else
  static constexpr std::string_view separators = "/";
#endif
  std::string text_;
};

} // namespace stator::io
