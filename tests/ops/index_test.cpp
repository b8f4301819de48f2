// SPDX-License-Identifier: BSL-1.0
// Operations that take numbers of elements or give them: PyTorch's values and gradients, central differences,
// and what is refused.
#include "ops/tensor_ops.hpp"

using namespace stator;
using test::constant;
using test::joined;
using test::operand;

TEST_CASE("elements are gathered and scattered as in PyTorch") {
  auto x = operand<3, 4>("gather", 0), s = operand<3, 4>("gather", 2);
  auto i = constant<std::int64_t, 3, 4>("gather", 1);
  auto u = constant<std::int64_t, 3, 2>("gather", 3);
  auto v = operand<3, 2>("gather", 4);
  test::check_family(
      "gather",
      [](const auto& t, const auto& n, const auto& r, const auto& m, const auto& q) {
        return joined(gather<0>(t, n), gather<-1>(t, narrow<0, 0, 2>(m)), scatter<1>(t, m, q),
                      scatter<0>(t, n, 2.5), scatter_add<0>(t, n, r),
                      scatter_reduce<0, "sum", false>(t, n, r), scatter_reduce<0, "mean">(t, n, r),
                      scatter_reduce<0, "mean", false>(t, n, r), scatter_reduce<0, "amax">(t, n, r),
                      scatter_reduce<0, "amin", false>(t, n, r), scatter_reduce<0, "prod">(t, n, r),
                      take(t, n * 5 - 3), take_along_dim<0>(t, narrow<0, 0, 1>(n)));
      },
      x, i, s, u, v);
}

TEST_CASE("what is scattered to one place shares its gradient as in PyTorch") {
  auto x = operand<3, 4>("scatter_ties", 0), s = operand<3, 4>("scatter_ties", 2);
  auto i = constant<std::int64_t, 3, 4>("scatter_ties", 1);
  test::check_family(
      "scatter_ties",
      [](const auto& t, const auto& n, const auto& r) {
        return joined(scatter_reduce<0, "amax">(t, n, r), scatter_reduce<0, "amin">(t, n, r),
                      scatter_reduce<0, "prod">(t, n, r));
      },
      x, i, s);
}

TEST_CASE("slices are selected and replaced as in PyTorch") {
  auto x = operand<2, 4, 3>("slices", 0);
  auto i = constant<std::int64_t, 3>("slices", 1);
  auto s = operand<2, 3, 3>("slices", 2);
  auto u = constant<std::int64_t, 2>("slices", 3);
  auto v = operand<2, 2, 3>("slices", 4);
  test::check_family(
      "slices",
      [](const auto& t, const auto& n, const auto& r, const auto& m, const auto& q) {
        return joined(index_select<1>(t, n), index_select<-1>(t, m), index_add<1>(t, n, r),
                      index_copy<1>(t, m, q), index_fill<1>(t, m, -1.5), index_reduce<1, "prod">(t, n, r),
                      masked_fill(t, t > 0.25, 3));
      },
      x, i, s, u, v);
}

TEST_CASE("orders and places in sorted tensors are PyTorch's") {
  auto x = operand<2, 5, 3>("sort", 0);
  auto b = constant<double, 6>("sort", 1);
  auto s = constant<double, 2, 4>("sort", 2);
  test::check_family(
      "sort",
      [](const auto& t, const auto& boundaries, const auto& rows) {
        const auto number = [](const auto& n) { return to<double>(n); };
        const auto [down, places] = sort<1, true>(t);
        return joined(std::get<0>(stator::sort<>(t)), down, number(places), msort(t),
                      std::get<0>(topk<3, 1>(t)), std::get<0>(topk<2, -1, false>(t)),
                      number(std::get<1>(topk<2, 1, false>(t))), number(argsort<0, true>(t)),
                      number(bucketize(t, boundaries)), number(searchsorted<>(rows, stator::select<1, 0>(t))),
                      number(searchsorted<true>(boundaries, flip<0>(boundaries))),
                      number(nn::one_hot<4>(argsort<>(t))));
      },
      x, b, s);
  Tensor<float, 4> n{{NAN, 1, NAN, -1}};
  test::check_close(argsort<>(n).value().values(), std::vector{3, 1, 0, 2}, 0);
  test::check_close(argsort<0, true>(n).value().values(), std::vector{0, 2, 1, 3}, 0);
}

TEST_CASE("an index that is not in its dimension is refused in words") {
  Tensor<float, 3, 2> x;
  Tensor<std::int64_t, 2> rows{{0, 3}};
  Tensor<std::int64_t, 1, 2> elements{{0, -1}};
  CHECK_THROWS_WITH(index_select<0>(x, rows).value(),
                    "stator: index_select: index 3 at position 1 is out of range, the "
                    "dimension has 3 elements");
  CHECK_THROWS_WITH(gather<0>(x, elements).value(),
                    "stator: gather: index -1 at position 1 is out of range, the dimension has 3 elements");
  CHECK_THROWS_WITH(nn::one_hot<3>(rows).value(),
                    "stator: one_hot: index 3 at position 1 is out of range, the dimension has 3 elements");
}
