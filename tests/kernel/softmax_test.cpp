// SPDX-License-Identifier: BSL-1.0
// softmax and log_softmax, forward and backward, against plain loops in double.
#include "catch.hpp"
#include "kernel/support.hpp"
#include "stator/kernel/softmax.hpp"

#include <cmath>
#include <limits>

using namespace stator;
using stator::test::ExactArray;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// [Outer, Length, Inner] along the middle; `masked` minus infinities in each row.
template<class T, bool Log, Index Outer, Index Length, Index Inner>
void check(Index masked = 0) {
  CAPTURE(Log, Outer, Length, Inner, masked);
  constexpr Index count = Outer * Length * Inner;
  using Kernel = kernel::softmax<Log, T, Extents(Outer, Length, Inner), 1>;
  ExactArray<T> x(count, 1), y(count, 2), g(count, 3), dx(count, 4);
  for (T& v : x) v *= T(10);
  for (Index r = 0; r < Outer; ++r)
    for (Index k = 0; k < masked; ++k)
      for (Index i = 0; i < Inner; ++i)
        x[(r * Length + Length - 1 - k) * Inner + i] = static_cast<T>(-infinity);
  Kernel::forward(x.data(), y.data(), 1);
  Kernel::backward(y.data(), g.data(), dx.data(), 1);

  const double allowed = sizeof(T) == 4 ? 1e-6 : 1e-14;
  double worst = 0, worst_back = 0;
  for (Index r = 0; r < Outer; ++r)
    for (Index i = 0; i < Inner; ++i) {
      const auto at = [&](Index k) { return (r * Length + k) * Inner + i; };
      double high = -infinity, total = 0, weighted = 0;
      for (Index k = 0; k < Length; ++k) high = std::max(high, static_cast<double>(x[at(k)]));
      for (Index k = 0; k < Length; ++k) total += std::exp(static_cast<double>(x[at(k)]) - high);
      const auto p = [&](Index k) { return std::exp(static_cast<double>(x[at(k)]) - high) / total; };
      for (Index k = 0; k < Length; ++k) weighted += static_cast<double>(g[at(k)]) * (Log ? 1 : p(k));
      for (Index k = 0; k < Length; ++k) {
        const double right = Log ? static_cast<double>(x[at(k)]) - high - std::log(total) : p(k);
        const double slope = static_cast<double>(g[at(k)]);
        const double back = Log ? slope - p(k) * weighted : p(k) * (slope - weighted);
        if (right == -infinity)
          CHECK(static_cast<double>(y[at(k)]) == right);
        else
          worst = std::max(worst,
                           std::abs(static_cast<double>(y[at(k)]) - right) / std::max(1.0, std::abs(right)));
        worst_back = std::max(worst_back, std::abs(static_cast<double>(dx[at(k)]) - back));
      }
    }
  CHECK(worst <= allowed);
  CHECK(worst_back <= allowed * std::sqrt(static_cast<double>(Length)) * 4);
}

template<class T, Index... Lengths>
void check_lengths() {
  (check<T, false, 3, Lengths, 1>(), ...);
  (check<T, true, 3, Lengths, 1>(), ...);
}

} // namespace

TEST_CASE("softmax of rows of any length is that of plain loops") {
  check_lengths<float, 1, 2, 3, 7, 8, 9, 10, 15, 16, 17, 24, 31, 33, 40, 64, 65, 257>();
  check_lengths<double, 1, 3, 4, 5, 8, 17, 20, 63>();
}

TEST_CASE("softmax along a dimension that is not the last is that of plain loops") {
  check<float, false, 3, 7, 5>();
  check<float, true, 2, 16, 3>();
  check<float, true, 3, 21, 50>();
  check<float, false, 2, 10, 33>(3);
  check<double, true, 2, 5, 19>();
}

TEST_CASE("softmax leaves nothing to what is minus infinity") {
  check<float, false, 4, 19, 1>(18);
  check<float, false, 4, 64, 1>(40);
  check<double, false, 2, 9, 1>(3);
}

TEST_CASE("a row with NaN, or of minus infinities alone, is NaN") {
  using Kernel = kernel::softmax<false, float, Extents(1, 20), 1>;
  for (const Index at : {0, 7, 8, 19}) {
    ExactArray<float> x(20, 1), y(20, 2);
    x[at] = std::numeric_limits<float>::quiet_NaN();
    Kernel::forward(x.data(), y.data(), 1);
    CHECK(std::all_of(y.begin(), y.end(), [](float v) { return std::isnan(v); }));
  }
  ExactArray<float> x(20, 1), y(20, 2);
  std::fill(x.begin(), x.end(), -std::numeric_limits<float>::infinity());
  Kernel::forward(x.data(), y.data(), 1);
  CHECK(std::all_of(y.begin(), y.end(), [](float v) { return std::isnan(v); }));
}
