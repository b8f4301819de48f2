// SPDX-License-Identifier: BSL-1.0
// The header of safetensors files: the JSON object that names the tensors. Boost.JSON parses it, as a stream
// of events, since a tree of values would hide duplicate keys. Programs link with -lboost_json.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/io/file.hpp"
#include "stator/io/metadata.hpp"
#include "stator/state/state_tensor.hpp"

#include <boost/config.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#ifdef BOOST_NO_EXCEPTIONS
// Boost asks the program for these where exceptions are off. A program's own definition takes their place.
namespace boost {
/// Calls the handler of stator::set_error_handler.
STATOR_WEAK void throw_exception(const std::exception& e) { stator::raise(stator::Error(e.what())); }
/// The same.
STATOR_WEAK void throw_exception(const std::exception& e, const source_location&) {
  stator::raise(stator::Error(e.what()));
}
} // namespace boost
#endif

namespace stator::io {

/// A tensor as the header describes it.
struct TensorInfo {
  std::string name;                    ///< as in the header
  StorageType type = StorageType::F32; ///< element type
  std::vector<Index> shape;            ///< empty for a single number
  std::uint64_t begin = 0;             ///< bytes from the beginning of the data
  std::uint64_t end = 0;
  std::uint64_t mentioned = 0; ///< the byte of the file where the header speaks of it, for messages
};

namespace detail {

inline constexpr std::size_t safetensors_max_rank = 64;

/// Takes the events of the parser. A value that the format does not have in this place is an error at once,
/// so that nothing deep or long is ever collected.
class SafetensorsHandler {
  using Code = boost::json::error_code;
  using String = boost::json::string_view;

public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;
  static constexpr std::size_t max_string_size = max_object_size;

  std::string_view header;  ///< the text that is parsed
  std::uint64_t offset = 0; ///< where it begins in the file
  std::vector<TensorInfo> tensors;
  Metadata metadata;
  std::string problem; ///< why the handler stopped the parser

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }

  bool on_object_begin(Code& code) {
    switch (at_) {
    case At::document:
      return go(At::names);
    case At::entry:
      return go(key_ == "__metadata__" ? At::metadata : At::fields);
    default:
      return unexpected("object", code);
    }
  }
  bool on_object_end(std::size_t, Code& code) {
    if (at_ == At::names) return go(At::end);
    if (at_ == At::fields && !(has_type_ && has_shape_ && has_offsets_))
      return stop("tensor '" + tensors.back().name + "' needs dtype, shape and data_offsets", code);
    return go(At::names);
  }

  bool on_key_part(String part, std::size_t, Code&) { return collect(part); }
  bool on_key(String part, std::size_t, Code& code) {
    collect(part);
    key_ = std::exchange(text_, {});
    if (at_ == At::names) return begin_entry(part.data(), code);
    if (at_ == At::metadata)
      return metadata.contains(key_) ? stop("'" + key_ + "' is twice in __metadata__", code) : true;
    bool* const seen = key_ == "dtype" ? &has_type_ : key_ == "shape" ? &has_shape_ : &has_offsets_;
    if (seen == &has_offsets_ && key_ != "data_offsets")
      return stop("unknown key '" + key_ + "' in tensor '" + tensors.back().name + "'", code);
    if (*seen) return stop("'" + key_ + "' is twice in tensor '" + tensors.back().name + "'", code);
    return *seen = true;
  }

  bool on_string_part(String part, std::size_t, Code&) { return collect(part); }
  bool on_string(String part, std::size_t, Code& code) {
    collect(part);
    const std::string text = std::exchange(text_, {});
    if (at_ == At::metadata) {
      metadata.emplace(key_, text);
      return true;
    }
    if (at_ != At::fields || key_ != "dtype") return unexpected("string", code);
    const auto type = storage_type(text);
    if (!type) return stop("tensor '" + tensors.back().name + "' has unknown dtype '" + text + "'", code);
    tensors.back().type = *type;
    return true;
  }

  bool on_array_begin(Code& code) {
    if (at_ != At::fields || key_ == "dtype") return unexpected("array", code);
    numbers_.clear();
    return go(At::numbers);
  }
  bool on_array_end(std::size_t, Code& code) {
    TensorInfo& tensor = tensors.back();
    if (key_ == "shape") {
      tensor.shape.assign(numbers_.begin(), numbers_.end());
    } else if (numbers_.size() != 2) {
      return stop("tensor '" + tensor.name + "' needs two data_offsets", code);
    } else {
      tensor.begin = static_cast<std::uint64_t>(numbers_[0]),
      tensor.end = static_cast<std::uint64_t>(numbers_[1]);
    }
    return go(At::fields);
  }

  bool on_number_part(String, Code&) { return true; }
  bool on_int64(std::int64_t value, String text, Code& code) {
    if (at_ != At::numbers) return unexpected("number", code);
    if (value < 0 || text.starts_with('-'))
      return stop("a negative number for tensor '" + tensors.back().name + "'", code);
    if (numbers_.size() == safetensors_max_rank)
      return stop("tensor '" + tensors.back().name + "' has more than 64 dimensions", code);
    numbers_.push_back(value);
    return true;
  }
  bool on_uint64(std::uint64_t, String, Code& code) { return stop("a number of 2^63 or more", code); }
  bool on_double(double, String, Code& code) { return stop("a number that is not a 64-bit integer", code); }
  bool on_bool(bool, Code& code) { return unexpected("boolean", code); }
  bool on_null(Code& code) { return unexpected("null", code); }
  bool on_comment_part(String, Code&) { return true; }
  bool on_comment(String, Code&) { return true; }

private:
  enum class At { document, names, entry, metadata, fields, numbers, end };

  bool go(At at) {
    at_ = at;
    return true;
  }
  bool collect(String part) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool stop(std::string why, Code& code) {
    problem = std::move(why);
    code = boost::json::error::exception;
    return false;
  }
  bool unexpected(const char* what, Code& code) {
    const std::string where = at_ == At::document ? "as header"
                              : at_ == At::metadata
                                  ? "in __metadata__"
                                  : "for '" + (at_ == At::entry ? key_ : tensors.back().name) + "'";
    return stop("unexpected " + std::string(what) + " " + where, code);
  }
  bool begin_entry(const char* at, Code& code) {
    if (!names_.insert(key_).second) return stop("'" + key_ + "' is twice in the header", code);
    if (key_ != "__metadata__") {
      tensors.emplace_back().name = key_;
      // A name with escapes is passed in a buffer of the parser: then the last place that is known.
      const std::less_equal<> not_after;
      if (not_after(header.data(), at) && not_after(at, header.data() + header.size()))
        mentioned_ = offset + static_cast<std::uint64_t>(at - header.data());
      tensors.back().mentioned = mentioned_;
      has_type_ = has_shape_ = has_offsets_ = false;
    }
    return go(At::entry);
  }

  At at_ = At::document;
  std::string text_, key_;
  std::vector<std::int64_t> numbers_;
  std::set<std::string> names_;
  std::uint64_t mentioned_ = 8;
  bool has_type_ = false, has_shape_ = false, has_offsets_ = false;
};

/// Fills the handler from the text, which begins at byte `offset` of the file. Throws FormatError.
inline void parse_safetensors_header(std::string_view text, std::uint64_t offset, const std::string& path,
                                     std::vector<TensorInfo>& tensors, Metadata& metadata) {
  if (!text.starts_with('{')) format_error(path, offset, "the header does not begin with '{'");
  boost::json::parse_options options;
  options.max_depth = 4;
  boost::json::basic_parser<SafetensorsHandler> parser(options);
  boost::json::error_code code;
  parser.handler().header = text, parser.handler().offset = offset;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), code);
  SafetensorsHandler& handler = parser.handler();
  if (code.failed())
    format_error(path, offset + used,
                 handler.problem.empty() ? "bad JSON or UTF-8 in the header: " + code.message()
                                         : handler.problem);
  if (used != text.size()) format_error(path, offset + used, "text after the header's object");
  tensors = std::move(handler.tensors);
  metadata = std::move(handler.metadata);
}

} // namespace detail

} // namespace stator::io
