// SPDX-License-Identifier: BSL-1.0
// The bytes of .npy files, versions 1 to 3. Numbers and booleans in either byte order are read; strings,
// records and pickled objects are refused.
// Source: NumPy Enhancement Proposal 1, "A Simple File Format for NumPy Arrays".
#pragma once

#include "stator/io/endian.hpp"
#include "stator/io/file.hpp"
#include "stator/io/npy_writer.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

namespace stator::io::detail {

/// Reads the header's Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class NpyHeader {
public:
  NpyHeader(std::string_view text, std::uint64_t offset, const std::string& path)
      : text_(text), offset_(offset), path_(path) {}

  void read_into(NpyArray& array) {
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr" && !descr)
        descr = true, array.dtype = dtype();
      else if (key == "fortran_order" && !order)
        order = true, array.fortran_order = boolean();
      else if (key == "shape" && !shape)
        shape = true, array.shape = tuple();
      else
        fail("unexpected key '" + key + "'");
      if (!accept(',') && peek() != '}') fail("expected ',' or '}'");
    }
    if (peek() != '\0') fail("text after the dictionary");
    if (!descr || !order || !shape) fail("expected the keys 'descr', 'fortran_order' and 'shape'");
  }

  [[noreturn]] void fail(const std::string& what) const {
    format_error(path_, offset_ + position_, "bad .npy header: " + what);
  }

private:
  char peek() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n')) ++position_;
    return position_ < text_.size() ? text_[position_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c || position_ == text_.size()) return false;
    ++position_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(std::string("expected '") + c + "'");
  }
  bool accept(std::string_view word) {
    (void)peek();
    if (text_.substr(position_, word.size()) != word) return false;
    position_ += word.size();
    return true;
  }
  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("expected a string");
    const std::size_t end = text_.find(quote, position_ + 1);
    if (end == std::string_view::npos) fail("a string has no end");
    const std::string text(text_.substr(position_ + 1, end - position_ - 1));
    position_ = end + 1;
    return text;
  }
  bool boolean() {
    if (accept("True")) return true;
    if (!accept("False")) fail("expected True or False");
    return false;
  }
  std::string dtype() {
    if (peek() == '[') fail("arrays of records are not supported");
    const std::string text = string();
    static constexpr std::string_view known[] = {"b1", "i1", "i2", "i4", "i8", "u1", "u2",
                                                 "u4", "u8", "f2", "f4", "f8", "c8", "c16"};
    if (text.size() < 3 || std::string_view("<>|=").find(text[0]) == std::string_view::npos ||
        std::ranges::find(known, std::string_view(text).substr(1)) == std::end(known))
      fail("unsupported type '" + text + "'");
    return text;
  }
  std::vector<Index> tuple() {
    std::vector<Index> extents;
    expect('(');
    while (!accept(')')) {
      if (extents.size() == 64) fail("more than 64 dimensions");
      extents.push_back(extent());
      if (!accept(',') && peek() != ')') fail("expected ',' or ')'");
    }
    return extents;
  }
  Index extent() {
    if (peek() == '-') fail("a negative extent");
    const std::size_t begin = position_;
    Index value = 0;
    while (position_ < text_.size() && text_[position_] >= '0' && text_[position_] <= '9') {
      if (value > (std::numeric_limits<Index>::max() - 9) / 10) fail("an extent that is too large");
      value = value * 10 + (text_[position_++] - '0');
    }
    if (position_ == begin) fail("expected an extent");
    (void)accept('L'); // Python 2 wrote long integers so
    return value;
  }

  std::string_view text_;
  std::uint64_t offset_;
  const std::string& path_;
  std::size_t position_ = 0;
};

/// Turns the elements' bytes into native order.
inline void npy_to_native(NpyArray& array) {
  const bool little = std::endian::native == std::endian::little;
  const std::size_t size = array.itemsize();
  const bool foreign = array.dtype[0] == (little ? '>' : '<');
  array.dtype[0] = size == 1 ? '|' : little ? '<' : '>';
  const std::size_t word = array.dtype[1] == 'c' ? size / 2 : size;
  if (!foreign || word < 2) return;
  for (auto at = array.bytes.begin(); at != array.bytes.end(); at += static_cast<std::ptrdiff_t>(word))
    std::reverse(at, at + static_cast<std::ptrdiff_t>(word));
}

inline NpyArray parse_npy(std::span<const std::byte> file, const std::string& path) {
  const auto magic = std::as_bytes(std::span(npy_magic));
  if (file.size() < magic.size() + 4) format_error(path, file.size(), "too short for an .npy file");
  if (!std::ranges::equal(file.first(magic.size()), magic))
    format_error(path, 0, "expected the mark of .npy files, \\x93NUMPY");
  const auto version = std::to_integer<unsigned>(file[6]);
  if (version < 1 || version > 3)
    format_error(path, 6, ".npy version " + std::to_string(version) + ", expected 1, 2 or 3");
  const std::size_t begin = version == 1 ? 10 : 12;
  if (file.size() < begin) format_error(path, file.size(), "too short for an .npy file");
  const std::size_t length = version == 1 ? load_little<std::uint16_t>(file.subspan(8))
                                          : load_little<std::uint32_t>(file.subspan(8));
  if (length > file.size() - begin)
    format_error(path, 8,
                 "the header should have " + std::to_string(length) + " bytes, but the file ends at " +
                     std::to_string(file.size()));
  const auto text = file.subspan(begin, length);
  NpyHeader header({reinterpret_cast<const char*>(text.data()), text.size()}, begin, path);
  NpyArray array;
  header.read_into(array);

  const auto data = file.subspan(begin + length);
  CheckedSize bytes = checked_product(array.shape);
  bytes *= array.itemsize();
  if (!bytes.fits()) header.fail("shape " + array.shape_text() + " has too many elements");
  const std::size_t size = bytes.value();
  if (data.size() != size)
    format_error(path, begin + length + std::min(size, data.size()),
                 "'" + array.dtype + "' of shape " + array.shape_text() + " needs " + std::to_string(size) +
                     " bytes of data, found " + std::to_string(data.size()));
  array.bytes.assign(data.begin(), data.end());
  npy_to_native(array);
  return array;
}

} // namespace stator::io::detail
