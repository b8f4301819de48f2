// SPDX-License-Identifier: BSL-1.0
// One exception type per kind of mistake. Every text starts with "stator: " and says where, what was
// expected and what was found.
#pragma once

#include "stator/core/requirements.hpp"

#include <stdexcept>
#include <string>

namespace stator {

/// The base of every exception that Stator throws.
struct Error : std::runtime_error {
  explicit Error(const std::string& text) : std::runtime_error("stator: " + text) {}
};

/// Extents that do not fit an operation, found at run time.
struct ShapeError : Error {
  using Error::Error;
};

/// A shape, or a batch, that needs more memory than there is.
struct MemoryError : ShapeError {
  using ShapeError::ShapeError;
};

/// A value out of its range: a label beyond the classes, a negative learning rate.
struct ValueError : Error {
  using Error::Error;
};

/// A name that no parameter, buffer or module has.
struct KeyError : Error {
  using Error::Error;
};

/// A network whose parameter handles point to no storage, a model or tensor that has been moved from.
struct UnboundError : Error {
  using Error::Error;
};

/// A use of the graph that its state does not allow: a second backward, the gradient of a leaf without one.
struct GraphError : Error {
  using Error::Error;
};

/// An expression that runs when a tensor or model that it refers to is gone; found with
/// STATOR_CHECK_LIFETIMES only.
struct LifetimeError : Error {
  using Error::Error;
};

/// A file that cannot be opened, read or written.
struct FileError : Error {
  using Error::Error;
};

/// A file whose contents are not what its format says. Names the file and the byte.
struct FormatError : Error {
  using Error::Error;
};

} // namespace stator
