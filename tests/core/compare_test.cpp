// SPDX-License-Identifier: BSL-1.0
// The comparison that other tests rest on: it sees every kind of difference and says where.
#include "compare.hpp"

#include <limits>
#include <sstream>

using stator::test::worst;
using stator::test::Worst;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

std::string text(const Worst& w) {
  std::ostringstream out;
  out << w;
  return out.str();
}

} // namespace

TEST_CASE("a comparison names the worst element, the found and the expected") {
  CHECK(text(worst({1, 2.5, 3}, {1, 2, 3.25})) == "worst of 3 elements: [1] is 2.5, expected 2, error 0.5");
  CHECK(text(worst({1, 100}, {2, 108}, {.relative_to = 1})) ==
        "worst of 2 elements: [0] is 1, expected 2, error 0.5");
  CHECK(text(worst({1}, {1})) == "worst of 1 elements: [0] is 1, expected 1, error 0");
}

TEST_CASE("a comparison takes infinity for equal to itself only, and NaN on request") {
  CHECK(worst({inf, -inf}, {inf, -inf}).error == 0);
  CHECK(worst({not_a_number}, {not_a_number}).error == inf);
  CHECK(worst({not_a_number}, {not_a_number}, {.equal_nan = true}).error == 0);
  CHECK(worst({not_a_number}, {1}, {.equal_nan = true}).error == inf);
  CHECK(worst({1}, {not_a_number}).error == inf);
  CHECK(worst({inf}, {-inf}).error == inf);
  CHECK(worst({1, inf}, {1, 2}, {.relative_to = 1}).error == inf);
  CHECK(worst({1, 2}, {1, inf}, {.relative_to = 1}).index == 1);
}

TEST_CASE("largest ignores what is not finite") {
  CHECK(stator::test::largest(std::vector<float>{-3, 2, HUGE_VALF}) == 3);
  CHECK(stator::test::largest(std::vector<float>{0.5F}, 1) == 1);
}
