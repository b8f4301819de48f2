// SPDX-License-Identifier: BSL-1.0
// Pooling against plain loops, and PyTorch's rules for borders and NaN.
#include "catch.hpp"
#include "compare.hpp"
#include "kernel/support.hpp"
#include "stator/kernel/pool.hpp"
#include "stator/kernel/pool_indices.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace stator;
using namespace stator::kernel;
using stator::test::ExactArray;

namespace {

/// Elements of the window of output `o` that are inside the input, and how many there are with padding, from
/// the definition in PyTorch's documentation.
template<std::size_t D>
std::vector<Index> window_of(const PoolGeometry<D>& g, Index o, Index& padded) {
  const auto output = g.output();
  std::array<Index, D> at{};
  for (std::size_t d = D; d-- > 0;) {
    at[d] = o % output[d];
    o /= output[d];
  }
  std::vector<Index> result;
  padded = 0;
  Index taps = 1;
  for (std::size_t d = 0; d < D; ++d) taps *= g.kernel[d];
  for (Index k = 0; k < taps; ++k) {
    Index rest = k, index = 0, scale = 1;
    bool inside = true, in_padding = true;
    for (std::size_t d = D; d-- > 0;) {
      const Index i = at[d] * g.stride[d] - g.padding[d] + rest % g.kernel[d] * g.dilation[d];
      inside = inside && i >= 0 && i < g.input[d];
      in_padding = in_padding && i < g.input[d] + g.padding[d];
      index += i * scale;
      scale *= g.input[d];
      rest /= g.kernel[d];
    }
    if (inside) result.push_back(index);
    padded += in_padding ? 1 : 0;
  }
  return result;
}

template<class T, auto G>
void check(Index planes) {
  constexpr Index in_plane = kernel::detail::product(G.input),
                  out_plane = kernel::detail::product(G.output());
  const Index in = in_plane, out = out_plane;
  CAPTURE(in, out, planes, G.kernel[0], G.stride[0], G.padding[0], G.dilation[0], G.ceil_mode);
  ExactArray<T> x(planes * in, 1), dy(planes * out, 2), y(planes * out, 3), dx(planes * in, 4);
  if (x.size() > 5) x[3] = x[4]; // a tie
  const ExactArray<T> v(planes * in, 5);
  ExactArray<T> y_max(planes * out), picked(planes * out), dx_max(planes * in), y_avg(planes * out),
      dx_avg(planes * in);
  std::vector<std::int64_t> at(static_cast<std::size_t>(planes * out)), at_max;
  std::fill(dx_max.begin(), dx_max.end(), T{});
  std::fill(dx_avg.begin(), dx_avg.end(), T{});
  for (Index p = 0; p < planes; ++p)
    for (Index o = 0; o < out; ++o) {
      Index padded = 0;
      const auto window = window_of(G, o, padded);
      Index best = window.front();
      T total{};
      for (const Index i : window) {
        if (x[p * in + i] > x[p * in + best]) best = i;
        total += x[p * in + i];
      }
      const Index size = G.divisor_override != 0 ? G.divisor_override
                         : G.count_include_pad   ? padded
                                                 : static_cast<Index>(window.size());
      y_max[p * out + o] = x[p * in + best];
      picked[p * out + o] = v[p * in + best];
      at_max.push_back(best);
      dx_max[p * in + best] += dy[p * out + o];
      y_avg[p * out + o] = total / static_cast<T>(size);
      for (const Index i : window) dx_avg[p * in + i] += dy[p * out + o] / static_cast<T>(size);
    }
  max_pool<T, G>::forward(x.data(), y.data(), planes);
  test::check_close(y, y_max, 0);
  max_pool<T, G>::backward(x.data(), dy.data(), dx.data(), planes);
  test::check_close(dx, dx_max, 1e-6);
  ExactArray<T> dx_cut(planes * in);
  std::fill(dx_cut.begin(), dx_cut.end(), T{});
  for (Index p = 0; p < planes; ++p)
    for (Index o = 0; o < out; ++o)
      if (const Index best = p * in + at_max[static_cast<std::size_t>(p * out + o)]; x[best] > 0)
        dx_cut[best] += dy[p * out + o];
  max_pool<T, G>::template backward<true>(x.data(), dy.data(), dx.data(), planes);
  test::check_close(dx, dx_cut, 1e-6);
  max_pool<T, G>::pick(x.data(), v.data(), y.data(), planes);
  test::check_close(y, picked, 0);
  max_pool<T, G>::indices(x.data(), at.data(), planes);
  CHECK(at == at_max);
  using Indexed = indexed_planes<T, in_plane, out_plane>;
  Indexed::pick(x.data(), at.data(), y.data(), planes);
  test::check_close(y, y_max, 0);
  std::fill(dx.begin(), dx.end(), T{});
  Indexed::add(dy.data(), at.data(), dx.data(), planes);
  test::check_close(dx, dx_max, 1e-6);
  Indexed::put(dy.data(), at.data(), dx.data(), planes);
  for (Index p = 0; p < planes; ++p) {
    std::vector<T> put(static_cast<std::size_t>(in));
    for (Index o = 0; o < out; ++o)
      put[static_cast<std::size_t>(at_max[static_cast<std::size_t>(p * out + o)])] = dy[p * out + o];
    for (Index i = 0; i < in; ++i)
      if (dx[p * in + i] != put[static_cast<std::size_t>(i)])
        FAIL("put differs at " << i << " of plane " << p);
  }
  if (G.dilation == kernel::detail::filled<G.axes>(1)) {
    avg_pool<T, G>::forward(x.data(), y.data(), planes);
    test::check_close(y, y_avg, 1e-6);
    avg_pool<T, G>::backward(dy.data(), dx.data(), planes);
    test::check_close(dx, dx_avg, 1e-6);
  }
}

} // namespace

TEST_CASE("pooling by two agrees with loops") {
  check<float, PoolGeometry<2>{.input = {24, 24}, .kernel = {2, 2}, .stride = {2, 2}}>(5);
  check<float, PoolGeometry<2>{.input = {70, 67}, .kernel = {2, 2}, .stride = {2, 2}}>(3);
  check<float, PoolGeometry<2>{.input = {6, 28}, .kernel = {2, 2}, .stride = {2, 2}}>(3);
  check<float, PoolGeometry<2>{.input = {4, 10}, .kernel = {2, 2}, .stride = {2, 2}}>(3);
  check<double, PoolGeometry<2>{.input = {9, 41}, .kernel = {2, 2}, .stride = {2, 2}}>(2);
  check<float, PoolGeometry<3>{.input = {3, 8, 40}, .kernel = {1, 2, 2}, .stride = {1, 2, 2}}>(2);
  check<float, PoolGeometry<2>{.input = {24, 24}, .kernel = {2, 2}, .stride = {2, 2}}>(300);
}

TEST_CASE("pooling takes all options") {
  check<float, PoolGeometry<2>{.input = {14, 13}, .kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}}>(3);
  check<float,
        PoolGeometry<2>{
            .input = {14, 13}, .kernel = {3, 2}, .stride = {2, 3}, .padding = {1, 1}, .ceil_mode = true}>(3);
  check<float, PoolGeometry<2>{.input = {14, 13},
                               .kernel = {3, 2},
                               .stride = {2, 3},
                               .padding = {1, 1},
                               .ceil_mode = true,
                               .count_include_pad = false}>(3);
  check<float, PoolGeometry<2>{.input = {6, 7}, .kernel = {2, 2}, .stride = {2, 2}, .ceil_mode = true}>(3);
  check<double,
        PoolGeometry<2>{
            .input = {12, 12}, .kernel = {3, 3}, .stride = {1, 2}, .padding = {1, 0}, .dilation = {2, 3}}>(2);
  check<float, PoolGeometry<2>{.input = {8, 8}, .kernel = {2, 2}, .stride = {2, 2}, .divisor_override = 3}>(
      2);
}

TEST_CASE("pooling of any window agrees with loops where rows fill vectors, and where they do not") {
  check<float, PoolGeometry<2>{.input = {56, 56}, .kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}}>(2);
  check<float, PoolGeometry<2>{.input = {57, 40}, .kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}}>(2);
  check<float, PoolGeometry<2>{.input = {13, 13}, .kernel = {5, 5}, .stride = {1, 1}, .padding = {2, 2}}>(3);
  check<float, PoolGeometry<2>{.input = {27, 30}, .kernel = {3, 3}, .stride = {3, 3}}>(2);
  check<float, PoolGeometry<2>{.input = {31, 90}, .kernel = {4, 4}, .stride = {4, 4}, .ceil_mode = true}>(2);
  check<float, PoolGeometry<2>{.input = {20, 50}, .kernel = {2, 3}, .stride = {5, 5}}>(2);
  check<double, PoolGeometry<2>{.input = {9, 35}, .kernel = {3, 3}, .stride = {1, 2}, .padding = {1, 1}}>(2);
  check<float, PoolGeometry<2>{.input = {8, 600}, .kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}}>(1);
  check<float,
        PoolGeometry<2>{
            .input = {12, 70}, .kernel = {3, 4}, .stride = {1, 3}, .padding = {1, 2}, .dilation = {2, 3}}>(2);
  check<float, PoolGeometry<1>{.input = {1024}, .kernel = {3}, .stride = {3}}>(2);
  check<float, PoolGeometry<1>{.input = {1000}, .kernel = {2}, .stride = {2}}>(2);
  check<float, PoolGeometry<1>{.input = {1000}, .kernel = {7}, .stride = {1}, .padding = {3}}>(2);
  check<float, PoolGeometry<1>{.input = {20000}, .kernel = {3}, .stride = {2}, .padding = {1}}>(1);
  check<float, PoolGeometry<3>{
                   .input = {9, 8, 36}, .kernel = {3, 3, 3}, .stride = {2, 2, 2}, .padding = {1, 1, 1}}>(2);
}

TEST_CASE("pooling takes one and three axes") {
  check<float, PoolGeometry<1>{.input = {31}, .kernel = {3}, .stride = {2}, .padding = {1}}>(4);
  check<double, PoolGeometry<3>{
                    .input = {5, 6, 7}, .kernel = {2, 3, 2}, .stride = {2, 2, 1}, .padding = {1, 1, 0}}>(2);
}

TEST_CASE("max_pool propagates NaN") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr PoolGeometry<2> flat{.input = {2, 4}, .kernel = {2, 2}, .stride = {2, 2}};
  const float x[] = {1, nan, 1, 2, 5, 3, 4, 3}, dy[] = {10, 20};
  float y[2], dx[8];
  max_pool<float, flat>::forward(x, y, 1);
  CHECK(std::isnan(y[0]));
  CHECK(y[1] == 4);
  max_pool<float, flat>::backward(x, dy, dx, 1);
  CHECK(dx[1] == 10);
  CHECK(dx[6] == 20);
  constexpr PoolGeometry<2> wide{.input = {2, 64}, .kernel = {2, 2}, .stride = {2, 2}};
  ExactArray<float> many(128, 1), out(32);
  many[64 + 9] = nan;
  max_pool<float, wide>::forward(many.data(), out.data(), 1);
  for (Index i = 0; i < 32; ++i) CHECK(std::isnan(out[i]) == (i == 4));
}

TEST_CASE(
    "max_pool of overlapping windows: NaN wins, the first of equal maxima, and what is lowest is found") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  constexpr PoolGeometry<2> g{.input = {6, 40}, .kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}};
  ExactArray<float> x(240, 1), y(240);
  x[2 * 40 + 20] = nan;
  x[3 * 40 + 21] = nan;
  std::vector<std::int64_t> at(240);
  max_pool<float, g>::forward(x.data(), y.data(), 1);
  max_pool<float, g>::indices(x.data(), at.data(), 1);
  for (Index r = 0; r < 6; ++r)
    for (Index c = 0; c < 40; ++c) {
      const bool first = std::abs(r - 2) <= 1 && std::abs(c - 20) <= 1,
                 second = std::abs(r - 3) <= 1 && std::abs(c - 21) <= 1;
      CHECK(std::isnan(y[r * 40 + c]) == (first || second));
      if (first || second)
        CHECK(at[static_cast<std::size_t>(r * 40 + c)] == (second ? 3 * 40 + 21 : 2 * 40 + 20));
    }
  for (const float same : {2.0F, -inf}) {
    std::fill(x.begin(), x.end(), same);
    max_pool<float, g>::indices(x.data(), at.data(), 1);
    max_pool<float, g>::forward(x.data(), y.data(), 1);
    for (Index r = 0; r < 6; ++r)
      for (Index c = 0; c < 40; ++c) {
        CHECK(at[static_cast<std::size_t>(r * 40 + c)] ==
              std::max<Index>(r - 1, 0) * 40 + std::max<Index>(c - 1, 0));
        CHECK(y[r * 40 + c] == same);
      }
  }
  // With dilation a window may lie in the padding alone: it has no maximum and gets no gradient.
  constexpr PoolGeometry<1> empty{
      .input = {1}, .kernel = {2}, .stride = {1}, .padding = {1}, .dilation = {2}};
  const float one[] = {3}, dy[] = {5};
  float dx[1];
  max_pool<float, empty>::indices(one, at.data(), 1);
  CHECK(at[0] == -1);
  max_pool<float, empty>::backward(one, dy, dx, 1);
  CHECK(dx[0] == 0);
}

TEST_CASE("adaptive pooling of rows agrees with windows one by one") {
  constexpr AdaptivePoolGeometry<2> g{.input = {13, 37}, .result = {5, 8}};
  const ExactArray<float> x(2 * 13 * 37, 1), dy(2 * 40, 2);
  ExactArray<float> y(80), largest(80), dx(x.size()), dx_expected(x.size());
  avg_pool<float, g>::forward(x.data(), y.data(), 2);
  max_pool<float, g>::forward(x.data(), largest.data(), 2);
  avg_pool<float, g>::backward(dy.data(), dx.data(), 2);
  std::fill(dx_expected.begin(), dx_expected.end(), 0.0F);
  for (Index o = 0; o < 80; ++o) {
    const PoolWindow rows = g.window(0, o % 40 / 8), columns = g.window(1, o % 8);
    double total = 0;
    float most = -1;
    for (Index r = rows.begin; r < rows.end; ++r)
      for (Index c = columns.begin; c < columns.end; ++c) {
        const Index at = (o / 40 * 13 + r) * 37 + c;
        total += static_cast<double>(x[at]);
        most = std::max(most, x[at]);
        dx_expected[at] += dy[o] / static_cast<float>(rows.size * columns.size);
      }
    CHECK(y[o] == Approx(total / static_cast<double>(rows.size * columns.size)).margin(1e-6));
    CHECK(largest[o] == most);
  }
  test::check_close(dx, dx_expected, 1e-6);
}

TEST_CASE("max_pool gives the gradient to the first of equal maxima") {
  constexpr PoolGeometry<2> g{.input = {2, 64}, .kernel = {2, 2}, .stride = {2, 2}};
  ExactArray<float> x(128), dy(32), dx(128);
  std::fill(x.begin(), x.end(), 2.0F);
  std::fill(dy.begin(), dy.end(), 1.0F);
  max_pool<float, g>::backward(x.data(), dy.data(), dx.data(), 1);
  for (Index i = 0; i < 128; ++i) CHECK(dx[i] == (i < 64 && i % 2 == 0 ? 1.0F : 0.0F));
}

TEST_CASE("adaptive pooling shares the input out evenly") {
  constexpr AdaptivePoolGeometry<1> g{.input = {7}, .result = {3}}; // windows [0,3) [2,5) [4,7)
  const float x[] = {1, 5, 3, 7, 2, 0, 4}, dy[] = {3, 6, 9};
  float y[3], dx[7];
  avg_pool<float, g>::forward(x, y, 1);
  CHECK(y[0] == Approx(3));
  CHECK(y[1] == Approx(4));
  CHECK(y[2] == Approx(2));
  avg_pool<float, g>::backward(dy, dx, 1);
  CHECK(dx[2] == Approx(3));
  CHECK(dx[4] == Approx(5));
  max_pool<float, g>::forward(x, y, 1);
  CHECK(y[1] == 7);
  max_pool<float, g>::backward(x, dy, dx, 1);
  CHECK(dx[3] == 6);
  CHECK(dx[6] == 9);
  constexpr AdaptivePoolGeometry<2> whole{.input = {6, 5}, .result = {1, 1}};
  ExactArray<float> image(60, 1), means(2);
  avg_pool<float, whole>::forward(image.data(), means.data(), 2);
  float total = 0;
  for (Index i = 30; i < 60; ++i) total += image[i];
  CHECK(means[1] == Approx(total / 30).margin(1e-6));
}
