// SPDX-License-Identifier: BSL-1.0
// error: stator: matmul: an Eigen Map is not a tensor: include stator/eigen.hpp and pass a view of its
// elements, stator::tensor_view(matrix)
#include "stator/eigen.hpp"
#include "stator/stator.hpp"

using Matrix = Eigen::Matrix<float, 4, 5, Eigen::RowMajor>;

void use(stator::Tensor<float, 3, 4>& x, Eigen::Map<Matrix>& w) {
#ifdef STATOR_CONTROL
  auto y = stator::matmul(x, stator::tensor_view(w));
#else
  auto y = stator::matmul(x, w);
#endif
  (void)y;
}
