// SPDX-License-Identifier: BSL-1.0
// The memory of a model as it lies in a file or in the program: a header of 64 bytes, the parameters, the
// buffers. It is used where it lies, not parsed, and holds for one type of network only.
#pragma once

#include "stator/core/compile_error.hpp"
#include "stator/core/error.hpp"
#include "stator/model/embedded.hpp"
#include "stator/module/table.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>

namespace stator::inline v0_2 {

/// What an image begins with. Numbers are in the byte order of the machine that wrote it.
struct ImageHeader {
  std::array<char, 8> magic{'S', 'T', 'A', 'T', 'O', 'R', '0', '1'}; ///< format and its version
  std::uint64_t byte_order = 0x0102030405060708;                     ///< tells the byte order
  std::uint64_t layout = 0;          ///< a number for names, element types, shapes and places of all tensors
  std::uint64_t parameter_bytes = 0; ///< bytes of the parameters, which follow
  std::uint64_t buffer_bytes = 0;    ///< bytes of the buffers, which come last
  std::array<std::uint64_t, 3> reserved{}; ///< 0
};
static_assert(sizeof(ImageHeader) == alignment);

namespace detail {

/// FNV-1a of "name\0dtype\0extent,...,\0offset\0" of the tensors that have memory of their own.
template<class Table>
inline constexpr std::uint64_t image_layout = [] {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (std::size_t i = 0; i < Table::leaves.size(); ++i) {
    const LeafEntry& e = Table::leaves[i];
    if (e.owner != i) continue;
    const Text line = text(e.name, std::string_view("\0", 1), static_cast<int>(e.dtype),
                           e.is_parameter() ? "p" : "b", e.extents, e.offset, std::string_view("\0", 1));
    for (const char c : line.view()) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return hash;
}();

/// The image's header of a network.
template<class Table>
inline constexpr ImageHeader image_header{.layout = image_layout<Table>,
                                          .parameter_bytes = Table::parameter_bytes,
                                          .buffer_bytes = Table::buffer_bytes};

/// Throws ValueError, with what is wrong, for bytes that are no image of the network. Their end is not looked
/// at beyond what the network needs, so that an image may be followed by others.
template<class Table>
void expect_image(std::span<const std::byte> image) {
  constexpr const ImageHeader& expected = image_header<Table>;
  constexpr std::size_t bytes = sizeof(ImageHeader) + Table::parameter_bytes + Table::buffer_bytes;
  const auto fail = [](const std::string& why) {
    raise(ValueError("ReadOnlyModel: the image of " + std::string(Table::modules[0].type) + " " + why));
  };
  ImageHeader found;
  if (image.size() < sizeof found)
    fail("has " + std::to_string(image.size()) + " bytes, fewer than its header");
  std::memcpy(&found, image.data(), sizeof found);
  if (found.magic != expected.magic) fail("does not begin with STATOR01: save_image did not write it");
  if (found.byte_order != expected.byte_order) fail("is in the byte order of another machine");
  if (found.parameter_bytes != expected.parameter_bytes || found.buffer_bytes != expected.buffer_bytes)
    fail("holds " + std::to_string(found.parameter_bytes) + " bytes of parameters and " +
         std::to_string(found.buffer_bytes) + " of buffers, expected " +
         std::to_string(expected.parameter_bytes) + " and " + std::to_string(expected.buffer_bytes));
  if (found.layout != expected.layout)
    fail("is of a network whose tensors have other names, types, shapes or places");
  if (image.size() < bytes)
    fail("ends after " + std::to_string(image.size()) + " of " + std::to_string(bytes) + " bytes");
}

/// Why the header of stator::save_header is not one of this network.
template<class Table, class Weights>
struct embedded_error {
  static constexpr Text message() {
    Text result =
        text("stator: ", Table::modules[0].type, " does not fit the weights of ", Weights::network, ": ");
    const std::size_t found = std::size(Weights::tensors);
    std::size_t owners = 0;
    for (std::size_t i = 0; i < Table::leaves.size(); ++i) {
      const LeafEntry& e = Table::leaves[i];
      if (e.owner != i) continue;
      ++owners;
      const auto* const at = std::ranges::find(Weights::tensors, e.name, &EmbeddedTensor::name);
      if (at == std::end(Weights::tensors)) return result += text("they have no ", e.name);
      if (!(at->shape == e.extents))
        return result += text(e.name, " is ", e.extents, " in the network, ", at->shape, " in them");
      if (at->dtype != e.dtype)
        return result += text(e.name, " is ", to_string(e.dtype), " in the network, ", to_string(at->dtype),
                              " in them");
      if (at->is_parameter != e.is_parameter() || at->offset != e.offset)
        return result += text(e.name, " lies elsewhere: they were saved from a model with other options");
    }
    if (owners != found) return result += text("they have ", found, " tensors, the network ", owners);
    return {};
  }
};

/// The constants of a header as bytes, empty where it has none.
template<class Weights>
std::span<const std::byte> embedded_parameters() {
  if constexpr (requires { Weights::parameters; })
    return std::as_bytes(std::span(&Weights::parameters, 1));
  else
    return {};
}
template<class Weights>
std::span<const std::byte> embedded_buffers() {
  if constexpr (requires { Weights::buffers; })
    return std::as_bytes(std::span(&Weights::buffers, 1));
  else
    return {};
}

} // namespace detail

} // namespace stator::inline v0_2
