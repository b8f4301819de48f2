// SPDX-License-Identifier: BSL-1.0
// The largest errors of the functions of kernel/math.hpp: of float over every 61st bit pattern against
// double, of double over samples of every binade against long double.
#include "catch.hpp"
#include "stator/core/parallel.hpp"
#include "stator/kernel/math.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <type_traits>
#include <vector>

using namespace stator;
using namespace stator::kernel;

namespace {

// std::ilogb and std::ldexp, which take longer than the functions under test; for numbers that are normal or
// 0.
template<class T>
int exponent_of(T x) {
  if constexpr (std::is_same_v<T, double>)
    return static_cast<int>(std::bit_cast<std::uint64_t>(x) >> 52 & 0x7ff) - 1023;
  else
    return std::ilogb(x);
}
template<class T>
T power_of_two(int exponent) {
  if constexpr (std::is_same_v<T, double>)
    return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
  else
    return std::ldexp(T{1}, exponent);
}

/// The distance of y from the exact value, in units of the last place of T at the exact value.
template<class T, class Wide>
double ulps(T y, Wide exact) {
  using limits = std::numeric_limits<T>;
  if (std::isnan(exact)) return std::isnan(y) ? 0 : HUGE_VAL;
  if (std::isnan(y)) return HUGE_VAL;
  if (std::isinf(exact)) return static_cast<Wide>(y) == exact ? 0 : HUGE_VAL;
  const Wide beyond = power_of_two<Wide>(limits::max_exponent);
  if (std::abs(exact) >= beyond) return std::isinf(y) ? 0 : HUGE_VAL;
  if (exact == 0) return y == 0 && std::signbit(y) == std::signbit(exact) ? 0 : HUGE_VAL;
  if (y == 0 && std::signbit(y) != std::signbit(exact)) return HUGE_VAL;
  const int exponent =
      std::min(std::max(exponent_of(exact), limits::min_exponent - 1), limits::max_exponent - 1);
  // Infinity stands for the next number after the largest.
  const Wide found = std::isinf(y) ? std::copysign(beyond, static_cast<Wide>(y)) : static_cast<Wide>(y);
  return static_cast<double>(std::abs(found - exact) * power_of_two<Wide>(limits::digits - 1 - exponent));
}

struct Worst {
  double error = 0, at = 0;
};

/// The largest error of `f` on the numbers that `argument(i)` gives for i in [0, count).
template<class T, class Wide, class F, class Exact, class Argument>
Worst worst_of(std::int64_t count, const Argument& argument, const F& f, const Exact& exact) {
  constexpr Index block = 4095; // with vectors of every width at its end
  Worst worst;
  std::mutex mutex;
  parallel_for(static_cast<Index>((count + block - 1) / block), 1, [&](Index first, Index last, int) {
    Worst mine;
    T x[block], y[block];
    for (Index b = first; b < last; ++b) {
      const std::int64_t from = std::int64_t{b} * block;
      const auto size = static_cast<Index>(std::min<std::int64_t>(block, count - from));
      for (Index i = 0; i < block; ++i) x[i] = argument(from + std::min(i, size - 1));
      for_each_vector<T, block>([&]<class V>(Index i) { f(V::load(x + i)).store(y + i); });
      for (Index i = 0; i < size; ++i) {
        const double error = ulps(y[i], exact(static_cast<Wide>(x[i])));
        if (error > mine.error) mine = {error, static_cast<double>(x[i])};
      }
    }
    const std::lock_guard lock(mutex);
    if (mine.error > worst.error) worst = mine;
  });
  return worst;
}

/// Every `step`-th float, by bit pattern.
template<class F, class Exact>
Worst worst_float(const F& f, const Exact& exact, std::int64_t step) {
  return worst_of<float, double>(
      ((std::int64_t{1} << 32) + step - 1) / step,
      [step](std::int64_t i) { return std::bit_cast<float>(static_cast<std::uint32_t>(i * step)); }, f,
      exact);
}

/// Numbers of every binade and both signs, and the special ones; the bits repeat.
template<class F, class Exact>
Worst worst_double(const F& f, const Exact& exact, std::int64_t per_binade) {
  return worst_of<double, long double>(
      4096 * per_binade,
      [](std::int64_t i) {
        std::uint64_t mix = static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15U;
        mix = (mix ^ mix >> 31) * 0xbf58476d1ce4e5b9U;
        const auto low =
            i < 8192 ? static_cast<std::uint64_t>(i / 4096) : (mix ^ mix >> 29) & ((1ULL << 52) - 1);
        return std::bit_cast<double>(static_cast<std::uint64_t>(i % 4096) << 52 | low);
      },
      f, exact);
}

#ifdef STATOR_MATH_STEP // for measuring: other steps than the test's
const std::int64_t step = STATOR_MATH_STEP, per_binade = 40 * 61 / STATOR_MATH_STEP;
#else
// A default run of tests/run.sh looks at a quarter of them.
const bool in_brief = std::getenv("STATOR_TESTS_IN_BRIEF") != nullptr;
const std::int64_t step = in_brief ? 251 : 61, per_binade = in_brief ? 10 : 40;
#endif

/// Errors of the vector code and of the code for single numbers, which is the same.
template<class F, class Exact>
void check(const char* name, double bound, const F& f, const Exact& exact) {
  const Worst single = worst_float(f, exact, step);
  const Worst wide = worst_double(f, exact, per_binade);
  if (std::getenv("STATOR_MATH_PRINT") != nullptr)
    std::printf("%-12s float %6.3f at %-14.8g double %6.3f at %.17g\n", name, single.error, single.at,
                wide.error, wide.at);
  INFO(name << " of float at " << single.at << ", of double at " << wide.at);
  CHECK(single.error <= bound);
  CHECK(wide.error <= bound);
}

template<class T>
T normal_cdf_of(T x) {
  return std::erfc(-x / std::sqrt(T{2})) / 2;
}
template<class T>
T sigmoid_of(T x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}
template<class T>
T softplus_of(T x) {
  return std::log1p(std::exp(-std::abs(x))) + (x < 0 ? T{} : x);
}

template<class T>
T mish_gate_of(T x) { // tanh(softplus(x))
  const T e = std::exp(-std::abs(x));
  return x < 0 ? e * (e + 2) / (e * (e + 2) + 2) : (1 + 2 * e) / (1 + 2 * e + 2 * e * e);
}
/// NaN where x is -infinity, as in PyTorch.
template<class T>
T gated(T x, T gate) {
  return x * gate;
}

#define STATOR_CHECK(name, bound, expression)                                                                \
  check(#name, bound, [](const auto& v) { return kernel::name(v); }, [](auto x) { return expression; })

} // namespace

TEST_CASE("exp and its relatives keep their error over all floats") {
  STATOR_CHECK(exp, 1.05, std::exp(x));
  STATOR_CHECK(expm1, 1.8, std::expm1(x));
  STATOR_CHECK(tanh, 2.6, std::tanh(x));
  STATOR_CHECK(sigmoid, 2.5, sigmoid_of(x));
  STATOR_CHECK(silu, 2.7, gated(x, sigmoid_of(x)));
  STATOR_CHECK(mish, 4, gated(x, mish_gate_of(x)));
}

TEST_CASE("log and its relatives keep their error over all floats") {
  STATOR_CHECK(log, 0.9, std::log(x));
  STATOR_CHECK(log1p, 1.6, std::log1p(x));
  STATOR_CHECK(softplus, 1.9, softplus_of(x));
  STATOR_CHECK(log_sigmoid, 1.9, -softplus_of(-x));
}

TEST_CASE("sin and cos keep their error over all floats") {
  STATOR_CHECK(sin, 1.6, std::sin(x));
  STATOR_CHECK(cos, 1.6, std::cos(x));
}

TEST_CASE("the error function and its relatives keep their error over all floats") {
  STATOR_CHECK(erf, 6.5, std::erf(x));
  STATOR_CHECK(erfc, 6.5, std::erfc(x));
  STATOR_CHECK(normal_cdf, 6.5, normal_cdf_of(x));
  STATOR_CHECK(gelu, 6.5, gated(x, normal_cdf_of(x)));
}

TEST_CASE("the slope of gelu keeps its error relative to its terms") {
  for (float x = -14; x < 14; x += 0.00037F) {
    const double density = x * std::exp(-0.5 * x * x) * 0.39894228040143267794,
                 cdf = normal_cdf_of<double>(x);
    const double error =
        std::abs(static_cast<double>(gelu_slope(Simd<float>(x)).sum()) / Simd<float>::size - (cdf + density));
    CAPTURE(x);
    REQUIRE(error <= 8 * std::max({std::abs(density), cdf, 0x1p-126}) * 0x1p-23);
  }
}

TEST_CASE("roots are rounded correctly, denormal numbers included") {
  STATOR_CHECK(sqrt, 0.5, std::sqrt(x));
  STATOR_CHECK(rsqrt, 1.5, 1 / std::sqrt(x));
}

TEST_CASE("floor, ceil and abs are exact") {
  STATOR_CHECK(floor, 0, std::floor(x));
  STATOR_CHECK(ceil, 0, std::ceil(x));
  STATOR_CHECK(abs, 0, std::abs(x));
}
