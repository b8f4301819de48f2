// SPDX-License-Identifier: BSL-1.0
// F(2x2, 3x3) against plain loops in double: forward, to the input, to the weight; F(4x4, 3x3) forward.
#include "catch.hpp"
#include "compare.hpp"
#include "kernel/conv_loops.hpp"
#include "kernel/support.hpp"
#include "stator/kernel/conv.hpp"
#include "stator/kernel/pool.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

using namespace stator;
using namespace stator::kernel;
using namespace stator::test;

namespace {

namespace inner = stator::kernel::detail;

ExactArray<std::byte> memory(std::size_t bytes) { return ExactArray<std::byte>(static_cast<Index>(bytes)); }

/// Errors, as shares of the largest number, stay below `allowed`.
template<auto G>
void check(Index batch, double allowed = 2e-6) {
  using Forward = inner::conv_winograd_pass<float, G, false>;
  using Input = inner::conv_winograd_pass<float, G, true>;
  using Weight = inner::conv_winograd_weight<float, G>;
  static_assert(Forward::wins && Input::wins && Weight::fits, "another kernel would be tested");
  static_assert(!winograd_by_default || std::is_same_v<typename conv<float, G>::forward_pass, Forward>);
  CAPTURE(batch, G.in_channels, G.out_channels, G.input[0], G.input[1], G.padding_begin[0]);
  constexpr auto output = G.output();
  constexpr Index in = G.in_channels, out = G.out_channels;
  const ExactArray<float> x(batch * in * G.input_plane(), 1), w(G.weights(), 2), bias(out, 3),
      dy(batch * out * G.output_plane(), 4);
  std::vector<double> y_expected(static_cast<std::size_t>(dy.size())),
      dx_expected(static_cast<std::size_t>(x.size())), dw_expected(static_cast<std::size_t>(w.size()));
  for (Index i = 0; i < dy.size(); ++i)
    y_expected[static_cast<std::size_t>(i)] = static_cast<double>(bias[i / G.output_plane() % out]);
  add_products<G>(batch, x.data(), w.data(), dy.data(), y_expected.data(), dx_expected.data(),
                  dw_expected.data());
  const auto close = [&](const ExactArray<float>& found, const std::vector<double>& expected) {
    CHECK(worst(doubles(found), expected, {.relative_to = largest(expected, 1)}).error < allowed);
  };

  ExactArray<float> y(dy.size(), 5), dx(x.size(), 6), dw(w.size(), 7);
  auto forward = memory(Forward::scratch_for(batch)), input = memory(Input::scratch_for(batch)),
       weight = memory(Weight::scratch_for(batch));
  const auto all = [&](int threads) {
    const int before = get_num_threads();
    set_num_threads(threads);
    Forward::run(x.data(), w.data(), bias.data(), y.data(), batch, forward.data());
    Input::run(dy.data(), w.data(), nullptr, dx.data(), batch, input.data());
    Weight::run(x.data(), dy.data(), dw.data(), false, batch, weight.data());
    set_num_threads(before);
    std::vector<float> bits(y.begin(), y.end());
    bits.insert(bits.end(), dx.begin(), dx.end());
    bits.insert(bits.end(), dw.begin(), dw.end());
    return bits;
  };
  const std::vector<float> alone = all(1);
  close(y, y_expected);
  close(dx, dx_expected);
  close(dw, dw_expected);
  CHECK(all(2) == alone);
  CHECK(all(5) == alone);
  Weight::run(x.data(), dy.data(), dw.data(), true, batch, weight.data());
  for (double& e : dw_expected) e *= 2;
  close(dw, dw_expected);

  // With weights that are prepared, and only read: the same bits.
  auto prepared = memory(Forward::prepared_bytes), prepared_input = memory(Input::prepared_bytes);
  auto scratch = memory(Forward::prepared_scratch_for(batch) + 1),
       scratch_input = memory(Input::prepared_scratch_for(batch) + 1);
  Forward::prepare(w.data(), bias.data(), prepared.data());
  Input::prepare(w.data(), bias.data(), prepared_input.data());
  ExactArray<float> again(y.size());
  for (int run = 0; run < 2; ++run)
    Forward::run_prepared(x.data(), prepared.data(), again.data(), batch, scratch.data());
  CHECK(std::ranges::equal(again, y));
  if constexpr (in == out) {
    Input::run_prepared(dy.data(), prepared_input.data(), dx.data(), batch, scratch_input.data());
    ExactArray<float> biased(x.size());
    Input::run(dy.data(), w.data(), bias.data(), biased.data(), batch, input.data());
    CHECK(std::ranges::equal(biased, dx));
  }

  // What is done to the result before it is written gives the same bits as afterwards.
  const auto finished = [&](const ConvFinish<float>& finish, Index size) {
    ExactArray<float> result(size);
    Forward::run_finished(x.data(), prepared.data(), result.data(), batch, scratch.data(), finish);
    return result;
  };
  const ExactArray<float> summand(y.size(), 4);
  std::vector<float> positive, sum;
  for (Index i = 0; i < y.size(); ++i) {
    positive.push_back(y[i] <= 0 ? 0 : y[i]);
    const float s = y[i] + summand[i];
    sum.push_back(s <= 0 ? 0 : s);
  }
  CHECK(std::ranges::equal(finished({nullptr, true, false}, y.size()), positive));
  CHECK(std::ranges::equal(finished({summand.data(), true, false}, y.size()), sum));
  if constexpr (Forward::can_halve) {
    std::vector<float> largest_of_four;
    for (Index r = 0; r < batch * out * output[0]; r += 2)
      for (Index k = 0; k < output[1]; k += 2) {
        const auto at = [&](Index i, Index j) {
          return positive[static_cast<std::size_t>((r + i) * output[1] + k + j)];
        };
        largest_of_four.push_back(std::max({at(0, 0), at(0, 1), at(1, 0), at(1, 1)}));
      }
    CHECK(std::ranges::equal(finished({nullptr, true, true}, y.size() / 4), largest_of_four));
  }
}

/// Relu and the maximum of windows of two by two in the convolution's kernel, and gradients from that of the
/// maxima: the same bits as one after the other, with any number of threads.
template<auto G>
void check_pooled(Index batch) {
  using Kernel = conv<float, G>;
  static_assert(Kernel::pools == winograd_by_default);
  if constexpr (Kernel::pools) {
    CAPTURE(batch, G.in_channels, G.out_channels, G.input[0], G.input[1], G.padding_begin[0]);
    using Pool = max_pool<float, PoolGeometry<2>{.input = G.output(), .kernel = {2, 2}, .stride = {2, 2}}>;
    const Index planes = batch * G.out_channels, pixels = planes * G.output_plane();
    ExactArray<float> x(batch * G.in_channels * G.input_plane(), 1), bias(G.out_channels, 3);
    const ExactArray<float> w(G.weights(), 2), g(pixels / 4, 4);
    for (float& b : bias) b *= 3;                                     // some windows have no positive pixel
    for (Index i = 0; i < x.size() / 3; ++i) x[i] = std::round(x[i]); // some have equal ones
    x[x.size() - 1] = std::numeric_limits<float>::quiet_NaN();
    auto scratch =
        memory(std::max({Kernel::forward_scratch(batch).fixed, Kernel::backward_input_scratch(batch).fixed,
                         Kernel::backward_weight_scratch(batch).fixed}));
    ExactArray<float> y(pixels), maxima(pixels / 4), dy(pixels), dx(x.size()), dw(w.size(), 5);
    Kernel::forward(x.data(), w.data(), bias.data(), y.data(), batch, scratch.data());
    for (float& e : y) e = e <= 0 ? 0 : e;
    Pool::forward(y.data(), maxima.data(), planes);
    Pool::template backward<true>(y.data(), g.data(), dy.data(), planes);
    CHECK(std::ranges::count(dy, 0.0F) > pixels * 3 / 4);
    Kernel::backward_input(dy.data(), w.data(), dx.data(), batch, scratch.data());
    Kernel::backward_weight(x.data(), dy.data(), dw.data(), true, batch, scratch.data());

    const auto same = [](const float* a, const ExactArray<float>& b) {
      return std::memcmp(a, b.data(), static_cast<std::size_t>(b.size()) * sizeof(float)) == 0;
    };
    const int before = get_num_threads();
    for (const int threads : {1, 2, 5}) {
      set_num_threads(threads);
      ExactArray<float> pooled(batch * Kernel::pooled_elements(), 6), dx_pooled(x.size(), 7),
          dw_pooled(w.size(), 5);
      Kernel::forward_pooled(x.data(), w.data(), bias.data(), pooled.data(), batch, scratch.data());
      CHECK(same(pooled.data(), maxima));
      Kernel::backward_input_pooled(g.data(), pooled.data(), w.data(), dx_pooled.data(), batch,
                                    scratch.data());
      CHECK(same(dx_pooled.data(), dx));
      Kernel::backward_weight_pooled(x.data(), g.data(), pooled.data(), dw_pooled.data(), true, batch,
                                     scratch.data());
      CHECK(same(dw_pooled.data(), dw));
    }
    set_num_threads(before);
  }
}

/// F(4x4, 3x3), forward.
template<auto G>
void check_large(Index batch) {
  using Large = inner::conv_winograd_pass<float, G, false, 4>;
  static_assert(Large::fits);
  CAPTURE(batch, G.in_channels, G.out_channels, G.input[0], G.input[1], G.padding_begin[0]);
  constexpr Index out = G.out_channels;
  const ExactArray<float> x(batch * G.in_channels * G.input_plane(), 1), w(G.weights(), 2), bias(out, 3),
      dy(batch * out * G.output_plane(), 4);
  std::vector<double> expected(static_cast<std::size_t>(dy.size())), dx(static_cast<std::size_t>(x.size())),
      dw(static_cast<std::size_t>(w.size()));
  for (Index i = 0; i < dy.size(); ++i)
    expected[static_cast<std::size_t>(i)] = static_cast<double>(bias[i / G.output_plane() % out]);
  add_products<G>(batch, x.data(), w.data(), dy.data(), expected.data(), dx.data(), dw.data());
  auto prepared = memory(Large::prepared_bytes), scratch = memory(Large::prepared_scratch_for(batch) + 1),
       own = memory(Large::scratch_for(batch));
  Large::prepare(w.data(), bias.data(), prepared.data());
  ExactArray<float> y(dy.size(), 5), again(dy.size(), 6);
  Large::run_prepared(x.data(), prepared.data(), y.data(), batch, scratch.data());
  CHECK(worst(doubles(y), expected, {.relative_to = largest(expected, 1)}).error < 2e-5);
  const int before = get_num_threads();
  for (const int threads : {2, 5}) {
    set_num_threads(threads);
    Large::run_prepared(x.data(), prepared.data(), again.data(), batch, scratch.data());
    CHECK(std::ranges::equal(again, y));
  }
  set_num_threads(before);
  Large::run(x.data(), w.data(), bias.data(), again.data(), batch, own.data());
  CHECK(std::ranges::equal(again, y));
  const ExactArray<float> summand(dy.size(), 4);
  Large::run_finished(x.data(), prepared.data(), again.data(), batch, scratch.data(),
                      {summand.data(), true, false});
  for (Index i = 0; i < y.size(); ++i) y[i] = std::max(y[i] + summand[i], 0.0f);
  CHECK(std::ranges::equal(again, y));
}

constexpr ConvGeometry<2> geometry(Index in, Index out, Index high, Index wide, Index top = 1, Index left = 1,
                                   Index bottom = 1, Index right = 1) {
  return {.in_channels = in,
          .out_channels = out,
          .input = {high, wide},
          .kernel = {3, 3},
          .padding_begin = {top, left},
          .padding_end = {bottom, right}};
}

} // namespace

TEST_CASE("F(2x2, 3x3) agrees with loops") {
  check<geometry(16, 16, 16, 16)>(2);
  check<geometry(64, 48, 32, 32)>(1);
  check<geometry(32, 80, 8, 8)>(3);
  check<geometry(16, 16, 4, 4)>(1); // one vector of pixels
}

TEST_CASE("F(2x2, 3x3) takes planes of odd extents, and any padding") {
  check<geometry(16, 32, 15, 17)>(2);
  check<geometry(32, 16, 5, 2)>(9);
  check<geometry(16, 16, 19, 27, 0, 2, 1, 0)>(2);
  check<geometry(32, 16, 23, 14, 2, 0, 0, 3)>(1);
  check<geometry(16, 48, 9, 40, 2, 2, 2, 2)>(1);
}

TEST_CASE("F(2x2, 3x3) makes the weights of many channels again for each group of rows") {
  check<geometry(256, 96, 8, 8)>(5);
  check<geometry(80, 272, 7, 30)>(3);
}

TEST_CASE("F(2x2, 3x3) with relu and pooling by two gives the bits of one after the other") {
  check_pooled<geometry(16, 16, 16, 16)>(2);
  check_pooled<geometry(32, 64, 26, 26, 0, 0, 0, 0)>(2);
  check_pooled<geometry(16, 32, 14, 10)>(3);
  check_pooled<geometry(16, 16, 21, 36, 2, 0, 1, 2)>(1);
  check_pooled<geometry(256, 96, 8, 8)>(5);
}

TEST_CASE("F(4x4, 3x3) agrees with loops, over planes of any extents and padding") {
  check_large<geometry(16, 16, 16, 16)>(2);
  check_large<geometry(64, 48, 12, 12)>(1);
  check_large<geometry(128, 32, 8, 8)>(3);
  check_large<geometry(16, 32, 15, 17)>(2);
  check_large<geometry(32, 16, 5, 2)>(3);
  check_large<geometry(16, 16, 19, 27, 0, 2, 1, 0)>(1);
  check_large<geometry(32, 16, 23, 14, 2, 0, 0, 3)>(1);
}

TEST_CASE("F(4x4, 3x3) is chosen where it is allowed and tiles are many") {
  constexpr auto many = geometry(64, 64, 32, 32), few = geometry(256, 256, 8, 8);
  static_assert(std::is_same_v<conv<float, many, 1>::prepared<Accuracy::coarse>,
                               inner::conv_winograd_pass<float, many, false, 4>>);
  static_assert(std::is_same_v<conv<float, few, 1>::prepared<Accuracy::coarse>,
                               conv<float, few, 1>::prepared<Accuracy::other>>);
  static_assert(std::is_same_v<conv<float, many, 1>::prepared<Accuracy::other>,
                               inner::conv_winograd_pass<float, many, false>>);
}

TEST_CASE("no samples have no result, and no gradient") {
  constexpr auto G = geometry(16, 16, 8, 8);
  using Kernel = conv<float, G>;
  ExactArray<float> w(G.weights(), 1), dw(G.weights(), 2);
  auto scratch = memory(std::max({Kernel::forward_scratch(0).fixed, Kernel::backward_input_scratch(0).fixed,
                                  Kernel::backward_weight_scratch(0).fixed}));
  Kernel::forward(nullptr, w.data(), nullptr, nullptr, 0, scratch.data());
  Kernel::backward_input(nullptr, w.data(), nullptr, 0, scratch.data());
  const std::vector<float> before(dw.begin(), dw.end());
  Kernel::backward_weight(nullptr, nullptr, dw.data(), true, 0, scratch.data());
  CHECK(std::ranges::equal(dw, before));
  Kernel::backward_weight(nullptr, nullptr, dw.data(), false, 0, scratch.data());
  CHECK(std::ranges::equal(dw, std::vector<float>(before.size())));
}
