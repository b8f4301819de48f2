// SPDX-License-Identifier: BSL-1.0
// Of Eigen's own order, by columns: a view of its elements would be the transpose.
// error: stator: Net: input 1: an Eigen Matrix that is stored by columns is not a tensor, whose elements lie
// by rows: declare it Eigen::RowMajor, include stator/eigen.hpp and pass stator::tensor_view(matrix)
#include "stator/stator.hpp"

#include <Eigen/Core>

namespace nn = stator::nn;

struct Net {
  nn::Linear<4, 2> fc;
  constexpr auto forward(auto x) const { return x | fc; }
};

void use(stator::Model<Net>& model, stator::Tensor<float, 3, 4>& tensor, Eigen::MatrixXf& matrix) {
#ifdef STATOR_CONTROL
  (void)matrix;
  auto y = model(tensor);
#else
  (void)tensor;
  auto y = model(matrix);
#endif
  (void)y;
}
