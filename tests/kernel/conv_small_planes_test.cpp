// SPDX-License-Identifier: BSL-1.0
// Convolutions over planes of a few pixels against plain loops in double, forward and to the input.
#include "catch.hpp"
#include "compare.hpp"
#include "kernel/conv_loops.hpp"
#include "kernel/support.hpp"
#include "stator/kernel/conv.hpp"

#include <vector>

using namespace stator;
using namespace stator::kernel;
using namespace stator::test;

namespace {

/// Up to 576 products are added one after another, whose sum so may be off by the square root of their number
/// in roundings.
constexpr double rounding = 2e-6;

namespace inner = stator::kernel::detail;

ExactArray<std::byte> memory(std::size_t bytes) { return ExactArray<std::byte>(static_cast<Index>(bytes)); }

/// One direction of a convolution: x [batch, sources, ...], y_expected what loops have computed.
template<class Pass>
void check_pass(const ExactArray<float>& x, const ExactArray<float>& w, const ExactArray<float>& bias,
                const std::vector<double>& expected, Index plane, Index batch) {
  const auto size = static_cast<Index>(expected.size());
  ExactArray<float> y(size, 5), again(size, 6);
  auto scratch = memory(Pass::scratch_for(batch)), prepared = memory(Pass::prepared_bytes),
       prepared_scratch = memory(Pass::prepared_scratch_for(batch));
  Pass::prepare(w.data(), bias.data(), prepared.data());
  const int before = get_num_threads();
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    Pass::run(x.data(), w.data(), bias.data(), y.data(), batch, scratch.data());
    if (threads == 1) {
      CHECK(worst(doubles(y), expected, {.relative_to = largest(expected, 1)}).error < rounding);
      std::ranges::copy(y, again.begin());
    }
    CHECK(std::ranges::equal(again, y));
    std::ranges::fill(y, 7.0f);
    Pass::run_prepared(x.data(), prepared.data(), y.data(), batch, prepared_scratch.data());
    CHECK(std::ranges::equal(again, y));
  }
  set_num_threads(before);

  // Without a bias, and with what is done to the result before it is written: the same bits as afterwards.
  const ExactArray<float> summand(size, 4);
  Pass::run_finished(x.data(), prepared.data(), y.data(), batch, prepared_scratch.data(),
                     {summand.data(), true, false});
  std::vector<float> finished;
  for (Index i = 0; i < size; ++i) finished.push_back(std::max(again[i] + summand[i], 0.0f));
  CHECK(std::ranges::equal(y, finished));
  std::vector<double> without = expected;
  const Index channels = bias.size();
  for (Index i = 0; i < size; ++i)
    without[static_cast<std::size_t>(i)] -= static_cast<double>(bias[i / plane % channels]);
  Pass::run(x.data(), w.data(), nullptr, y.data(), batch, scratch.data());
  CHECK(worst(doubles(y), without, {.relative_to = largest(without, 1)}).error < rounding);
}

template<auto G>
void check(Index batch) {
  using Forward = inner::conv_small_planes<float, G, false>;
  using Input = inner::conv_small_planes<float, G, true>;
  static_assert(Forward::wins, "another kernel would be tested");
  CAPTURE(batch, G.in_channels, G.out_channels, G.input[0], G.input[1]);
  constexpr Index in = G.in_channels, out = G.out_channels;
  const ExactArray<float> x(batch * in * G.input_plane(), 1), w(G.weights(), 2), bias(out, 3),
      bias_of_input(in, 3), dy(batch * out * G.output_plane(), 4);
  std::vector<double> y_expected(static_cast<std::size_t>(dy.size())),
      dx_expected(static_cast<std::size_t>(x.size())), dw(static_cast<std::size_t>(w.size()));
  for (Index i = 0; i < dy.size(); ++i)
    y_expected[static_cast<std::size_t>(i)] = static_cast<double>(bias[i / G.output_plane() % out]);
  for (Index i = 0; i < x.size(); ++i)
    dx_expected[static_cast<std::size_t>(i)] = static_cast<double>(bias_of_input[i / G.input_plane() % in]);
  add_products<G>(batch, x.data(), w.data(), dy.data(), y_expected.data(), dx_expected.data(), dw.data());
  check_pass<Forward>(x, w, bias, y_expected, G.output_plane(), batch);
  if constexpr (Input::wins) check_pass<Input>(dy, w, bias_of_input, dx_expected, G.input_plane(), batch);
}

constexpr ConvGeometry<2> geometry(Index in, Index out, Index high, Index wide, Index kernel = 3,
                                   Index stride = 1, Index before = 1, Index after = 1) {
  return {.in_channels = in,
          .out_channels = out,
          .input = {high, wide},
          .kernel = {kernel, kernel},
          .stride = {stride, stride},
          .padding_begin = {before, before},
          .padding_end = {after, after}};
}

} // namespace

TEST_CASE("convolutions over a few pixels agree with loops") {
  check<geometry(128, 64, 4, 4)>(1);
  check<geometry(64, 128, 4, 4)>(9); // more samples than are taken at once
  check<geometry(80, 96, 3, 3)>(2);
  check<geometry(64, 128, 5, 4)>(2); // several tiles
  check<geometry(32, 256, 3, 8)>(1);
}

TEST_CASE("convolutions over a few pixels take any stride and padding, and other kernels") {
  check<geometry(64, 128, 8, 8, 3, 2)>(2);
  check<geometry(64, 128, 7, 8, 3, 2, 0, 1)>(1);
  check<geometry(128, 128, 5, 5, 2, 1, 0, 0)>(2);
  check<geometry(64, 128, 4, 5, 3, 1, 2, 0)>(1);
  check<geometry(64, 128, 9, 9, 3, 3, 2, 2)>(1);
}

TEST_CASE("few tiles of many channels are convolved without Winograd") {
  constexpr auto G = geometry(512, 512, 4, 4);
  static_assert(std::is_same_v<conv<float, G, 1>::forward_pass, inner::conv_small_planes<float, G, false>>);
  static_assert(std::is_same_v<conv<float, G, 4>::prepared<Accuracy::other>,
                               inner::conv_small_planes<float, G, false>>);
  static_assert(std::is_same_v<conv<float, G, 1>::input_pass, inner::conv_small_planes<float, G, true>>);
}

TEST_CASE("no samples have no result") {
  constexpr auto G = geometry(64, 128, 4, 4);
  using Pass = inner::conv_small_planes<float, G, false>;
  const ExactArray<float> w(G.weights(), 1);
  auto scratch = memory(Pass::scratch_for(0));
  Pass::run(nullptr, w.data(), nullptr, nullptr, 0, scratch.data());
}
