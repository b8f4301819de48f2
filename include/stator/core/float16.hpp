// SPDX-License-Identifier: BSL-1.0
// The two floating-point types of 16 bits: IEEE 754 half precision and bfloat16. They store numbers, in files
// and in the parameters of networks; arithmetic is that of float, to which they convert.
#pragma once

#include "stator/core/bit_cast.hpp"
#include "stator/core/dtype.hpp"

#include <limits>

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

/// torch.float16: a number of 2 bytes, 5 bits of exponent and 11 digits, up to 65504. It converts to float
/// exactly and without being asked, so operators and comparisons are those of float and results are floats;
/// the conversion back, `float16(x)`, rounds to nearest, ties to even. Like float it has no value before it
/// is given one; `float16{}` is 0.
struct float16 {
  std::uint16_t bits; ///< sign, exponent and fraction

  float16() = default;
  /// The nearest; beyond 65504 infinity.
  template<class T>
    requires std::is_arithmetic_v<T>
  constexpr explicit float16(T value) : bits(to_half(static_cast<double>(value))) {}
  /// The number with these bits.
  static constexpr float16 from_bits(std::uint16_t bits) { return bit_cast<float16>(bits); }
  constexpr operator float() const { return half_to_float(bits); }
};

/// torch.bfloat16: a number of 2 bytes, the first half of a float: its 8 bits of exponent, 8 digits. All else
/// as float16.
struct bfloat16 {
  std::uint16_t bits; ///< sign, exponent and fraction

  bfloat16() = default;
  /// The nearest.
  template<class T>
    requires std::is_arithmetic_v<T>
  constexpr explicit bfloat16(T value) : bits(to_bfloat16(static_cast<double>(value))) {}
  /// The number with these bits.
  static constexpr bfloat16 from_bits(std::uint16_t bits) { return bit_cast<bfloat16>(bits); }
  constexpr operator float() const { return bfloat16_to_float(bits); }
};

namespace detail {
/// What std::numeric_limits says of a T with these exponent and significand; the rest is as for float.
template<class T, int Digits, int MinExponent, int MaxExponent, int Digits10, int MaxDigits10,
         int MinExponent10, int MaxExponent10>
struct half_limits : std::numeric_limits<float> {
  static constexpr int digits = Digits, digits10 = Digits10, max_digits10 = MaxDigits10;
  static constexpr int min_exponent = MinExponent, max_exponent = MaxExponent;
  static constexpr int min_exponent10 = MinExponent10, max_exponent10 = MaxExponent10;
  static constexpr T of(unsigned bits) { return T::from_bits(static_cast<std::uint16_t>(bits)); }
  static constexpr unsigned infinite = (2U * MaxExponent - 1) << (Digits - 1); // the bits of infinity
  static constexpr T min() { return of(1U << (Digits - 1)); }
  static constexpr T max() { return of(infinite - 1); }
  static constexpr T lowest() { return of(0x8000U | (infinite - 1)); }
  static constexpr T epsilon() { return of(static_cast<unsigned>(MaxExponent - Digits) << (Digits - 1)); }
  static constexpr T round_error() { return T(0.5F); }
  static constexpr T infinity() { return of(infinite); }
  static constexpr T quiet_NaN() { return of(infinite | 1U << (Digits - 2)); }
  static constexpr T signaling_NaN() { return of(infinite | 1U << (Digits - 3)); }
  static constexpr T denorm_min() { return of(1); }
};
} // namespace detail

} // namespace stator::inline v0_2

template<>
struct std::numeric_limits<stator::float16>
    : stator::detail::half_limits<stator::float16, 11, -13, 16, 3, 5, -4, 4> {};
template<>
struct std::numeric_limits<stator::bfloat16>
    : stator::detail::half_limits<stator::bfloat16, 8, -125, 128, 2, 4, -37, 38> {};
