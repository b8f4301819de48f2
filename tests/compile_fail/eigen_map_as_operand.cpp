// SPDX-License-Identifier: BSL-1.0
// error: stator: matmul: an Eigen Map is not a tensor: pass a view of its elements, stator::TensorView<float, rows, columns>(matrix.data())
#include "stator/stator.hpp"

#include <Eigen/Core>

using Matrix = Eigen::Matrix<float, 4, 5, Eigen::RowMajor>;

void use(stator::Tensor<float, 3, 4>& x, Eigen::Map<Matrix>& w) {
#ifdef STATOR_CONTROL
  auto y = stator::matmul(x, stator::TensorView<float, 4, 5>(w.data()));
#else
  auto y = stator::matmul(x, w);
#endif
  (void)y;
}
