// SPDX-License-Identifier: BSL-1.0
// An array as .npy and .npz files hold it: the number type, the shape and the bytes, known at run time only.
#pragma once

#include "stator/core/dtype.hpp"
#include "stator/core/error.hpp"
#include "stator/core/shape.hpp"

#include <bit>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace stator::io {

namespace detail {
/// std::complex<float> and <double>, whose header few programs need.
template<class T>
concept Complex =
    std::is_floating_point_v<typename T::value_type> && sizeof(T) <= 16 && requires(const T& z) {
      z.real();
      z.imag();
    };
} // namespace detail

/// NumPy's name of the number type in native byte order: "<f4" for float, "<f2" for float16, "<i8" for
/// std::int64_t, "|b1" for bool.
template<class T>
std::string npy_dtype() {
  static_assert(!std::is_same_v<T, bfloat16>, "stator: NumPy has no bfloat16: convert to float");
  constexpr bool is_half = std::is_same_v<T, float16>;
  static_assert(std::is_arithmetic_v<T> || is_half || detail::Complex<T> || std::is_same_v<T, bfloat16>,
                "stator: .npy files hold numbers and booleans");
  static_assert(!std::is_same_v<T, long double>, "stator: long double differs between machines");
  const char kind = std::is_same_v<T, bool>                  ? 'b'
                    : std::is_floating_point_v<T> || is_half ? 'f'
                    : !std::is_arithmetic_v<T>               ? 'c'
                    : std::is_signed_v<T>                    ? 'i'
                                                             : 'u';
  const char order = sizeof(T) == 1 ? '|' : std::endian::native == std::endian::little ? '<' : '>';
  return std::string{order, kind} + std::to_string(sizeof(T));
}

/// An array as it is in the file, except that its bytes are in native order.
struct NpyArray {
  std::string dtype;            ///< "<f4", "<i8", "|b1", ...
  std::vector<Index> shape;     ///< empty for a single number
  std::vector<std::byte> bytes; ///< the elements, in row-major order unless the array says otherwise
  bool fortran_order = false;   ///< column-major; see row_major()

  /// Copies `values` (row-major). Throws ShapeError when their number is not the shape's.
  template<class T>
  static NpyArray from(std::span<const T> values, std::vector<Index> shape) {
    NpyArray array{.dtype = npy_dtype<T>(), .shape = std::move(shape), .bytes = {}};
    if (static_cast<Index>(values.size()) != array.numel())
      raise(ShapeError("NpyArray::from: " + std::to_string(values.size()) + " values for shape " +
                       array.shape_text()));
    const auto view = std::as_bytes(values);
    array.bytes.assign(view.begin(), view.end());
    return array;
  }

  /// Throws ShapeError for a shape that no memory can hold.
  Index numel() const {
    const CheckedSize n = checked_product(shape);
    if (!n.fits())
      raise(ShapeError(
          "NpyArray: shape " + shape_text() +
          (n.is_negative() ? " has a negative extent" : " has more elements than memory can have")));
    return static_cast<Index>(n.value());
  }

  /// Bytes of one element.
  std::size_t itemsize() const { return static_cast<std::size_t>(std::stoul(dtype.substr(2))); }

  /// The elements in row-major order. Throws ValueError for another type, or for a column-major array.
  template<class T>
  std::span<const T> as() const {
    if (dtype != npy_dtype<T>())
      raise(
          ValueError("NpyArray::as: the array has type '" + dtype + "', asked for '" + npy_dtype<T>() + "'"));
    if (fortran_order && shape.size() > 1)
      raise(ValueError("NpyArray::as: the array is column-major, use row_major().as<T>()"));
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

  /// A row-major copy.
  NpyArray row_major() const {
    NpyArray array = *this;
    array.fortran_order = false;
    if (!fortran_order || shape.size() < 2) return array;
    const std::size_t size = itemsize();
    std::vector<std::size_t> index(shape.size(), 0);
    for (std::size_t to = 0; to < bytes.size(); to += size) {
      std::size_t from = 0;
      for (std::size_t d = shape.size(); d-- > 0;)
        from = from * static_cast<std::size_t>(shape[d]) + index[d];
      std::memcpy(array.bytes.data() + to, bytes.data() + from * size, size);
      for (std::size_t d = shape.size(); d-- > 0;) {
        if (++index[d] < static_cast<std::size_t>(shape[d])) break;
        index[d] = 0;
      }
    }
    return array;
  }

  /// The shape as NumPy writes it in a header: "(2,3,)".
  std::string shape_text() const {
    std::string text = "(";
    for (const Index extent : shape) text += std::to_string(extent) + ",";
    return text + ")";
  }
};

} // namespace stator::io
