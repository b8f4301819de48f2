// SPDX-License-Identifier: BSL-1.0
// Permutations against an index computed for each element.
#include "catch.hpp"
#include "kernel/support.hpp"
#include "stator/kernel/transpose.hpp"

using namespace stator;
using stator::test::ExactArray;

namespace {

template<class T, Extents E, std::size_t... Order>
void check(Index batch = 1) {
  constexpr std::array<std::size_t, sizeof...(Order)> order{Order...};
  Extents x = E;
  if (x.is_dynamic()) x[0] = batch;
  CAPTURE(x.rank, x[0], x.numel(), order[0]);
  const Index n = x.numel();
  ExactArray<T> from(n, 1), to(n, 2);
  kernel::permute<T, E, order>::run(from.data(), to.data(), batch);
  Index wrong = 0;
  for (Index i = 0; i < n; ++i) {
    Index rest = i, at = 0;
    for (std::size_t d = x.rank; d-- > 0;) {
      at += rest % x[order[d]] * x.product(order[d] + 1, x.rank);
      rest /= x[order[d]];
    }
    if (to[i] != from[at]) ++wrong;
  }
  CHECK(wrong == 0);
}

template<class T, Index W, Index N>
void check_part() {
  CAPTURE(W, N);
  ExactArray<T> from(N, 1), to(N, 2);
  kernel::vec<T, W> v;
  kernel::load_first<T, W, N>(v, from.data());
  kernel::store_first<T, W, N>(v, to.data());
  Index wrong = 0;
  for (Index i = 0; i < N; ++i) wrong += v[i] != from[i] || to[i] != from[i];
  CHECK(wrong == 0);
}
template<class T, Index W, Index... N>
void check_parts(std::integer_sequence<Index, N...>) {
  (check_part<T, W, N + 1>(), ...);
}

} // namespace

TEST_CASE("the first elements of a vector are loaded and stored, and nothing behind them") {
  check_parts<float, 4>(std::make_integer_sequence<Index, 4>());
  check_parts<float, kernel::native_width<float>>(
      std::make_integer_sequence<Index, kernel::native_width<float>>());
  check_parts<double, kernel::native_width<double>>(
      std::make_integer_sequence<Index, kernel::native_width<double>>());
}

TEST_CASE("permute exchanges two dimensions") {
  check<float, Extents(64, 48), 1, 0>();
  check<float, Extents(37, 53), 1, 0>();
  check<double, Extents(19, 7), 1, 0>();
  check<int, Extents(33, 21), 1, 0>();
  check<float, Extents(700, 500), 1, 0>();
  check<float, Extents(2057, 37), 1, 0>(); // more rows than at once
  check<float, Extents(3, 1), 1, 0>();
  // Less than a vector or a quad in one direction, one more than whole ones in the other.
  check<float, Extents(3, 40), 1, 0>();
  check<float, Extents(41, 3), 1, 0>();
  check<float, Extents(17, 5), 1, 0>();
  check<double, Extents(9, 3), 1, 0>();
}

TEST_CASE("permute takes any order and a dynamic batch") {
  check<float, Extents(2, 9, 4, 8), 0, 2, 1, 3>();
  check<float, Extents(dynamic, 9, 20, 8), 0, 2, 1, 3>(5);
  check<float, Extents(dynamic, 17, 35), 0, 2, 1>(5);
  check<double, Extents(dynamic, 5, 6, 7), 0, 3, 2, 1>(3);
  check<float, Extents(4, 5, 6, 7), 3, 1, 0, 2>();
  check<float, Extents(4, 5, 6, 7), 2, 3, 0, 1>();
  check<float, Extents(4, 5, 6), 2, 0, 1>();
  check<float, Extents(4, 5, 6), 0, 1, 2>();
  check<float, Extents(dynamic, 3), 0, 1>(0);
  check<int, Extents(2, 3, 2, 3, 2), 4, 2, 0, 3, 1>();
}
