// SPDX-License-Identifier: BSL-1.0
// Random bits of the system, for unpredictable seeds.
#pragma once

#include "stator/core/error.hpp"

#include <cstdint>
#ifdef _WIN32
#include <random> // heavy, and only needed where there is no getentropy
#elif __has_include(<sys/random.h>)
#include <sys/random.h>
#else
/// The system has no random numbers: there is none, for example.
#define STATOR_NO_ENTROPY
#endif

namespace stator::detail {

/// Throws Error when the system gives none, as one without an operating system.
inline std::uint64_t system_entropy() {
  std::uint64_t number = 0;
#ifdef _WIN32
  std::random_device device;
  for (int half = 0; half < 2; ++half) number = number << 32 | (device() & 0xffffffffU);
#else
#ifndef STATOR_NO_ENTROPY
  if (::getentropy(&number, sizeof number) != 0)
#endif
    raise(Error("Generator::seed: the system has no random numbers"));
#endif
  return number;
}

} // namespace stator::detail
