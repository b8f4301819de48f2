// SPDX-License-Identifier: BSL-1.0
// The two floating-point types of 16 bits that files hold: IEEE 754 half precision and bfloat16, as bit
// patterns. Networks compute in float or double; these are for reading and writing.
#pragma once

#include "stator/core/bit_cast.hpp"

#include <cmath>
#include <cstdint>

namespace stator::inline v0_2 {

/// The number that the bits of a half mean; exact.
constexpr float half_to_float(std::uint16_t bits) {
  const std::uint32_t negative = (bits & 0x8000U) << 16, exponent = (bits >> 10) & 0x1FU,
                      fraction = bits & 0x3FFU;
  if (exponent == 31) return bit_cast<float>(negative | 0x7F800000U | fraction << 13);
  if (exponent != 0) return bit_cast<float>(negative | (exponent + 112) << 23 | fraction << 13);
  const float magnitude = static_cast<float>(fraction) * 0x1p-24F; // a subnormal half is a normal float
  return negative != 0 ? -magnitude : magnitude;
}

/// The number that the bits of a bfloat16 mean; exact.
constexpr float bfloat16_to_float(std::uint16_t bits) {
  return bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

namespace detail {
/// `bits` without its lowest `count` bits, rounded to nearest, ties to even.
constexpr std::uint64_t round_shift(std::uint64_t bits, unsigned count) {
  const std::uint64_t half = std::uint64_t{1} << (count - 1), rest = bits & (2 * half - 1);
  const std::uint64_t kept = bits >> count;
  return kept + (rest > half || (rest == half && (kept & 1) != 0) ? 1 : 0);
}

/// Rounds once, straight from double: going through float would round twice.
constexpr std::uint16_t to_16_bits(double value, unsigned exponent_bits) {
  const unsigned fraction_bits = 15 - exponent_bits, dropped = 52 - fraction_bits;
  const auto bits = bit_cast<std::uint64_t>(value);
  const auto negative = static_cast<std::uint16_t>(bits >> 48 & 0x8000U);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
  const int biased = static_cast<int>(bits >> 52 & 0x7FFU);
  const int limit = (1 << exponent_bits) - 1; // the exponent of infinity
  const auto infinity = static_cast<std::uint16_t>(limit << fraction_bits);
  if (biased == 0x7FF && fraction != 0)
    return static_cast<std::uint16_t>(negative | infinity | 1U << (fraction_bits - 1));
  const int exponent = biased - 1023 + limit / 2;
  if (exponent >= limit) return static_cast<std::uint16_t>(negative | infinity);
  const std::uint64_t significand = fraction | (biased != 0 ? std::uint64_t{1} << 52 : 0);
  // A carry out of the fraction moves into the exponent, where it belongs.
  if (exponent > 0)
    return static_cast<std::uint16_t>(
        negative |
        (round_shift(significand, dropped) + (static_cast<std::uint64_t>(exponent - 1) << fraction_bits)));
  const int shift = static_cast<int>(dropped) + 1 - exponent;
  return shift > 62
             ? negative
             : static_cast<std::uint16_t>(negative | round_shift(significand, static_cast<unsigned>(shift)));
}
} // namespace detail

/// The nearest half; beyond 65504 infinity.
constexpr std::uint16_t to_half(double value) { return detail::to_16_bits(value, 5); }

/// The nearest bfloat16.
constexpr std::uint16_t to_bfloat16(double value) { return detail::to_16_bits(value, 8); }

} // namespace stator::inline v0_2
