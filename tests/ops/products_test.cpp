// SPDX-License-Identifier: BSL-1.0
// Products and einsum: PyTorch's values and gradients, central differences, a batch known at run time.
#include "ops/tensor_ops.hpp"

using namespace stator;
using test::joined;
using test::operand;

TEST_CASE("products and distances are PyTorch's") {
  auto a = operand<3, 4>("products", 0);
  auto b = operand<4, 2>("products", 1);
  auto c = operand<3, 2>("products", 2);
  auto u = operand<4>("products", 3);
  auto v = operand<3>("products", 4);
  auto p = operand<2, 3, 4>("products", 5);
  auto q = operand<2, 4, 2>("products", 6);
  test::check_family(
      "products",
      [](const auto& x, const auto& y, const auto& z, const auto& r, const auto& s, const auto& t,
         const auto& w) {
        const auto columns = transpose<>(w);
        constexpr double infinity = std::numeric_limits<double>::infinity();
        return joined(addmm(z, x, y, 0.5, -2), addmv(s, x, r), addr(x, s, r), baddbmm(z, t, w),
                      addbmm(z, t, w, 2, 1), mv(x, r), dot(r, r * 2), inner(x, t), outer(r, s), kron(x, y),
                      kron(t, z), cross<0>(z, flip<1>(z) * 2), matrix_power<5>(narrow<1, 0, 2>(matmul(t, w))),
                      cdist<>(t, columns), cdist<1.0>(t, columns), cdist<3.0>(t, columns),
                      cdist<infinity>(t, columns), nn::pdist<>(x));
      },
      a, b, c, u, v, p, q);
}

TEST_CASE("einsum is PyTorch's") {
  auto m = operand<3, 4>("einsum", 0);
  auto n = operand<4, 3>("einsum", 1);
  auto s = operand<2, 3, 4>("einsum", 2);
  auto t = operand<2, 4, 3>("einsum", 3);
  auto d = operand<3, 3, 4>("einsum", 4);
  auto q = operand<3, 3>("einsum", 5);
  auto v = operand<3>("einsum", 6);
  test::check_family(
      "einsum",
      [](const auto& a, const auto& b, const auto& x, const auto& y, const auto& z, const auto& w,
         const auto& r) {
        return joined(einsum<"ij,jk->ik">(a, b), einsum<"ij,kj">(a, a), einsum<"ji,jk->ki">(a, a),
                      einsum<"iij->ji">(z), einsum<"ii">(w), einsum<"ijk->k">(x),
                      einsum<"...j,jk->...k">(x, b), einsum<"b...,b...->...b">(x, x),
                      einsum<"bij,bjk->bik">(x, y), einsum<"bij,bkj->ikb">(x, x), einsum<"bij,bij->b">(x, x),
                      einsum<"i, j -> ij">(r, r), einsum<"ij,ij->ij">(a, a),
                      einsum<"bij,bjk,kl,l->bi">(x, y, w, r), einsum<"aij,bij->ab">(x, x),
                      einsum<"ij,k->j">(a, r), einsum<"...ij->...ji">(x), einsum<"ij,jk,ik->">(a, b, w));
      },
      m, n, s, t, d, q, v);
}

TEST_CASE("einsum takes a batch known at run time") {
  const auto x = test::variable<2, 3, 4>();
  const auto w = test::variable<5, 4>();
  Tensor<double, dynamic, 3, 4> rows(2);
  std::copy_n(x.data(), x.numel(), rows.data());
  const auto of = [&](const auto& y) {
    return cat<1>(flatten<1>(einsum<"bij,bkj->bik">(y, y)), flatten<1>(einsum<"bij,kj->bik">(y, w)),
                  einsum<"bij->bj">(y), einsum<"bij,bij->bi">(y, y));
  };
  test::check_close(of(rows).value().values(), of(x).value().values(), 1e-14);
}
