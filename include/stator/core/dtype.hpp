// SPDX-License-Identifier: BSL-1.0
// Element types, as a value and as PyTorch names them.
#pragma once

#include "stator/core/requirements.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace stator::inline v0_2 {

/// The element types of tensors, with PyTorch's names; `boolean` is torch.bool.
enum class DType : std::uint8_t { float32, float64, int64, int32, uint8, boolean };

namespace detail {
template<class T>
struct dtype_value {
  static_assert(sizeof(T) == 0, "stator: elements are float, double, int64_t, int32_t, uint8_t or bool");
};
// clang-format off
template<> struct dtype_value<float> { static constexpr DType value = DType::float32; };
template<> struct dtype_value<double> { static constexpr DType value = DType::float64; };
template<> struct dtype_value<std::int64_t> { static constexpr DType value = DType::int64; };
template<> struct dtype_value<std::int32_t> { static constexpr DType value = DType::int32; };
template<> struct dtype_value<std::uint8_t> { static constexpr DType value = DType::uint8; };
template<> struct dtype_value<bool> { static constexpr DType value = DType::boolean; };
template<DType D> struct scalar_type;
template<> struct scalar_type<DType::float32> { using type = float; };
template<> struct scalar_type<DType::float64> { using type = double; };
template<> struct scalar_type<DType::int64> { using type = std::int64_t; };
template<> struct scalar_type<DType::int32> { using type = std::int32_t; };
template<> struct scalar_type<DType::uint8> { using type = std::uint8_t; };
template<> struct scalar_type<DType::boolean> { using type = bool; };
// clang-format on
} // namespace detail

/// The C++ type of elements.
template<DType D>
using scalar_of = typename detail::scalar_type<D>::type;

/// The DType of the C++ type T.
template<class T>
inline constexpr DType dtype_of = detail::dtype_value<std::remove_cv_t<T>>::value;

constexpr std::size_t item_size(DType type) {
  switch (type) {
  case DType::float64:
  case DType::int64:
    return 8;
  case DType::float32:
  case DType::int32:
    return 4;
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
  default:
    return "bool";
  }
}

/// Whether elements are float32 or float64, torch.is_floating_point; only these have gradients.
constexpr bool is_floating_point(DType type) { return type == DType::float32 || type == DType::float64; }

/// torch.promote_types: the smallest type that both are converted to, in the order bool, uint8, int32, int64,
/// float32, float64.
constexpr DType promote_types(DType a, DType b) {
  constexpr DType order[] = {DType::boolean, DType::uint8,   DType::int32,
                             DType::int64,   DType::float32, DType::float64};
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
  default:
    return "bool";
  }
}

} // namespace stator::inline v0_2
