// SPDX-License-Identifier: BSL-1.0
// Little-endian integers in files: the order of ZIP, .npy and safetensors.
#pragma once

#include "stator/core/requirements.hpp"

#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

namespace stator::io {

/// The integer in the first sizeof(T) bytes; the caller has checked that they are there.
template<std::unsigned_integral T>
constexpr T load_little(std::span<const std::byte> bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value | static_cast<T>(static_cast<T>(bytes[i]) << (8 * i)));
  return value;
}

/// Appends the bytes of a number, least significant first.
template<std::unsigned_integral T, class Byte>
void append_little(std::vector<Byte>& bytes, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes.push_back(static_cast<Byte>((value >> (8 * i)) & 0xFF));
}

} // namespace stator::io
