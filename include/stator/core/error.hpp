// SPDX-License-Identifier: BSL-1.0
// One exception type per kind of mistake. Every text starts with "stator: " and says where, what was
// expected and what was found. Where exceptions are off (-fno-exceptions), a handler gets the text instead.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/requirements.hpp"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
/// Whether errors are exceptions; otherwise a handler gets them.
#define STATOR_HAS_EXCEPTIONS 1
/// `try`, where there are exceptions.
#define STATOR_TRY try
/// `catch (...)`, or a branch that is never taken.
#define STATOR_CATCH_ALL catch (...)
/// `throw`, in such a branch.
#define STATOR_RETHROW throw
#else
#define STATOR_HAS_EXCEPTIONS 0
#define STATOR_TRY if constexpr (true)
#define STATOR_CATCH_ALL else
#define STATOR_RETHROW static_cast<void>(0)
#endif

namespace stator::inline v0_2 {

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

/// What a program without exceptions does with an error, whose text it gets; the program ends when it
/// returns.
using ErrorHandler = void (*)(const char* text);

namespace detail {
inline ErrorHandler& error_handler() {
  static constinit ErrorHandler handler = [](const char* text) { std::fprintf(stderr, "%s\n", text); };
  return handler;
}
} // namespace detail

/// Replaces the handler, which writes the text to the standard error, and returns the one before. It is
/// called where the library would throw if the compiler had not been told -fno-exceptions, and never
/// otherwise. It may log, reset the machine or longjmp. To be called before other threads use the library.
inline ErrorHandler set_error_handler(ErrorHandler handler) {
  return std::exchange(detail::error_handler(), handler);
}

/// Throws the error. Without exceptions: calls the handler with its text, then ends the program (std::abort).
template<class E>
[[noreturn]] STATOR_COLD void raise(const E& error) {
#if STATOR_HAS_EXCEPTIONS
  throw error;
#else
  detail::error_handler()(error.what());
  std::abort();
#endif
}

/// Where constant evaluation comes to it, the compiler stops and shows the line with the reason.
[[noreturn]] inline void stop_evaluation(const char* reason) { raise(ValueError(reason)); }

} // namespace stator::inline v0_2
