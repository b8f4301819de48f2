// SPDX-License-Identifier: BSL-1.0
// Tensors as Eigen matrices and Eigen matrices as tensors, both without a copy. Not part of stator.hpp: the
// library itself needs no Eigen.
//   as_matrix(model.get<"fc1.weight">()) *= 0.5f;       parameters, gradients, tensors and views
//   Eigen::Matrix<float, Eigen::Dynamic, 784, Eigen::RowMajor> images = ...;
//   auto logits = model(tensor_view(images)).value();
// A tensor is row-major, Eigen's matrices are column-major unless they say otherwise: what would transpose in
// silence does not compile. Works with Eigen 3.4 and 5.
#pragma once

#include "stator/core/view.hpp"

#include <Eigen/Core>
#include <type_traits>

#if !EIGEN_VERSION_AT_LEAST(3, 4, 0)
#error "stator: stator/eigen.hpp needs Eigen 3.4 or later"
#endif

namespace stator::inline v0_2 {

namespace detail {

constexpr int eigen_extent(Index e) { return e == dynamic ? Eigen::Dynamic : static_cast<int>(e); }

/// Rows x Columns, row-major; a column has no other order than Eigen's.
template<class T, int Rows, int Columns>
using eigen_matrix = Eigen::Matrix<T, Rows, Columns,
                                   Columns == 1 && Rows != 1 ? static_cast<int>(Eigen::ColMajor)
                                                             : static_cast<int>(Eigen::RowMajor)>;

/// A map of the elements of T, const where they are.
template<class T, class Matrix>
using eigen_map = Eigen::Map<std::conditional_t<std::is_const_v<T>, const Matrix, Matrix>>;

template<class X>
using tensor_element = std::remove_pointer_t<decltype(std::declval<X&>().data())>;

} // namespace detail

/// The elements of a tensor, parameter, buffer, gradient or view as a row-major Eigen::Map with static
/// extents where the tensor has them. x: [rows, ...] gives rows x the product of the other extents, [n] gives
/// a column. The map is valid as long as the elements of x stay where they are. Throws UnboundError where
/// there are none.
template<class X>
  requires requires { typename X::shape_type; }
auto as_matrix(X& x) {
  using S = typename std::remove_const_t<X>::shape_type;
  using T = detail::tensor_element<X>;
  static_assert(S::rank > 0, "stator: as_matrix: a number has no rows");
  constexpr int rows = detail::eigen_extent(S::extents[0]);
  constexpr int columns = static_cast<int>(S::extents.product(1, S::rank));
  (void)x.elements();
  using Matrix = detail::eigen_matrix<std::remove_const_t<T>, rows, columns>;
  return detail::eigen_map<T, Matrix>(x.data(), x.size(0), columns);
}
template<class T, Index... E>
auto as_matrix(const TensorView<T, E...>& view) {
  auto same = view;
  return as_matrix(same);
}

/// All elements in row-major order as an Eigen column.
template<class X>
  requires requires { typename X::shape_type; }
auto as_vector(X& x) {
  using S = typename std::remove_const_t<X>::shape_type;
  using T = detail::tensor_element<X>;
  constexpr int count = S::is_dynamic ? static_cast<int>(Eigen::Dynamic) : static_cast<int>(S::numel);
  (void)x.elements();
  using Matrix = Eigen::Matrix<std::remove_const_t<T>, count, 1>;
  return detail::eigen_map<T, Matrix>(x.data(), x.numel());
}
template<class T, Index... E>
auto as_vector(const TensorView<T, E...>& view) {
  auto same = view;
  return as_vector(same);
}

/// An Eigen matrix, array or map as a TensorView, without a copy: [rows, columns], or [n] for a column or a
/// row whose type says that it is one. The columns are static; rows known only at run time are a dynamic
/// batch. A column-major matrix does not compile, nor does a temporary that owns its elements. Throws
/// ShapeError for a map whose elements do not follow each other in memory.
template<class Matrix>
  requires std::is_base_of_v<Eigen::DenseBase<std::remove_const_t<Matrix>>, std::remove_const_t<Matrix>>
auto tensor_view(Matrix& matrix) {
  using M = std::remove_const_t<Matrix>;
  constexpr int rows = M::RowsAtCompileTime, columns = M::ColsAtCompileTime;
  constexpr bool is_vector = rows == 1 || columns == 1;
  static_assert(
      is_vector || M::IsRowMajor,
      "stator: tensor_view: this Eigen matrix is column-major, a tensor is row-major: use "
      "Eigen::Matrix<T, Rows, Columns, Eigen::RowMajor>, assign it to one, or, where the columns are "
      "the samples, tensor_view(matrix.transpose())");
  static_assert(is_vector || columns != Eigen::Dynamic,
                "stator: tensor_view: the number of columns has to be known at compile time: use "
                "Eigen::Matrix<T, Eigen::Dynamic, Columns, Eigen::RowMajor>");
  using T = std::remove_pointer_t<decltype(matrix.data())>;
  if (matrix.innerStride() != 1 || (!is_vector && matrix.rows() > 1 && matrix.outerStride() != matrix.cols()))
    raise(ShapeError("tensor_view: the elements of this Eigen map do not follow each other in memory"));
  constexpr auto extent = [](int e) { return e == Eigen::Dynamic ? dynamic : Index{e}; };
  if constexpr (is_vector)
    return TensorView<T, extent(rows == 1 ? columns : rows)>(matrix.data(), matrix.size());
  else
    return TensorView<T, extent(rows), Index{columns}>(matrix.data(), matrix.rows());
}

/// A temporary that only refers to its elements: a map, a block of whole rows, or a column-major matrix whose
/// columns are the samples as the batch of them, `tensor_view(samples.transpose())`, without a copy. The view
/// is valid as long as the elements stay where they are; a matrix returned by a function does not stay.
template<class Matrix>
  requires(
      !std::is_lvalue_reference_v<Matrix> &&
      std::is_base_of_v<Eigen::DenseBase<std::remove_const_t<Matrix>>, std::remove_const_t<Matrix>> &&
      !std::is_base_of_v<Eigen::PlainObjectBase<std::remove_const_t<Matrix>>, std::remove_const_t<Matrix>> &&
      requires(Matrix& matrix) { matrix.data(); })
auto tensor_view(Matrix&& matrix) {
  return tensor_view(matrix);
}

} // namespace stator::inline v0_2
