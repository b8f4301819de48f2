// SPDX-License-Identifier: BSL-1.0
// Normalisation of rows, sums over channels, and totals, against plain loops in double.
#include "catch.hpp"
#include "kernel/support.hpp"
#include "stator/kernel/normalize.hpp"

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

using namespace stator;
using stator::test::ExactArray;

namespace {

/// Rows around `mean`, which float keeps to 1e-3 where that is 1e4.
template<class T, Index Length, Index Groups, Index Inner>
void check_rows(double mean, Index samples = 3) {
  CAPTURE(sizeof(T), Length, Groups, Inner, mean, samples);
  const Index rows = samples * Groups;
  constexpr Index weights = Groups * Length / Inner;
  constexpr double eps = 1e-5;
  using Kernel = kernel::row_norm<T, Length, Groups, Inner>;
  ExactArray<T> x(rows * Length, 1), g(rows * Length, 2), w(weights, 3), b(weights, 4), y(rows * Length, 5),
      plain(rows * Length, 5), dx(rows * Length, 6), dw(weights, 7);
  for (T& v : x) v = static_cast<T>(mean + static_cast<double>(v));
  Kernel::forward(x.data(), w.data(), b.data(), y.data(), rows, static_cast<T>(eps));
  Kernel::forward(x.data(), nullptr, nullptr, plain.data(), rows, static_cast<T>(eps));
  Kernel::backward(g.data(), x.data(), w.data(), dx.data(), rows, static_cast<T>(eps));
  std::vector<typename Kernel::Moments> moments(static_cast<std::size_t>(rows));
  Kernel::backward_weight(g.data(), x.data(), dw.data(), rows, static_cast<T>(eps), moments.data());

  std::vector<double> dw_right(weights), dw_size(weights);
  double worst = 0, worst_plain = 0, worst_back = 0, worst_weight = 0;
  for (Index r = 0; r < rows; ++r) {
    const auto at = [&](const auto& array, Index i) { return static_cast<double>(array[r * Length + i]); };
    const auto weight_at = [&](Index i) { return r % Groups * (Length / Inner) + i / Inner; };
    const auto mean_of = [](auto f) {
      double sum = 0;
      for (Index i = 0; i < Length; ++i) sum += f(i);
      return sum / Length;
    };
    const double m = mean_of([&](Index i) { return at(x, i); });
    const double rstd = 1 / std::sqrt(mean_of([&](Index i) { return std::pow(at(x, i) - m, 2); }) + eps);
    const auto normal = [&](Index i) { return (at(x, i) - m) * rstd; };
    const auto gw = [&](Index i) { return at(g, i) * static_cast<double>(w[weight_at(i)]); };
    const double mean_gw = mean_of(gw), slope = mean_of([&](Index i) { return gw(i) * normal(i); });
    for (Index i = 0; i < Length; ++i) {
      const Index k = weight_at(i);
      const double right = normal(i) * static_cast<double>(w[k]) + static_cast<double>(b[k]);
      worst = std::max(worst, std::abs(at(y, i) - right));
      worst_plain = std::max(worst_plain, std::abs(at(plain, i) - normal(i)));
      const double back = rstd * (gw(i) - mean_gw - normal(i) * slope);
      worst_back = std::max(worst_back, std::abs(at(dx, i) - back) / rstd);
      dw_right[static_cast<std::size_t>(k)] += at(g, i) * normal(i);
      dw_size[static_cast<std::size_t>(k)] += std::abs(at(g, i) * normal(i));
    }
  }
  for (std::size_t k = 0; k < dw_right.size(); ++k)
    worst_weight =
        std::max(worst_weight, std::abs(static_cast<double>(dw[static_cast<Index>(k)]) - dw_right[k]) /
                                   std::max(dw_size[k], 1.0));
  const double allowed = sizeof(T) == 4 ? 1e-6 : 1e-14;
  CHECK(worst < allowed);
  CHECK(worst_plain < allowed);
  CHECK(worst_back < allowed);
  CHECK(worst_weight < allowed);
}

/// Sums of x and x^2 of each channel of x [n, Channels, Inner], around `mean`.
template<class T, Index Channels, Index Inner>
void check_channels(Index n, double mean) {
  CAPTURE(sizeof(T), Channels, Inner, n, mean);
  ExactArray<T> x(n * Channels * Inner, 1), sums(Channels, 2), squares(Channels, 3);
  for (T& v : x) v = static_cast<T>(mean + static_cast<double>(v));
  kernel::channel_sums<T, Channels, Inner>::template run<2>(
      n,
      [&]<class V>(Index at, Index) {
        const V v = V::load(x.data() + at);
        return std::array<V, 2>{v, v * v};
      },
      [&](Index c, const std::array<T, 2>& sum) { sums[c] = sum[0], squares[c] = sum[1]; });
  double worst = 0;
  for (Index c = 0; c < Channels; ++c) {
    double sum = 0, square = 0;
    for (Index i = 0; i < n; ++i)
      for (Index k = 0; k < Inner; ++k) {
        const auto v = static_cast<double>(x[(i * Channels + c) * Inner + k]);
        sum += v, square += v * v;
      }
    const double size = std::sqrt(square * static_cast<double>(n * Inner)); // at least the sum of |x|
    worst = std::max({worst, std::abs(static_cast<double>(sums[c]) - sum) / size,
                      std::abs(static_cast<double>(squares[c]) - square) / square});
  }
  CHECK(worst < (sizeof(T) == 4 ? 4e-7 : 1e-14));
}

} // namespace

TEST_CASE("rows are normalised as by plain loops in double, where their mean is large as well") {
  for (const double average : {0.0, -3.0, 1e4}) {
    check_rows<float, 1, 1, 1>(average);
    check_rows<float, 33, 1, 1>(average);
    check_rows<float, 768, 1, 1>(average);
    for (const Index rows : {1, 4, 16, 37}) check_rows<float, 64, 1, 1>(average, rows); // side by side
    check_rows<float, 48, 1, 1>(average, 9);
    check_rows<float, 10007, 1, 1>(average);
    check_rows<float, 4 * 49, 3, 49>(average);
    check_rows<float, 2 * 3136, 2, 3136>(average);
  }
  check_rows<double, 77, 1, 1>(0.5);
  check_rows<double, 40, 1, 1>(0.5, 11);
  check_rows<double, 2 * 25, 2, 25>(0.5);
}

TEST_CASE("rows whose elements are equal are normalised to 0") {
  using Kernel = kernel::row_norm<float, 100, 1, 1>;
  for (const float value : {0.0F, 1e4F, 0.1F, -3e-5F}) {
    ExactArray<float> x(100, 1), y(100, 2);
    std::fill(x.begin(), x.end(), value);
    Kernel::forward(x.data(), nullptr, nullptr, y.data(), 1, 1e-5F);
    CHECK(std::all_of(y.begin(), y.end(), [](float v) { return std::abs(v) < 1e-5F; }));
  }
}

TEST_CASE("sums over channels do not lose digits with their length") {
  for (const double average : {0.0, 100.0}) {
    check_channels<float, 3, 49>(67, average);
    check_channels<float, 2, 10000>(5, average);
    check_channels<float, 150, 1>(1000, average);
    check_channels<float, 5, 1>(40000, average);
  }
  check_channels<double, 21, 1>(300, 1.0);
  check_channels<double, 3, 21>(30, 1.0);
}

TEST_CASE("a total keeps what plain sums lose") {
  kernel::Total<float> total;
  kernel::Total<kernel::Simd<float>> vectors;
  float plain = 0;
  for (int i = 0; i < 3'000'000; ++i) {
    total.add(0.1F), plain += 0.1F;
    vectors.add(kernel::Simd<float>(0.1F));
  }
  const auto exact = static_cast<float>(3e6 * static_cast<double>(0.1F));
  CHECK(std::abs(plain - exact) > 1000);
  CHECK(std::abs(total.value() - exact) <= 0.05F);
  float lanes[static_cast<std::size_t>(kernel::Simd<float>::size)];
  vectors.value().store(lanes);
  CHECK(
      std::all_of(std::begin(lanes), std::end(lanes), [=](float v) { return std::abs(v - exact) <= 0.05F; }));

  constexpr float inf = std::numeric_limits<float>::infinity();
  const auto total_of = [](auto... numbers) {
    kernel::Total<float> t;
    (t.add(numbers), ...);
    return t.value();
  };
  CHECK(total_of(16777216.0F, 1.0F, 1.0F, 1.0F) == 16777220.0F); // 16777219, rounded
  CHECK(total_of(1.0F, inf, 2.0F) == inf);
  CHECK(total_of(1.0F, -inf) == -inf);
  CHECK(total_of(3e38F, 3e38F) == inf);
  CHECK(std::isnan(total_of(inf, -inf)));
  CHECK(std::isnan(total_of(1.0F, std::numeric_limits<float>::quiet_NaN(), 1.0F)));
}
