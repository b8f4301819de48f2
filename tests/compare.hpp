// SPDX-License-Identifier: BSL-1.0
// Comparing sequences of numbers: a failure names the worst element, what was found there and what was
// expected.
#pragma once

#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>
#include <ostream>
#include <vector>

namespace stator::test {

/// The elements as doubles, every `stride`-th of them.
template<class Range>
std::vector<double> doubles(const Range& range, std::ptrdiff_t stride = 1) {
  // Not push_back, which takes more time than most kernels where tests are not optimised.
  const std::ptrdiff_t count = std::distance(std::begin(range), std::end(range));
  std::vector<double> result(static_cast<std::size_t>((count + stride - 1) / stride));
  double* to = result.data();
  std::ptrdiff_t i = 0;
  for (const auto& element : range)
    if (i++ % stride == 0) *to++ = static_cast<double>(element);
  return result;
}

/// The largest finite element's size, at least `floor`.
template<class Range>
double largest(const Range& range, double floor = 0) {
  double result = floor;
  for (const double element : doubles(range))
    if (std::isfinite(element)) result = std::max(result, std::abs(element));
  return result;
}

/// The element that is furthest from what was expected.
struct Worst {
  std::size_t index = 0, size = 0;
  double found = 0, expected = 0;
  double error = 0;

  friend std::ostream& operator<<(std::ostream& out, const Worst& w) {
    const auto digits = out.precision(std::numeric_limits<double>::max_digits10);
    out << "worst of " << w.size << " elements: [" << w.index << "] is " << w.found << ", expected "
        << w.expected << ", error " << w.error;
    out.precision(digits);
    return out;
  }
};

struct Closeness {
  /// 0: the error is the difference. Otherwise that is divided by the expected element's size, or by this
  /// where it is larger.
  double relative_to = 0;
  /// Whether NaN is what is expected where NaN is expected.
  bool equal_nan = false;
};

/// An infinity is only close to itself. The sequences have the same size.
inline Worst worst(const std::vector<double>& found, const std::vector<double>& expected,
                   Closeness how = {}) {
  Worst result{.index = 0, .size = expected.size()};
  const double *const all_found = found.data(), *const all_expected = expected.data();
  for (std::size_t i = 0, size = expected.size(); i < size; ++i) {
    const double f = all_found[i], e = all_expected[i];
    double error = 0;
    if (f != e && !(how.equal_nan && std::isnan(f) && std::isnan(e)))
      error =
          std::isfinite(f) && std::isfinite(e) ? std::abs(f - e) : std::numeric_limits<double>::infinity();
    if (how.relative_to > 0 && std::isfinite(e)) error /= std::max(how.relative_to, std::abs(e));
    if (i == 0 || error > result.error)
      result = {.index = i, .size = expected.size(), .found = f, .expected = e, .error = error};
  }
  return result;
}

/// Checks that no element's error, as `worst` measures it, exceeds `tolerance`.
template<class Found, class Expected>
void check_close(const Found& found, const Expected& expected, double tolerance, Closeness how = {}) {
  const std::vector<double> f = doubles(found), e = doubles(expected);
  REQUIRE(f.size() == e.size());
  const Worst w = worst(f, e, how);
  INFO(w);
  CHECK(w.error <= tolerance);
}

} // namespace stator::test
