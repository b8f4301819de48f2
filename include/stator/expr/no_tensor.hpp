// SPDX-License-Identifier: BSL-1.0
// Describes what was given instead of a tensor, and how to make a tensor of it.
#pragma once

#include "stator/core/compile_error.hpp"
#include "stator/reflect/names.hpp"

#include <concepts>
#include <iterator>

namespace stator::detail {

/// An Eigen matrix, map or expression, without Eigen's headers.
template<class A>
concept EigenLike = requires {
  typename A::Scalar;
  { A::IsRowMajor } -> std::convertible_to<bool>;
  { A::RowsAtCompileTime } -> std::convertible_to<int>;
};

/// "std::vector<float> is not a tensor: ...", for a type that is none.
template<class A>
constexpr Text no_tensor() {
  const std::string_view name = reflect::class_name<A>();
  if constexpr (EigenLike<A>) {
    if constexpr (A::IsRowMajor || A::RowsAtCompileTime == 1 || A::ColsAtCompileTime == 1)
      return text("an Eigen ", name,
                  " is not a tensor: include stator/eigen.hpp and pass a view of its elements, ",
                  "stator::tensor_view(matrix)");
    else
      return text("an Eigen ", name,
                  " that is stored by columns is not a tensor, whose elements lie by rows: declare it ",
                  "Eigen::RowMajor, include stator/eigen.hpp and pass stator::tensor_view(matrix)");
  } else if constexpr (requires { typename A::module_type; }) {
    return text("a ", name, " is not a tensor: call it with one, model(x)");
  } else if constexpr (std::ranges::contiguous_range<const A&>) {
    return text("a ", name, " is not a tensor: pass a view of its elements, ",
                "stator::TensorView<float, extents...>(data)");
  } else {
    return text(name, " is not a tensor");
  }
}

} // namespace stator::detail
