// SPDX-License-Identifier: BSL-1.0
// Operations that rearrange: PyTorch's values and gradients, central differences, batches known at run time.
#include "ops/tensor_ops.hpp"

using namespace stator;
using test::joined;
using test::operand;

TEST_CASE("views, permutations and triangles are PyTorch's") {
  auto x = operand<2, 3, 4>("layout", 0);
  test::check_family(
      "layout",
      [](const auto& t) {
        const auto matrix = stator::select<0, 0>(t);
        return joined(reshape<-1, 6>(t), transpose<1, 2>(unflatten<2, 2, -1>(t)), movedim<0, 2>(t),
                      movedim<-1, 0>(t), roll<-1, 1>(t), roll<5>(t), rot90<>(t), rot90<2, 1, 2>(t),
                      rot90<-1, 0, 2>(t), tril<>(t), tril<1>(t), triu<>(t), triu<-2>(t),
                      trace(stator::select<0, 1>(t)), sum_to_size<3, 1>(t), diag<1>(matrix),
                      diag<-1>(stator::select<0, 0>(matrix)), diagflat<1>(t),
                      std::get<1>(tensor_split<3, 2>(t)), std::get<2>(hsplit<3>(t)),
                      std::get<1>(vsplit<2>(t)), std::get<1>(dsplit<2>(t)));
      },
      x);
}

TEST_CASE("repetitions, diagonals, windows and replaced parts are PyTorch's") {
  auto x = operand<2, 3, 4>("strided", 0);
  auto a = operand<2, 3>("strided", 1);
  auto b = operand<2, 3, 2>("strided", 2);
  auto c = operand<3, 4>("strided", 3);
  test::check_family(
      "strided",
      [](const auto& t, const auto& p, const auto& q, const auto& r) {
        return joined(flip<0, -1>(t), fliplr(t), flipud(t), tile<2, 3>(t), repeat<3, 1, 2, 1>(t),
                      repeat_interleave<3, 1>(t), repeat_interleave<2>(t), diagonal<>(t),
                      diagonal<-1, 2, 1>(t), diag_embed<>(t), diag_embed<1, 0, 2>(t),
                      stator::unfold<2, 3, 1>(t), stator::unfold<1, 2, 1>(t), select_scatter<2, -2>(t, p),
                      slice_scatter<2, 1, 4, 2>(t, q), slice_scatter<0, 1>(t, expand<1, 3, 4>(r)),
                      diagonal_scatter<1, 1, 2>(t, p));
      },
      x, a, b, c);
}

TEST_CASE("a batch known at run time is rearranged as a static one") {
  const auto all = [](const auto& x) {
    return cat<1>(flatten<1>(flip<1>(x)), flatten<1>(repeat<1, 2, 3>(x)), flatten<1>(tril<>(x)),
                  diagonal<1, 1, 2>(x), flatten<1>(diag_embed<>(x)), flatten<1>(roll<1, 2>(x)),
                  flatten<1>(diagonal_scatter<0, 1, 2>(x, diagonal<0, 1, 2>(flip<2>(x)))));
  };
  const auto x = test::variable<2, 3, 4>();
  Tensor<double, dynamic, 3, 4> rows(2);
  std::copy_n(x.data(), x.numel(), rows.data());
  test::check_close(all(rows).value().values(), all(x).value().values(), 0);
}
