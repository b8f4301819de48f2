// SPDX-License-Identifier: BSL-1.0
// Rounding, choices, questions and operations of integers against PyTorch's values and gradients, and central
// differences.
#include "ops/elementwise_reference.hpp"

using namespace stator;

#define ROW(i) x[i]
#define ROWS(i) x[i], y[i]

TEST_CASE("rounding, choices and questions are PyTorch's, at infinity, NaN and zero as well") {
  const auto of_one = [](const auto& x) {
    return stack<0>(floor(ROW(0)), ceil(ROW(1)), trunc(ROW(2)), round(ROW(3)), round<1>(ROW(4)),
                    round<-1>(ROW(5)), frac(ROW(6)), clamp_min(ROW(7), 0.5), clamp_max(ROW(8), 0.5),
                    nan_to_num(ROW(9)), nan_to_num(ROW(10), 7, 8, -9), sgn(ROW(11)), positive(ROW(12)),
                    isnan(ROW(13)), isinf(ROW(14)), isfinite(ROW(15)), isposinf(ROW(16)), isneginf(ROW(17)),
                    signbit(ROW(18)), logical_not(ROW(19)));
  };
  test::check_rows<1>(std::array{"floor",
                                 "ceil",
                                 "trunc",
                                 "round",
                                 "round to a decimal",
                                 "round to tens",
                                 "frac",
                                 "clamp_min of 0.5",
                                 "clamp_max of 0.5",
                                 "nan_to_num",
                                 "nan_to_num of numbers",
                                 "sgn",
                                 "positive",
                                 "isnan",
                                 "isinf",
                                 "isfinite",
                                 "isposinf",
                                 "isneginf",
                                 "signbit",
                                 "logical_not"},
                      of_one);
  const auto of_two = [](const auto& x, const auto& y) {
    return stack<0>(remainder(ROWS(0)), fmod(ROWS(1)), fmax(ROWS(2)), fmin(ROWS(3)), copysign(ROWS(4)),
                    clamp_min(ROWS(5)), clamp_max(ROWS(6)), lerp(ROWS(7), 0.75), lerp(ROWS(8), y[8]),
                    addcmul(ROW(9), ROWS(9), 0.5), addcdiv(ROW(10), ROWS(10)), logical_and(ROWS(11)),
                    logical_or(ROWS(12)), logical_xor(ROWS(13)), isclose(ROWS(14)),
                    isclose<true>(ROWS(15), 0.5, 0.25), floor_divide(ROWS(16)));
  };
  test::check_rows<2>(std::array{"remainder", "fmod", "fmax", "fmin", "copysign", "clamp_min", "clamp_max",
                                 "lerp", "lerp of a tensor", "addcmul", "addcdiv", "logical_and",
                                 "logical_or", "logical_xor", "isclose", "isclose with equal_nan",
                                 "floor_divide"},
                      of_two);
  test::check_values<2>(std::array{"heaviside", "nextafter"}, [](const auto& x, const auto& y) {
    return stack<0>(heaviside(ROWS(0)), nextafter(ROWS(1)));
  });
}

TEST_CASE("the derivatives of rounding and choices are those of central differences") {
  const auto f = [](const auto& x, const auto& y) {
    return stack<0>(floor(ROW(0)), round<1>(ROW(1)), frac(ROW(2)), clamp_min(ROWS(3)), nan_to_num(ROW(4)),
                    remainder(ROWS(5)), fmod(ROWS(6)), fmax(ROWS(7)), fmin(ROWS(8)), copysign(ROWS(9)),
                    lerp(ROWS(10), ROW(0)), addcmul(ROW(1), ROWS(11)), addcdiv(ROW(2), ROWS(12), 0.5));
  };
  test::check_smooth<13>(f);
}

TEST_CASE("operations of integers are PyTorch's") {
  const Tensor<std::int64_t, 6> a{12, -12, 7, -7, 0, -9223372036854775807 - 1}, b{8, 8, -3, -3, 5, -1};
  const auto found = stack<0>(bitwise_and(a, b), bitwise_or(a, b), bitwise_xor(a, b),
                              bitwise_left_shift(a, 3), bitwise_right_shift(a, 1), gcd(a, 6), lcm(b, 12),
                              remainder(a, b), fmod(a, b), floor_divide(a, b), bitwise_not(a), floor(a))
                         .value();
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min(), most = -(least + 1);
  const std::vector<std::int64_t> right{
      8,  0,   5,  -7,  0,  least, 12,  -4, -1, -3, 5,  -1,        4,  -4,  -6, 4,  5, most,
      96, -96, 56, -56, 0,  0,     6,   -6, 3,  -4, 0,  least / 2, 6,  6,   1,  1,  6, 2,
      24, 24,  12, 12,  60, 12,    4,   4,  -2, -1, 0,  0,         4,  -4,  1,  -1, 0, 0,
      1,  -2,  -3, 2,   0,  least, -13, 11, -8, 6,  -1, most,      12, -12, 7,  -7, 0, least};
  CHECK(std::ranges::equal(found.values(), right));
  const Tensor<bool, 4> yes{true, true, false, false}, no{true, false, true, false};
  const auto bools =
      stack<0>(bitwise_and(yes, no), bitwise_xor(yes, no), bitwise_not(yes), logical_or(yes, no)).value();
  CHECK(std::ranges::equal(bools.values(), std::vector{true, false, false, false, false, true, true, false,
                                                       false, false, true, true, true, true, true, false}));
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(*isnan(a).value().data())>, bool>);
  CHECK_THROWS_AS(remainder(a, 0).value(), ValueError);
  CHECK_THROWS_AS(floor_divide(a, 0).value(), ValueError);
}

TEST_CASE("clamp and its gradient are PyTorch's at the bounds, at NaN and where the bounds are none") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(),
                   inf = std::numeric_limits<double>::infinity();
  Variable<double, 7> x{nan, -1, 0, 1, 2, inf, -inf};
  const auto check = [&](double min, double max, const std::vector<double>& values,
                         const std::vector<double>& slopes) {
    const auto y = clamp(x, min, max);
    const Tensor<double, 7> value = y.value();
    CHECK(std::ranges::equal(value.values(), values,
                             [](double a, double b) { return a == b || (a != a && b != b); }));
    x.zero_grad();
    sum(y).backward();
    CHECK(std::ranges::equal(x.grad().values(), slopes));
  };
  check(-1, 1, {nan, -1, 0, 1, 1, 1, -1}, {0, 1, 1, 1, 0, 0, 0});
  check(1, -1, {nan, -1, -1, -1, -1, -1, -1}, {0, 0, 0, 0, 0, 0, 0});
  check(nan, 1, std::vector<double>(7, nan), std::vector<double>(7, 0));
  check(-1, nan, std::vector<double>(7, nan), std::vector<double>(7, 0));
}
