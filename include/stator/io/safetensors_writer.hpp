// SPDX-License-Identifier: BSL-1.0
// Writes safetensors files. Needs no JSON library: the header is plain text.
#pragma once

#include "stator/io/atomic_file.hpp"
#include "stator/io/endian.hpp"
#include "stator/io/format.hpp"
#include "stator/io/metadata.hpp"
#include "stator/state/state_tensor.hpp"

#include <set>
#include <span>

namespace stator::io {

namespace detail {

/// Where each tensor's data begin: large element types first, so that all are aligned; the rest in order.
template<class Tensors>
auto safetensors_data_order(const Tensors& tensors) {
  std::vector<decltype(tensors.size())> order;
  for (std::size_t size = 8; size > 0; size /= 2)
    for (std::size_t i = 0; i < tensors.size(); ++i)
      if (item_size(tensors[i].type) == size) order.push_back(i);
  return order;
}

/// The header, padded so that the data begin at a multiple of 8.
template<class Tensors>
std::string safetensors_header(const Tensors& tensors, const Metadata& metadata) {
  std::vector<decltype(tensors[0].bytes())> begin(tensors.size());
  std::size_t end = 0;
  for (const std::size_t i : safetensors_data_order(tensors)) begin[i] = end, end += tensors[i].bytes();
  std::string text = "{";
  if (!metadata.empty()) {
    text += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) text += json_text(key) + ":" + json_text(value) + ",";
    text.back() = '}';
    text += ",";
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    text += json_text(tensors[i].name) + ":{\"dtype\":\"" + std::string(to_string(tensors[i].type)) +
            "\",\"shape\":[";
    for (const Index extent : tensors[i].shape) {
      // Not `"," + std::to_string(extent)`, of which g++ 12 warns with -O3 (-Wrestrict).
      if (text.back() != '[') text += ',';
      text += std::to_string(extent);
    }
    text += "],\"data_offsets\":[" + std::to_string(begin[i]) + "," +
            std::to_string(begin[i] + tensors[i].bytes()) + "]},";
  }
  if (text.back() == ',') text.pop_back();
  text += "}";
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

/// Throws ValueError for what a reader would refuse.
template<class Tensors, class View = std::string_view>
void check_safetensors_names(const Tensors& tensors, const Metadata& metadata) {
  const auto refuse = [](const std::string& why) {
    raise(ValueError("save_safetensors: these tensors do not make a readable file: " + why));
  };
  std::set<View> names;
  for (const auto& t : tensors) {
    if (!is_utf8(t.name)) refuse("a name is not UTF-8");
    if (t.name == "__metadata__") refuse("a tensor is called __metadata__");
    if (!names.insert(t.name).second) refuse("two are called '" + t.name + "'");
  }
  for (const auto& [key, value] : metadata)
    if (!is_utf8(key) || !is_utf8(value)) refuse("the metadata is not UTF-8");
}

} // namespace detail

/// Writes the tensors in this order, with `metadata` under "__metadata__". The file appears under its name
/// only when it is complete. Throws FileError; ValueError for names or texts that a safetensors file cannot
/// hold: one name twice, no UTF-8, or names and metadata of more than 100 MB. `tensors`:
/// std::vector<StateTensor>, std::span<const StateTensor>, ...; a template, as all of io/ that the umbrella
/// includes, so that only programs that save compile it.
template<class Tensors = std::span<const StateTensor>>
void save_safetensors(const Path& path, const Tensors& tensors, const Metadata& metadata = {}) {
  detail::check_safetensors_names(tensors, metadata);
  const std::string header = detail::safetensors_header(tensors, metadata);
  if (header.size() > detail::largest_header)
    raise(ValueError("save_safetensors: names and metadata make a header of " +
                     std::to_string(header.size()) + " bytes, readers take at most " +
                     std::to_string(detail::largest_header)));
  std::vector<std::remove_cvref_t<decltype(*tensors[0].data)>> length;
  append_little(length, static_cast<std::uint64_t>(header.size()));
  AtomicFile file(path);
  file.write(length);
  file.write(header);
  for (const std::size_t i : detail::safetensors_data_order(tensors))
    file.write({tensors[i].data, tensors[i].bytes()});
  file.commit();
}

/// The writer of safetensors, for the registry of formats.
template<class Tensors>
constexpr StateFormat safetensors_to_write() {
  return {.name = "safetensors",
          .extension = ".safetensors",
          .write = [](const Path& path, std::span<const StateTensor> tensors, const Metadata& metadata) {
            save_safetensors<std::conditional_t<(sizeof(Tensors) > 0), decltype(tensors), void>>(
                path, tensors, metadata);
          }};
}

} // namespace stator::io
