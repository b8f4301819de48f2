// SPDX-License-Identifier: BSL-1.0
// Linear algebra: PyTorch's values and gradients, central differences, and what is refused.
#include "ops/tensor_ops.hpp"

using namespace stator;
using test::joined;
using test::operand;

TEST_CASE("determinants, inverses and solutions are PyTorch's") {
  auto a = operand<2, 3, 3>("linalg", 0);
  auto s = operand<3, 3>("linalg", 1);
  auto b = operand<3, 2>("linalg", 2);
  auto v = operand<2, 3>("linalg", 3);
  auto t = operand<4, 2>("linalg", 4);
  test::check_family(
      "linalg",
      [](const auto& x, const auto& y, const auto& z, const auto& w, const auto& u) {
        const auto symmetric = (y + transpose<>(y)) * 0.5;
        const auto [signs, sizes] = slogdet(-x);
        const auto [q, r] = qr(x);
        const auto [q2, r2] = qr(u);
        const auto [q3, r3] = qr(transpose<>(u));
        return joined(det(x), logdet(x), sizes, signs, inverse(x), solve(x, w),
                      solve(stator::select<0, 0>(x), z), cholesky<>(symmetric), cholesky<true>(symmetric),
                      cholesky_solve<>(z, tril<>(y)), cholesky_solve<true>(z, triu<>(y)),
                      cholesky_inverse<>(tril<>(y)), triangular_solve<>(z, y),
                      triangular_solve<false, true, true>(z, y), matrix_exp(x), pinverse(u), q, r, q2, r2,
                      matmul(q3, narrow<1, 0, 2>(r3)), pinverse(transpose<>(u)));
      },
      a, s, b, v, t);
}

TEST_CASE("singular and indefinite matrices are refused in words") {
  const Tensor<double, 2, 2, 2> a{{1, 2, 3, 4, 1, 2, 2, 4}};
  CHECK_THROWS_WITH(inverse(a).value(), "stator: inverse: matrix 1 of the stack is singular");
  CHECK_THROWS_WITH(solve(a, a).value(), "stator: solve: matrix 1 of the stack is singular");
  CHECK_THROWS_WITH(cholesky<>(a).value(),
                    "stator: cholesky: matrix 0 of the stack is not positive definite");
  test::check_close(det(a).value().values(), std::vector<double>{-2, 0}, 1e-15);
}

TEST_CASE("the exponential of a large matrix of floats is scaled") {
  const Tensor<float, 2, 2> a{{0, 20, -20, 0}};
  const double c = std::cos(20.), s = std::sin(20.);
  test::check_close(matrix_exp(a).value().values(), std::vector<double>{c, s, -s, c}, 1e-4);
}
