// SPDX-License-Identifier: BSL-1.0
#include "stator/ops/svd.hpp"

#include "nn/layer_law.hpp"
#include "ops/gradient_law.hpp"

#include <array>
#include <cmath>
#include <vector>

using namespace stator;
using test::check_function;
using test::In;

namespace {

/// Of full matrices, of a tall matrix and of its transpose: what completes the basis is a constant.
constexpr auto of_full_matrices = [](const auto& x) {
  const auto [u, s, v] = svd<true>(x);
  const auto u2 = std::get<2>(svd<true>(transpose<-2, -1>(x)));
  const auto known = matmul(std::get<0>(svd(x)), transpose<-2, -1>(v));
  const auto projection = [](const auto& basis) {
    const auto rest = detach(narrow<-1, 3, 2>(basis));
    return flatten<>(matmul(rest, transpose<-2, -1>(rest)));
  };
  return cat<0>(flatten<>(s), flatten<>(known), (projection(u) + projection(u2)) * 0.5f);
};

/// What does not depend on the signs of the vectors.
constexpr auto without_signs = [](const auto& x) {
  const auto [u, s, v] = svd(x);
  return cat<0>(flatten<>(s), flatten<>(matmul(u, transpose<-2, -1>(v))), flatten<>(square(u)),
                flatten<>(square(v)));
};

/// a [m, n] against u diag(s) v^T and the products of columns, within `tolerance`.
template<class T>
void check_svd(const std::vector<T>& a, Index m, Index n, double tolerance) {
  const Index k = std::min(m, n);
  std::vector<T> u(static_cast<std::size_t>(m * k)), s(static_cast<std::size_t>(k)),
      v(static_cast<std::size_t>(n * k)), space(a.size());
  kernel::svd(a.data(), m, n, u.data(), s.data(), v.data(), space.data());
  const auto at = [](const std::vector<T>& x, Index i, Index j, Index columns) {
    return static_cast<double>(x[static_cast<std::size_t>(i * columns + j)]);
  };
  const double size = static_cast<double>(s[0]);
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) {
      double sum = 0;
      for (Index l = 0; l < k; ++l) sum += at(u, i, l, k) * at(s, 0, l, k) * at(v, j, l, k);
      CHECK(std::abs(sum - at(a, i, j, n)) <= tolerance * size);
    }
  for (Index i = 0; i < k; ++i)
    for (Index j = 0; j < k; ++j) {
      double of_u = 0, of_v = 0;
      for (Index l = 0; l < m; ++l) of_u += at(u, l, i, k) * at(u, l, j, k);
      for (Index l = 0; l < n; ++l) of_v += at(v, l, i, k) * at(v, l, j, k);
      CHECK(std::abs(of_u - (i == j)) < tolerance);
      CHECK(std::abs(of_v - (i == j)) < tolerance);
    }
  for (Index i = 0; i + 1 < k; ++i) CHECK(at(s, 0, i, k) >= at(s, 0, i + 1, k));
}

} // namespace

TEST_CASE("svd agrees with PyTorch in what does not depend on signs") {
  check_function("svd.square", without_signs, In<4, 4>{});
  check_function("svd.tall", without_signs, In<2, 5, 3>{});
  check_function("svd.wide", without_signs, In<3, 4>{});
  check_function("svd.full", of_full_matrices, In<2, 5, 3>{});
}

TEST_CASE("full matrices are orthogonal, and begin with the columns of the others") {
  const auto x = test::variable<2, 4>();
  const auto [u, s, v] = svd<true>(x);
  const auto v1 = v.value(), product = matmul(transpose<>(v), v).value();
  for (Index i = 0; i < 4; ++i)
    for (Index j = 0; j < 4; ++j) CHECK(std::abs(product(i, j) - (i == j)) < 1e-14);
  const auto thin = std::get<2>(svd(x)).value();
  for (Index i = 0; i < 4; ++i) CHECK(v1(i, 1) == thin(i, 1));
  STATIC_REQUIRE(symbol_of<std::remove_cvref_t<decltype(u)>>::extents == Extents(2, 2));
  STATIC_REQUIRE(symbol_of<std::remove_cvref_t<decltype(s)>>::extents == Extents(2));
}

TEST_CASE("pinverse takes any rank, and its error grows with the condition, not with its square") {
  const Tensor<double, 3, 2> deficient{1, 2, 2, 4, 3, 6};
  test::check_close(pinverse(deficient).value().values(),
                    std::vector<double>{1. / 70, 2. / 70, 3. / 70, 2. / 70, 4. / 70, 6. / 70}, 1e-15);
  test::check_close(pinverse(Tensor<double, 3, 2>{}).value().values(), std::vector<double>(6), 0);
  const double e = 1e-7, whole = 2 + e * e; // Lauchli's matrix
  const Tensor<double, 3, 2> steep{1, 1, e, 0, 0, e};
  test::check_close(pinverse(steep).value().values(),
                    std::vector<double>{1 / whole, (1 + e * e) / (e * whole), -1 / (e * whole), 1 / whole,
                                        -1 / (e * whole), (1 + e * e) / (e * whole)},
                    1e-8 / e);
  // The smaller singular value counts as 0.
  test::check_close(pinverse<1e-6>(steep).value().values(),
                    std::vector<double>{.5, e / 4, e / 4, .5, e / 4, e / 4}, 1e-10);
}

TEST_CASE("the derivatives of pinverse are those of central differences, of matrices of lower rank too") {
  const auto of_rank_one = [](const auto& a, const auto& b) { return pinverse(outer(a, b)); };
  test::check_gradient(of_rank_one, test::variable<4>(.5, 1), test::variable<3>(.5, 1, 2));
  const auto slopes = [](const auto& x) { return grad(sum(exp(pinverse(x))), x); };
  test::check_gradient(slopes, test::variable<2, 3, 2>());
}

TEST_CASE("the factors of a matrix are orthonormal and give it back, whatever its rank and its size") {
  for (const auto& [m, n] : {std::array<Index, 2>{7, 7}, {9, 4}, {3, 8}, {1, 5}, {6, 1}}) {
    std::vector<double> a(static_cast<std::size_t>(m * n));
    test::fill(a.data(), m * n, -1, 1, static_cast<std::uint64_t>(m));
    check_svd(a, m, n, 1e-13);
    check_svd(std::vector<float>(a.begin(), a.end()), m, n, 1e-5);
    std::vector<double> large = a, product = a, none(a.size());
    for (double& x : large) x *= 1e200;
    for (Index i = 0; i < m * n; ++i)
      product[static_cast<std::size_t>(i)] = static_cast<double>((i / n + 1) * (i % n - 2)); // rank 1
    check_svd(large, m, n, 1e-13);
    check_svd(product, m, n, 1e-13);
    check_svd(none, m, n, 1e-13);
  }
}

TEST_CASE("the derivatives of svd are those of central differences") {
  const auto tall = test::variable<4, 3>();
  const auto wide = test::variable<2, 3>(-1, 1, 2);
  test::check_gradient(without_signs, tall);
  const auto slopes = [](const auto& x) { return grad(sum(exp(without_signs(x))), x); };
  test::check_gradient(slopes, tall);
  test::check_gradient(slopes, wide);
}

TEST_CASE("equal singular values have a gradient") {
  Variable<double, 3, 3> x;
  for (Index i = 0; i < 3; ++i) x(i, i) = 2;
  sum(std::get<1>(svd(x))).backward();
  for (Index i = 0; i < 9; ++i) CHECK(x.grad().values()[static_cast<std::size_t>(i)] == (i % 4 == 0 ? 1 : 0));
}
