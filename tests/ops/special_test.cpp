// SPDX-License-Identifier: BSL-1.0
// Special functions against PyTorch's values and gradients, central differences and their recurrences.
#include "ops/elementwise_reference.hpp"

using namespace stator;

#define ROW(i) x[i]
#define ROWS(i) x[i], y[i]

TEST_CASE("special functions are PyTorch's, at infinity, NaN and zero as well") {
  test::check_rows<1>(std::array{"erfc", "erfinv", "lgamma"},
                      [](const auto& x) { return stack<0>(erfc(ROW(0)), erfinv(ROW(1)), lgamma(ROW(2))); });
  test::check_rows<1>(
      std::array{"lgamma of positive", "digamma", "polygamma 1", "polygamma 2", "polygamma 5", "i0 of -x",
                 "mvlgamma of x + 1"},
      [](const auto& x) {
        return stack<0>(lgamma(ROW(0)), digamma(ROW(1)), polygamma<1>(ROW(2)), polygamma<2>(ROW(3)),
                        polygamma<5>(ROW(4)), i0(neg(ROW(5))), mvlgamma<3>(add(ROW(6), 1)));
      },
      "positive");
  test::check_rows<2>(
      std::array{"igamma", "igammac"},
      [](const auto& x, const auto& y) {
        return stack<0>(igamma(detach(x[0]), y[0]), igammac(detach(x[1]), y[1]));
      },
      "of gamma", 1e-8); // PyTorch's own error for larger a
  const Tensor<double, 2> a{170, 30}, e{150, 32};
  CHECK(std::abs(igamma(a, e).value()(0) - 0.05788789020993188) < 1e-15);
  CHECK(std::abs(igammac(a, e).value()(1) - 0.338005864719517969) < 1e-14);
}

TEST_CASE("the derivatives of special functions are those of central differences") {
  const auto f = [](const auto& x, const auto& y) {
    return stack<0>(erfc(ROW(0)), erfinv(ROW(1)), lgamma(ROW(2)), digamma(ROW(3)), polygamma<2>(ROW(4)),
                    i0(ROW(5)), mvlgamma<2>(add(ROW(6), 1)), igamma(0.7, ROW(7)), igammac(1.5, y[0]),
                    test::derivative(i0, x[8], y[8]));
  };
  test::check_smooth<10>(f);
}

TEST_CASE("the derivative of igamma by its first operand is refused, as in PyTorch") {
  Variable<double, 2> a{1, 2}, x{1, 2};
  CHECK_THROWS_AS(sum(igamma(a, x)).backward(), ValueError);
}

TEST_CASE("polygamma functions of negative numbers obey their recurrence") {
  double factorial = 1;
  for (int n = 0; n < 8; factorial *= ++n)
    for (const double x : {-0.25, -1.5, -2.875, -20.3, -1000.75}) {
      const double step = (n % 2 == 0 ? 1 : -1) * factorial * std::pow(x, -n - 1);
      const double next = kernel::polygamma(n, x + 1), here = kernel::polygamma(n, x);
      INFO("polygamma " << n << " of " << x);
      CHECK(std::abs(next - here - step) <= 1e-11 * (std::abs(next) + std::abs(here) + std::abs(step)));
    }
}

TEST_CASE(
    "special functions of float are those of double, but for what the rounding of an argument would make") {
  // `f` of the float and its neighbours bound the error.
  const auto check = [](const char* name, float x, auto f) {
    const double exact = f(static_cast<double>(x));
    const double next = f(static_cast<double>(std::nextafter(x, 1e30F)));
    const double error = std::abs(static_cast<double>(f(x)) - exact);
    INFO(name << " of " << x << ": " << f(x) << ", expected " << exact);
    CHECK(error <= 8 * std::abs(next - exact) + 2e-6 * std::abs(exact) + 2e-7);
  };
  for (const float x : {0.01F, 0.3F, 1.0F, 1.46F, 2.5F, 7.0F, 19.5F, 33.3F, 60.0F, 88.9F}) {
    check("digamma", x, [](auto v) { return kernel::digamma(v); });
    check("digamma", -x - 0.2F, [](auto v) { return kernel::digamma(v); });
    check("polygamma 1", x, [](auto v) { return kernel::polygamma(1, v); });
    check("polygamma 4", x, [](auto v) { return kernel::polygamma(4, v); });
    check("i0", x, [](auto v) { return kernel::bessel_i(0, v); });
    check("i1", -x, [](auto v) { return kernel::bessel_i(1, v); });
    for (const float a : {0.2F, 1.0F, 5.5F, 9.0F, 21.0F, 70.0F}) {
      INFO("a = " << a);
      const auto gamma = [=](bool upper) {
        return [=](auto v) { return kernel::incomplete_gamma(static_cast<decltype(v)>(a), v, upper); };
      };
      check("igamma", x, gamma(false));
      check("igammac", x, gamma(true));
    }
  }
  const float inf = std::numeric_limits<float>::infinity();
  CHECK(kernel::bessel_i(0, inf) == inf);
  CHECK(kernel::bessel_i(1, -inf) == -inf);
}
