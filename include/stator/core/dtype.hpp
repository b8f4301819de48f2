// SPDX-License-Identifier: BSL-1.0
// Element types, as a value and as PyTorch names them.
#pragma once

#include "stator/core/requirements.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace stator::inline v0_2 {

struct float16;  // core/float16.hpp
struct bfloat16; // core/float16.hpp

/// The element types of tensors, with PyTorch's names; `boolean` is torch.bool. Those of 16 bits are for
/// storage: arithmetic on them is that of `float`, see arithmetic_of.
enum class DType : std::uint8_t { float32, float64, int64, int32, uint8, boolean, float16, bfloat16 };

namespace detail {
template<class T>
struct dtype_value {
  static_assert(sizeof(T) == 0,
                "stator: elements are float, double, float16, bfloat16, int64_t, int32_t, uint8_t or bool");
};
// clang-format off
template<> struct dtype_value<float> { static constexpr DType value = DType::float32; };
template<> struct dtype_value<double> { static constexpr DType value = DType::float64; };
template<> struct dtype_value<std::int64_t> { static constexpr DType value = DType::int64; };
template<> struct dtype_value<std::int32_t> { static constexpr DType value = DType::int32; };
template<> struct dtype_value<std::uint8_t> { static constexpr DType value = DType::uint8; };
template<> struct dtype_value<bool> { static constexpr DType value = DType::boolean; };
template<> struct dtype_value<float16> { static constexpr DType value = DType::float16; };
template<> struct dtype_value<bfloat16> { static constexpr DType value = DType::bfloat16; };
template<DType D> struct scalar_type;
template<> struct scalar_type<DType::float32> { using type = float; };
template<> struct scalar_type<DType::float64> { using type = double; };
template<> struct scalar_type<DType::int64> { using type = std::int64_t; };
template<> struct scalar_type<DType::int32> { using type = std::int32_t; };
template<> struct scalar_type<DType::uint8> { using type = std::uint8_t; };
template<> struct scalar_type<DType::boolean> { using type = bool; };
template<> struct scalar_type<DType::float16> { using type = float16; };
template<> struct scalar_type<DType::bfloat16> { using type = bfloat16; };
template<class T> struct arithmetic_type { using type = T; };
template<> struct arithmetic_type<float16> { using type = float; };
template<> struct arithmetic_type<bfloat16> { using type = float; };
// clang-format on
} // namespace detail

/// The C++ type of elements.
template<DType D>
using scalar_of = typename detail::scalar_type<D>::type;

/// The DType of the C++ type T.
template<class T>
inline constexpr DType dtype_of = detail::dtype_value<std::remove_cv_t<T>>::value;

/// The type that elements of T are computed in, and that their gradients have: float for float16 and
/// bfloat16, T itself for all others.
template<class T>
using arithmetic_of = typename detail::arithmetic_type<T>::type;

/// Whether elements are float16 or bfloat16.
constexpr bool is_half(DType type) { return type == DType::float16 || type == DType::bfloat16; }
/// The same as a value: float32 for float16 and bfloat16.
constexpr DType arithmetic_dtype(DType type) { return is_half(type) ? DType::float32 : type; }

/// Bytes of an element.
constexpr std::size_t item_size(DType type) {
  switch (type) {
  case DType::float64:
  case DType::int64:
    return 8;
  case DType::float32:
  case DType::int32:
    return 4;
  case DType::float16:
  case DType::bfloat16:
    return 2;
  default:
    return 1;
  }
}

/// The name of an element type in C++: "float".
constexpr std::string_view scalar_name(DType type) {
  switch (type) {
  case DType::float32:
    return "float";
  case DType::float64:
    return "double";
  case DType::int64:
    return "std::int64_t";
  case DType::int32:
    return "std::int32_t";
  case DType::uint8:
    return "std::uint8_t";
  case DType::float16:
    return "stator::float16";
  case DType::bfloat16:
    return "stator::bfloat16";
  default:
    return "bool";
  }
}

/// torch.is_floating_point: whether elements are float32, float64, float16 or bfloat16; only these have
/// gradients.
constexpr bool is_floating_point(DType type) {
  return type == DType::float32 || type == DType::float64 || is_half(type);
}

/// torch.promote_types: the smallest type that both are converted to, in the order bool, uint8, int32, int64,
/// float16 and bfloat16, float32, float64; float32 for float16 beside bfloat16.
constexpr DType promote_types(DType a, DType b) {
  constexpr DType order[] = {DType::boolean, DType::uint8,    DType::int32,   DType::int64,
                             DType::float16, DType::bfloat16, DType::float32, DType::float64};
  if (a != b && is_half(a) && is_half(b)) return DType::float32;
  DType larger = a;
  for (const DType type : order)
    if (type == a || type == b) larger = type;
  return larger;
}

/// "torch.float32" without the "torch.".
constexpr std::string_view to_string(DType type) {
  switch (type) {
  case DType::float32:
    return "float32";
  case DType::float64:
    return "float64";
  case DType::int64:
    return "int64";
  case DType::int32:
    return "int32";
  case DType::uint8:
    return "uint8";
  case DType::float16:
    return "float16";
  case DType::bfloat16:
    return "bfloat16";
  default:
    return "bool";
  }
}

} // namespace stator::inline v0_2
