// SPDX-License-Identifier: BSL-1.0
// A tensor of a checkpoint, known at run time only: what every kind of state file is read as and written
// from. And how values of C++ become one and are made from one.
#pragma once

#include "stator/core/error.hpp"
#include "stator/core/shape.hpp"
#include "stator/core/storage.hpp"

#include <string>
#include <tuple>
#include <vector>

namespace stator::inline v0_2 {

/// A name and somebody else's memory: row-major, not necessarily aligned.
struct StateTensor {
  std::string name;                    ///< "fc1.weight"
  StorageType type = StorageType::F32; ///< element type
  std::vector<Index> shape;            ///< empty for a single number
  const std::byte* data = nullptr;     ///< the elements in row-major order, not owned

  /// Throws ShapeError for a shape that no memory can hold.
  std::size_t numel() const { return bytes() / item_size(type); }
  /// Bytes of all elements.
  std::size_t bytes() const;

  /// The elements as a number, a Tensor, std::vector, std::array or std::string. Throws ShapeError when the
  /// shape is another, ValueError when the type holds values that T's elements cannot.
  template<class T>
  T to() const;

  /// `for (const auto& [name, tensor] : model.state_dict())`
  template<std::size_t I>
  const auto& get() const {
    if constexpr (I == 0)
      return name;
    else
      return *this;
  }
};

namespace detail {

/// "torch.Size([128, 784])"
template<class Extent>
std::string size_text(const Extent* extents, std::size_t rank) {
  std::string text = "torch.Size([";
  for (std::size_t i = 0; i < rank; ++i) text += (i > 0 ? ", " : "") + std::to_string(extents[i]);
  return text + "])";
}

/// The bytes of this many elements. Throws ShapeError, beginning with `who`, for extents that no memory can
/// hold.
template<class Range>
std::size_t checked_bytes(const Range& extents, std::size_t item_size, const std::string& who) {
  CheckedSize bytes = checked_product(extents);
  bytes *= item_size;
  if (!bytes.fits())
    raise(ShapeError(who + " has shape " + size_text(std::ranges::data(extents), std::ranges::size(extents)) +
                     ": " +
                     (bytes.is_negative() ? "an extent is negative" : "more elements than memory can have")));
  return bytes.value();
}

/// Tensor, Variable, Parameter, Buffer, TensorView.
template<class T>
concept ShapedValue = requires {
  typename T::scalar;
  T::shape_type::extents;
};
/// std::vector, std::array, std::span, std::string.
template<class T>
concept ListValue = !ShapedValue<T> && requires(const T& list) {
  *list.data();
  list.size();
};

/// Characters and bytes are stored as U8.
template<class T>
using state_scalar =
    std::conditional_t<std::is_same_v<T, char> || std::is_same_v<T, std::byte>, std::uint8_t, T>;

/// A view of a number, a tensor or a list of numbers.
template<class T>
StateTensor state_view(std::string name, const T& value) {
  const auto bytes = [](const auto* p) { return reinterpret_cast<const std::byte*>(p); };
  if constexpr (std::is_same_v<T, StateTensor>) {
    return {std::move(name), value.type, value.shape, value.data};
  } else if constexpr (requires { value.raw(); }) { // a TensorRef
    const auto shape = value.shape();
    return {std::move(name), storage_of(value.dtype()), {shape.begin(), shape.end()}, value.raw()};
  } else if constexpr (ShapedValue<T>) {
    const auto shape = value.shape();
    return {std::move(name),
            storage_of(dtype_of<typename T::scalar>),
            {shape.begin(), shape.end()},
            bytes(value.data())};
  } else if constexpr (ListValue<T>) {
    using S = state_scalar<std::remove_cvref_t<decltype(*value.data())>>;
    return {
        std::move(name), storage_of(dtype_of<S>), {static_cast<Index>(value.size())}, bytes(value.data())};
  } else {
    static_assert(std::is_arithmetic_v<T>, "stator: state is a number, a tensor or a list of numbers");
    return {std::move(name), storage_of(dtype_of<T>), {}, bytes(&value)};
  }
}

/// A value that has room for the elements of `t`. Throws ShapeError.
template<class T>
T value_for(const StateTensor& t) {
  const auto expect = [&](bool fits, const std::string& expected) {
    if (!fits)
      raise(ShapeError("'" + t.name + "' has shape " + size_text(t.shape.data(), t.shape.size()) +
                       ", expected " + expected));
  };
  if constexpr (ShapedValue<T>) {
    constexpr Extents e = T::shape_type::extents;
    bool fits = t.shape.size() == e.rank;
    for (std::size_t d = 0; fits && d < e.rank; ++d) fits = e[d] == dynamic || e[d] == t.shape[d];
    expect(fits, size_text(e.dims.data(), e.rank));
    if constexpr (e.is_dynamic())
      return T(t.shape[0]);
    else
      return T();
  } else if constexpr (requires(T list) { list.resize(t.numel()); }) {
    expect(t.shape.size() == 1, "one dimension");
    T list;
    list.resize(t.numel());
    return list;
  } else if constexpr (ListValue<T>) {
    T list{};
    expect(t.shape == std::vector{static_cast<Index>(list.size())},
           "torch.Size([" + std::to_string(list.size()) + "])");
    return list;
  } else {
    static_assert(std::is_arithmetic_v<T>, "stator: state is a number, a tensor or a list of numbers");
    expect(t.numel() == 1, "a number");
    return T{};
  }
}

} // namespace detail

inline std::size_t StateTensor::bytes() const {
  return detail::checked_bytes(shape, item_size(type), "'" + name + "'");
}

template<class T>
T StateTensor::to() const {
  T value = detail::value_for<T>(*this);
  const StateTensor to = detail::state_view("", value);
  if (!is_convertible(type) || !is_lossless(type, to.type))
    raise(ValueError("'" + name + "' holds " + std::string(to_string(type)) + ", which does not convert to " +
                     std::string(to_string(to.type)) + " without loss"));
  convert_elements(type, data, to.type, const_cast<std::byte*>(to.data), numel());
  return value;
}

} // namespace stator::inline v0_2

template<>
struct std::tuple_size<stator::StateTensor> : std::integral_constant<std::size_t, 2> {};
template<>
struct std::tuple_element<0, stator::StateTensor> {
  using type = const std::string;
};
template<>
struct std::tuple_element<1, stator::StateTensor> {
  using type = const stator::StateTensor;
};
