// SPDX-License-Identifier: BSL-1.0
// Element types as files hold them: more than networks compute with. Which conversions keep every value, and
// the conversions themselves. The names are those of safetensors.
#pragma once

#include "stator/core/dtype.hpp"
#include "stator/core/float16.hpp"

#include <array>
#include <cmath>
#include <concepts>
#include <cstring>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

namespace stator::inline v0_2 {

/// The element types of files, with the names that safetensors gives them.
enum class StorageType : std::uint8_t {
  F64,
  F32,
  F16,
  BF16,
  I64,
  I32,
  I16,
  I8,
  U64,
  U32,
  U16,
  U8,
  BOOL,
  F8_E4M3,
  F8_E5M2
};

namespace detail {
struct StorageEntry {
  std::string_view name;
  std::size_t size;
  int digits;   // of the significand or the integer; 0: no conversion
  int exponent; // bits of the exponent, 0 for integers
  bool is_signed;
};
inline constexpr std::array storage_table{
    StorageEntry{"F64", 8, 53, 11, true},  StorageEntry{"F32", 4, 24, 8, true},
    StorageEntry{"F16", 2, 11, 5, true},   StorageEntry{"BF16", 2, 8, 8, true},
    StorageEntry{"I64", 8, 63, 0, true},   StorageEntry{"I32", 4, 31, 0, true},
    StorageEntry{"I16", 2, 15, 0, true},   StorageEntry{"I8", 1, 7, 0, true},
    StorageEntry{"U64", 8, 64, 0, false},  StorageEntry{"U32", 4, 32, 0, false},
    StorageEntry{"U16", 2, 16, 0, false},  StorageEntry{"U8", 1, 8, 0, false},
    StorageEntry{"BOOL", 1, 1, 0, false},  StorageEntry{"F8_E4M3", 1, 0, 0, true},
    StorageEntry{"F8_E5M2", 1, 0, 0, true}};
constexpr const StorageEntry& storage_entry(StorageType type) {
  return storage_table[static_cast<std::size_t>(type)];
}
} // namespace detail

/// "F32", "I64", "BOOL", ...
constexpr std::string_view to_string(StorageType type) { return detail::storage_entry(type).name; }

/// Bytes of an element.
constexpr std::size_t item_size(StorageType type) { return detail::storage_entry(type).size; }

/// The type with a safetensors name, none for an unknown name.
constexpr std::optional<StorageType> storage_type(std::string_view name) {
  for (std::size_t i = 0; i < detail::storage_table.size(); ++i)
    if (detail::storage_table[i].name == name) return static_cast<StorageType>(i);
  return std::nullopt;
}

/// How a network's elements are stored as they are.
constexpr StorageType storage_of(DType type) {
  switch (type) {
  case DType::float32:
    return StorageType::F32;
  case DType::float64:
    return StorageType::F64;
  case DType::int64:
    return StorageType::I64;
  case DType::int32:
    return StorageType::I32;
  case DType::uint8:
    return StorageType::U8;
  case DType::float16:
    return StorageType::F16;
  case DType::bfloat16:
    return StorageType::BF16;
  default:
    return StorageType::BOOL;
  }
}

constexpr bool is_floating_point(StorageType type) { return detail::storage_entry(type).exponent > 0; }

/// Whether `convert_elements` knows the type. The floating-point types of 8 bits can be listed but not
/// loaded.
constexpr bool is_convertible(StorageType type) { return detail::storage_entry(type).digits > 0; }

/// Whether every value of `from` is a value of `to`.
constexpr bool is_lossless(StorageType from, StorageType to) {
  if (from == to) return true;
  const auto &a = detail::storage_entry(from), &b = detail::storage_entry(to);
  if (!is_convertible(from) || !is_convertible(to) || a.digits > b.digits) return false;
  if (b.exponent > 0) return a.exponent <= b.exponent;
  return a.exponent == 0 && to != StorageType::BOOL && (b.is_signed || !a.is_signed);
}

namespace detail {

/// The nearest value of To: integers saturate, not-a-number becomes 0 there.
template<class To, class From>
To convert_value(From value) {
  if constexpr (std::is_same_v<To, bool>)
    return value != From{0};
  else if constexpr (std::is_floating_point_v<To> || std::is_same_v<From, bool>)
    return static_cast<To>(value);
  else if constexpr (std::is_integral_v<From>) {
    if (std::in_range<To>(value)) return static_cast<To>(value);
    return value < From{0} ? std::numeric_limits<To>::min() : std::numeric_limits<To>::max();
  } else {
    if (value != value) return To{0};
    const From low = static_cast<From>(std::numeric_limits<To>::min());
    const From high = std::ldexp(From{1}, std::numeric_limits<To>::digits); // one more than the largest
    if (value < low) return std::numeric_limits<To>::min();
    return value >= high ? std::numeric_limits<To>::max() : static_cast<To>(value);
  }
}

/// Calls `f` with a function that reads element `i` of memory that need not be aligned.
template<class F>
void with_reader(StorageType type, const std::byte* from, F&& f) {
  const auto raw = [from]<class T>(std::type_identity<T>, std::size_t i) {
    T value;
    std::memcpy(&value, from + i * sizeof(T), sizeof(T));
    return value;
  };
  const auto plain = [&]<class T>(std::type_identity<T> t) {
    f([raw, t](std::size_t i) { return raw(t, i); });
  };
  const std::type_identity<std::uint16_t> bits16;
  switch (type) {
  case StorageType::F64:
    return plain(std::type_identity<double>{});
  case StorageType::F32:
    return plain(std::type_identity<float>{});
  case StorageType::F16:
    return f([raw, bits16](std::size_t i) { return half_to_float(raw(bits16, i)); });
  case StorageType::BF16:
    return f([raw, bits16](std::size_t i) { return bfloat16_to_float(raw(bits16, i)); });
  case StorageType::I64:
    return plain(std::type_identity<std::int64_t>{});
  case StorageType::I32:
    return plain(std::type_identity<std::int32_t>{});
  case StorageType::I16:
    return plain(std::type_identity<std::int16_t>{});
  case StorageType::I8:
    return plain(std::type_identity<std::int8_t>{});
  case StorageType::U64:
    return plain(std::type_identity<std::uint64_t>{});
  case StorageType::U32:
    return plain(std::type_identity<std::uint32_t>{});
  case StorageType::U16:
    return plain(bits16);
  case StorageType::U8:
    return plain(std::type_identity<std::uint8_t>{});
  // A byte other than 0 and 1 is not a bool in C++.
  case StorageType::BOOL:
    return f([from](std::size_t i) { return from[i] != std::byte{0}; });
  default:
    return;
  }
}

/// Calls `f` with a function that writes element `i`.
template<class F>
void with_writer(StorageType type, std::byte* to, F&& f) {
  const auto raw = [to](std::size_t i, auto value) {
    std::memcpy(to + i * sizeof value, &value, sizeof value);
  };
  const auto plain = [&]<class T>(std::type_identity<T>) {
    f([raw](std::size_t i, auto value) { raw(i, convert_value<T>(value)); });
  };
  switch (type) {
  case StorageType::F64:
    return plain(std::type_identity<double>{});
  case StorageType::F32:
    return plain(std::type_identity<float>{});
  case StorageType::F16:
    return f([raw](std::size_t i, auto v) { raw(i, to_half(static_cast<double>(v))); });
  case StorageType::BF16:
    return f([raw](std::size_t i, auto v) { raw(i, to_bfloat16(static_cast<double>(v))); });
  case StorageType::I64:
    return plain(std::type_identity<std::int64_t>{});
  case StorageType::I32:
    return plain(std::type_identity<std::int32_t>{});
  case StorageType::U8:
    return plain(std::type_identity<std::uint8_t>{});
  case StorageType::BOOL:
    return plain(std::type_identity<bool>{});
  default:
    return;
  }
}

} // namespace detail

/// Writes `count` elements as another type. Where the new type cannot hold a value, the nearest it can. `to`
/// is a type that networks compute with, F16 or BF16; neither side needs to be aligned. A template, so that
/// only programs that convert compile the conversions of all types.
template<std::same_as<StorageType> Type>
void convert_elements(Type from_type, const std::byte* from, Type to_type, std::byte* to, std::size_t count) {
  if (count == 0) return;
  if (from_type == to_type && from_type != StorageType::BOOL) {
    std::memcpy(to, from, count * item_size(to_type));
    return;
  }
  detail::with_reader(from_type, from, [&](auto read) {
    detail::with_writer(to_type, to, [&](auto write) {
      for (std::size_t i = 0; i < count; ++i) write(i, read(i));
    });
  });
}

} // namespace stator::inline v0_2
