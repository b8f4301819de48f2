// SPDX-License-Identifier: BSL-1.0
// Sums over a dimension against plain loops in double.
#include "catch.hpp"
#include "compare.hpp"
#include "kernel/support.hpp"
#include "stator/kernel/reduce.hpp"

using namespace stator;
using stator::test::ExactArray;

namespace {

/// The sums of the columns, and of the rows, of a matrix; its rows may be known at run time only.
template<class T, Index Rows, Index Columns>
void check(Index rows = Rows) {
  CAPTURE(Rows, Columns, rows, sizeof(T));
  const ExactArray<T> x(rows * Columns, 1);
  ExactArray<T> columns(Columns, 2), sums(rows, 3);
  kernel::sum<T, Extents(Rows, Columns), 1>::run(x.data(), columns.data(), rows, nullptr);
  kernel::sum<T, Extents(Rows, Columns), 2>::run(x.data(), sums.data(), rows, nullptr);
  std::vector<double> by_column(static_cast<std::size_t>(Columns)), by_row(static_cast<std::size_t>(rows));
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < Columns; ++j) {
      by_column[static_cast<std::size_t>(j)] += static_cast<double>(x[i * Columns + j]);
      by_row[static_cast<std::size_t>(i)] += static_cast<double>(x[i * Columns + j]);
    }
  const double allowed = sizeof(T) == 4 ? 1e-6 : 1e-14;
  test::check_close(columns, by_column, allowed * static_cast<double>(rows + 1));
  test::check_close(sums, by_row, allowed * static_cast<double>(Columns + 1));
}

template<Index Columns>
void check_columns() {
  check<float, 13, Columns>();
  check<double, 13, Columns>();
  check<float, 32, Columns>();
  for (const Index rows : {0, 1, 2, 7, 40}) check<float, dynamic, Columns>(rows);
}

} // namespace

TEST_CASE("sum adds the columns and the rows of a matrix of any width") {
  [&]<Index... C>(std::integer_sequence<Index, C...>) {
    (check_columns<C + 1>(), ...);
  }(std::make_integer_sequence<Index, 20>{});
  check_columns<31>();
  check_columns<32>();
  check_columns<70>();
  check_columns<141>();
}

TEST_CASE("sum adds the columns of a matrix large enough for threads") {
  const int before = get_num_threads();
  set_num_threads(3);
  check<float, 700, 256>();
  check<float, dynamic, 141>(1000);
  check<double, 400, 200>();
  set_num_threads(before);
}
