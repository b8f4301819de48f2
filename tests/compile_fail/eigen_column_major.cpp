// SPDX-License-Identifier: BSL-1.0
// Eigen's default order of elements would be read as the transposed matrix.
// error: stator: tensor_view: this Eigen matrix is column-major, a tensor is row-major: use Eigen::Matrix<T,
// Rows, Columns, Eigen::RowMajor>
#include "stator/eigen.hpp"

#ifdef STATOR_CONTROL
using Matrix = Eigen::Matrix<float, 2, 3, Eigen::RowMajor>;
#else
using Matrix = Eigen::Matrix<float, 2, 3>;
#endif

float first(Matrix& m) { return stator::tensor_view(m)(0, 0); }
