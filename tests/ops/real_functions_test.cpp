// SPDX-License-Identifier: BSL-1.0
// Trigonometric and hyperbolic functions, exponentials and logarithms against PyTorch's values and gradients,
// and central differences.
#include "ops/elementwise_reference.hpp"

using namespace stator;

#define ROW(i) x[i]
#define ROWS(i) x[i], y[i]

TEST_CASE("functions of real numbers are PyTorch's, at infinity, NaN and zero as well") {
  const auto of_one = [](const auto& x) {
    return stack<0>(tan(ROW(0)), asin(ROW(1)), acos(ROW(2)), atan(ROW(3)), sinh(ROW(4)), cosh(ROW(5)),
                    asinh(ROW(6)), acosh(ROW(7)), atanh(ROW(8)), sinc(ROW(9)), deg2rad(ROW(10)),
                    rad2deg(ROW(11)), exp2(ROW(12)), log2(ROW(13)), log10(ROW(14)), logit(ROW(15)),
                    logit(ROW(16), 0.25), std::get<0>(frexp(ROW(17))),
                    to<double>(std::get<1>(frexp(ROW(18)))));
  };
  test::check_rows<1>(std::array{"tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh",
                                 "sinc", "deg2rad", "rad2deg", "exp2", "log2", "log10", "logit",
                                 "logit of eps", "mantissa", "exponent"},
                      of_one);
  const auto of_two = [](const auto& x, const auto& y) {
    return stack<0>(atan2(ROWS(0)), hypot(ROWS(1)), logaddexp(ROWS(2)), logaddexp2(ROWS(3)), xlogy(ROWS(4)),
                    float_power(ROWS(5)), ldexp(ROWS(6)));
  };
  test::check_rows<2>(
      std::array{"atan2", "hypot", "logaddexp", "logaddexp2", "xlogy", "float_power", "ldexp"}, of_two);
}

TEST_CASE("the derivatives of functions of real numbers are those of central differences") {
  const auto f = [](const auto& x, const auto& y) {
    return stack<0>(tan(ROW(0)), asin(ROW(1)), acos(ROW(2)), atan(ROW(3)), sinh(ROW(4)), cosh(ROW(5)),
                    asinh(ROW(6)), acosh(add(ROW(7), 1)), atanh(ROW(8)), sinc(ROW(9)), deg2rad(ROW(10)),
                    rad2deg(ROW(11)), exp2(ROW(12)), log2(ROW(13)), log10(ROW(14)), logit(ROW(15)),
                    logit(ROW(16), 0.25), atan2(ROWS(17)), hypot(ROWS(18)), logaddexp(ROWS(19)),
                    logaddexp2(ROWS(20)), xlogy(ROWS(21)), ldexp(ROWS(22)), std::get<0>(frexp(ROW(23))));
  };
  test::check_smooth<24>(f);
}

TEST_CASE("frexp gives integers for exponents, and ldexp takes them back") {
  const Tensor<float, 4> x{12, -0.3F, 0, 1e-40F};
  const auto [mantissa, exponent] = frexp(x);
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(*exponent.value().data())>, std::int32_t>);
  CHECK(test::doubles(exponent.value().values()) == std::vector{4.0, -1.0, 0.0, -132.0});
  CHECK(test::doubles(ldexp(mantissa, to<double>(exponent)).value().values()) == test::doubles(x.values()));
}

TEST_CASE("ldexp and float_power convert as PyTorch does") {
  const Tensor<std::int64_t, 3> e{-1, 0, 3};
  const Tensor<float, 3> x{1, 2, 3};
  CHECK(test::doubles(ldexp(x, e).value().values()) == std::vector{0.5, 2.0, 24.0});
  const auto cubes = float_power(e, 3).value();
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(*cubes.data())>, double>);
  CHECK(test::doubles(cubes.values()) == std::vector{-1.0, 0.0, 27.0});
}
