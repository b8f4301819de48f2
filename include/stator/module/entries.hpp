// SPDX-License-Identifier: BSL-1.0
// What the tables of a network hold: one entry for each parameter, buffer and module.
#pragma once

#include "stator/core/dtype.hpp"
#include "stator/expr/parameter.hpp"

#include <string_view>

namespace stator::inline v0_2 {

namespace detail {
/// What is so many bytes from the beginning in an arena of parameters, in that of their gradients.
constexpr std::size_t gradient_place(std::size_t bytes, DType type) {
  return is_half(type) ? 2 * bytes : bytes;
}
} // namespace detail

/// One parameter or buffer.
struct LeafEntry {
  std::string_view name; ///< full path: "blocks.3.fc1.weight"
  LeafKind kind{};       ///< parameter, buffer, non-persistent buffer
  DType dtype{};         ///< element type
  Extents extents{};     ///< shape
  Index numel = 0;       ///< number of elements
  std::size_t owner = 0; ///< index of the first name of the same storage; its own when not shared
  std::size_t source =
      0; ///< index of the name whose first values a shared tensor takes: the target of its tie
  std::size_t offset = 0; ///< bytes from the beginning of the parameter (or buffer) arena
  std::size_t module = 0; ///< index of the module that holds it
  bool frozen = false;    ///< a parameter without gradient: see `freeze`
  std::size_t slot =
      0; ///< of one that gets a gradient: its number in the order of the arena, shared ones once

  /// Whether it is a parameter, not a buffer.
  constexpr bool is_parameter() const { return kind == LeafKind::parameter; }
  /// A parameter that gets a gradient.
  constexpr bool is_trainable() const { return is_parameter() && !frozen; }
  /// Bytes from the beginning of the gradient arena, which has the layout of the parameters' in elements.
  constexpr std::size_t gradient_offset() const { return detail::gradient_place(offset, dtype); }
};

/// What a walk over parameters and buffers reads of one, close together.
struct LeafRow {
  const LeafEntry* entry = nullptr; ///< all that is known of it
  std::string_view name;            ///< the entry's
  std::size_t offset = 0;           ///< the entry's
  std::uint32_t slot = 0;           ///< the entry's
  bool trainable = true;            ///< whether it has a gradient

  constexpr LeafRow() = default;
  /// Of an entry that lives as long.
  explicit constexpr LeafRow(const LeafEntry& e)
      : entry(&e), name(e.name), offset(e.offset), slot(static_cast<std::uint32_t>(e.slot)),
        trainable(e.is_trainable()) {}
};

/// One module.
struct ModuleEntry {
  std::string_view path;      ///< full path, "" for the network itself
  std::string_view name;      ///< last part of the path
  std::string_view type;      ///< class name
  std::size_t parent = 0;     ///< index of the parent, its own for the network itself
  std::size_t owner = 0;      ///< index of the first path of the same module; its own when not shared
  std::size_t end = 0;        ///< index after its last descendant: descendants are contiguous
  std::size_t first_leaf = 0; ///< its leaves, its own first, then those of its descendants
  std::size_t end_leaf = 0;   ///< index after its last leaf
};

} // namespace stator::inline v0_2
