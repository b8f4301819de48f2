// SPDX-License-Identifier: BSL-1.0
// Tables of numbers and words in text files: RFC 4180, with any delimiter.
//
//   const auto table = stator::data::read_csv("iris.csv");
//   auto x = table.columns<float, 2>({"petal_length", "petal_width"});  // Tensor<float, dynamic, 2>
//   auto [species, y] = table.classes("species");                      // names, Tensor<std::int64_t,
//   dynamic> stator::data::StackDataset dataset{x, y};
#pragma once

#include "stator/core/dtype.hpp"
#include "stator/expr/tensor.hpp"
#include "stator/io/file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

namespace stator::data {

/// How a text is read as a table.
struct CsvOptions {
  char delimiter = ',';   ///< between the cells of a row; '\t' for TSV
  bool has_header = true; ///< the first row has the names of the columns; else they are "0", "1", ...
};

/// A table: rows of cells, each a text until it is asked for as a number.
class Csv {
public:
  /// Throws FormatError, with the line, for a row with another number of cells than the first, for a quote
  /// that nothing closes and for text after one. `path` stands for the file in messages.
  Csv(std::string text, std::string path, const CsvOptions& options = {})
      : path_(std::move(path)), delimiter_(options.delimiter) {
    parse(text);
    if (options.has_header && !lines_.empty()) {
      names_.assign(cells_.begin(), cells_.begin() + static_cast<std::ptrdiff_t>(width_));
      cells_.erase(cells_.begin(), cells_.begin() + static_cast<std::ptrdiff_t>(width_));
      lines_.erase(lines_.begin());
    } else {
      for (std::size_t c = 0; c < width_; ++c) names_.push_back(std::to_string(c));
    }
  }

  /// Number of rows, the header apart.
  Index size() const { return static_cast<Index>(lines_.size()); }
  /// Names of the columns, in order.
  const std::vector<std::string>& names() const { return names_; }
  /// Number of a column. Throws KeyError, which lists the names.
  std::size_t column_index(std::string_view name) const {
    const auto found = std::ranges::find(names_, name);
    if (found == names_.end()) {
      std::string all;
      for (const std::string& other : names_) all.append(all.empty() ? "" : ", ").append(other);
      raise(KeyError(path_ + ": has no column '" + std::string(name) + "'; there are " + all));
    }
    return static_cast<std::size_t>(found - names_.begin());
  }
  /// The text of a cell.
  const std::string& cell(Index row, std::size_t column) const {
    return cells_[static_cast<std::size_t>(row) * width_ + column];
  }
  /// A cell as a number. Throws FormatError, with the line and the column, for anything else and for numbers
  /// that T cannot hold.
  template<class T>
  T number(Index row, std::size_t column) const {
    std::string_view text = cell(row, column);
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    if (text.starts_with('+')) text.remove_prefix(1);
    T value{};
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc{} || end != text.data() + text.size())
      raise(FormatError(path_ + ", line " + std::to_string(lines_[static_cast<std::size_t>(row)]) +
                        ", column '" + names_[column] + "': expected a number of type " +
                        std::string(to_string(dtype_of<T>)) + ", found '" + cell(row, column) + "'"));
    return value;
  }

  /// One column as numbers, [size()].
  template<class T>
  Tensor<T, dynamic> column(std::string_view name) const {
    const std::size_t c = column_index(name);
    Tensor<T, dynamic> numbers(size());
    for (Index row = 0; row < size(); ++row) numbers(row) = number<T>(row, c);
    return numbers;
  }
  /// Several columns as numbers, [size(), K].
  template<class T, Index K>
  Tensor<T, dynamic, K>
  columns(const std::array<std::string_view, static_cast<std::size_t>(K)>& names) const {
    Tensor<T, dynamic, K> numbers(size());
    for (Index k = 0; k < K; ++k) {
      const std::size_t c = column_index(names[static_cast<std::size_t>(k)]);
      for (Index row = 0; row < size(); ++row) numbers(row, k) = number<T>(row, c);
    }
    return numbers;
  }

  /// A column of words as numbers of classes.
  struct Classes {
    std::vector<std::string> names;        ///< the words, sorted
    Tensor<std::int64_t, dynamic> indices; ///< of each row, into `names`
  };
  /// The words of a column, and which of them each row has.
  Classes classes(std::string_view name) const {
    const std::size_t c = column_index(name);
    Classes result{.names = {}, .indices = Tensor<std::int64_t, dynamic>(size())};
    for (Index row = 0; row < size(); ++row) result.names.push_back(cell(row, c));
    std::ranges::sort(result.names);
    result.names.erase(std::unique(result.names.begin(), result.names.end()), result.names.end());
    for (Index row = 0; row < size(); ++row)
      result.indices(row) = std::ranges::lower_bound(result.names, cell(row, c)) - result.names.begin();
    return result;
  }

private:
  [[noreturn]] void refuse(std::size_t line, const std::string& why) const {
    raise(FormatError(path_ + ", line " + std::to_string(line) + ": " + why));
  }
  void parse(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3); // a mark that some programs begin UTF-8 with
    std::size_t line = 1;
    for (std::size_t at = 0; at < text.size();) {
      if (text[at] == '\n' || text.substr(at, 2) == "\r\n") { // an empty line is no row
        at += text[at] == '\n' ? 1 : 2;
        ++line;
        continue;
      }
      const std::size_t first_line = line, first_cell = cells_.size();
      do cells_.push_back(next_cell(text, at, line));
      while (at < text.size() && text[at] == delimiter_ && ++at <= text.size());
      if (text.substr(at).starts_with('\r')) ++at;
      if (at < text.size()) ++at, ++line; // the end of the line
      const std::size_t count = cells_.size() - first_cell;
      if (lines_.empty()) width_ = count;
      if (count != width_)
        refuse(first_line, std::to_string(count) + " cells, expected " + std::to_string(width_));
      lines_.push_back(first_line);
    }
  }
  /// The cell that begins at `at`, which moves to what follows it.
  std::string next_cell(std::string_view text, std::size_t& at, std::size_t& line) const {
    std::string cell;
    if (!text.substr(at).starts_with('"')) {
      while (at < text.size() && text[at] != delimiter_ && text[at] != '\n' && text.substr(at, 2) != "\r\n")
        cell += text[at++];
      return cell;
    }
    const std::size_t opened = line;
    for (++at; at < text.size(); ++at) {
      if (text[at] == '"' && !text.substr(at + 1).starts_with('"')) {
        ++at;
        if (at < text.size() && text[at] != delimiter_ && text[at] != '\n' && text.substr(at, 2) != "\r\n")
          refuse(line, "text after a closing quote");
        return cell;
      }
      if (text[at] == '"') ++at; // two quotes are one
      if (text[at] == '\n') ++line;
      cell += text[at];
    }
    refuse(opened, "a quote that nothing closes");
  }

  std::string path_;
  char delimiter_;
  std::size_t width_ = 0;
  std::vector<std::string> names_, cells_;
  std::vector<std::size_t> lines_; ///< where each row begins
};

/// The table in a file. Throws FileError; FormatError as Csv.
inline Csv read_csv(const std::filesystem::path& path, const CsvOptions& options = {}) {
  const std::vector<std::byte> bytes = io::read_file(path);
  return {std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), path.string(), options};
}

} // namespace stator::data
