// SPDX-License-Identifier: BSL-1.0
// MPI's header as the rest of this room wants it: the plain C interface, without the C++ bindings that MPI 3
// took out; and MPI's names of element types.
#pragma once

#include "stator/core/requirements.hpp"

#if !__has_include(<mpi.h>)
#error stator: stator/distributed needs MPI (Debian: libopenmpi-dev or libmpich-dev) and its include directory
#endif

#ifndef OMPI_SKIP_MPICXX
/// Asks OpenMPI to leave out its C++ bindings.
#define OMPI_SKIP_MPICXX 1 // NOLINT(readability-identifier-naming)
#endif
#ifndef MPICH_SKIP_MPICXX
/// Asks MPICH to leave out its C++ bindings.
#define MPICH_SKIP_MPICXX 1 // NOLINT(readability-identifier-naming)
#endif
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wcast-function-type"
#endif
#include <mpi.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include "stator/core/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace stator::distributed {

/// What goes wrong between processes: ranks that do different things, one that failed, a time-out.
struct DistributedError : Error {
  using Error::Error;
};

namespace detail {

/// MPI's name of an element type.
template<class T>
MPI_Datatype mpi_type() {
  static_assert(std::is_arithmetic_v<T>, "stator: distributed: elements must be numbers");
  if constexpr (std::is_same_v<T, float>)
    return MPI_FLOAT;
  else if constexpr (std::is_same_v<T, double>)
    return MPI_DOUBLE;
  else if constexpr (sizeof(T) == 1)
    return MPI_BYTE;
  else if constexpr (sizeof(T) == 2)
    return std::is_signed_v<T> ? MPI_INT16_T : MPI_UINT16_T;
  else if constexpr (sizeof(T) == 4)
    return std::is_signed_v<T> ? MPI_INT32_T : MPI_UINT32_T;
  else
    return std::is_signed_v<T> ? MPI_INT64_T : MPI_UINT64_T;
}

/// Raises what MPI says of a call that failed.
inline void expect_success(int code, const char* call) {
  if (code == MPI_SUCCESS) [[likely]]
    return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int size = 0;
  MPI_Error_string(code, text, &size);
  raise(DistributedError(std::string(call) + ": " + text));
}

/// A count as MPI takes it. Throws ValueError beyond 2^31 - 1.
inline int mpi_count(std::size_t n) {
  if (n > 0x7fffffffU)
    raise(ValueError("distributed: " + std::to_string(n) +
                     " elements in one message, MPI counts to 2147483647"));
  return static_cast<int>(n);
}

} // namespace detail

} // namespace stator::distributed
