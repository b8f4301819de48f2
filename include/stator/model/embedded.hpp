// SPDX-License-Identifier: BSL-1.0
// Weights that are part of the program: what a header of stator::save_header (io/save_header.hpp) defines.
#pragma once

#include "stator/core/dtype.hpp"
#include "stator/core/shape.hpp"

#include <string_view>

namespace stator::inline v0_2 {

/// A tensor of such a header: what it is, and where it lies.
struct EmbeddedTensor {
  std::string_view name;    ///< its first path in the network
  bool is_parameter = true; ///< whether it lies in `parameters`; else in `buffers`
  DType dtype{};            ///< element type
  Extents shape{};          ///< static extents
  std::size_t offset = 0;   ///< bytes from the beginning of `parameters` or `buffers`
};

/// The base of the struct that the header defines. That has
///   - `network`, the class name of the network that was saved;
///   - `tensors`, an array of EmbeddedTensor in the order of the memory;
///   - `parameters` and `buffers`, constants with the elements at their offsets, 64-byte aligned.
/// A network without parameters or buffers has no constant of that name.
struct Embedded {};

} // namespace stator::inline v0_2
