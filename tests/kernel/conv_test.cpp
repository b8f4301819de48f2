// SPDX-License-Identifier: BSL-1.0
// Convolutions against plain loops over every sample, channel, pixel and tap.
#include "catch.hpp"
#include "compare.hpp"
#include "kernel/conv_loops.hpp"
#include "kernel/support.hpp"
#include "stator/kernel/conv.hpp"

#include <algorithm>
#include <vector>

using namespace stator;
using stator::kernel::ConvGeometry;
using stator::test::ExactArray;

namespace {

template<class T, auto G>
void check(Index batch) {
  using conv = stator::kernel::conv<T, G>;
  CAPTURE(batch, G.in_channels, G.out_channels, G.groups, G.input[0], G.kernel[0], G.stride[0], G.axes,
          sizeof(T));
  const double allowed = sizeof(T) == 4 ? 2e-5 : 1e-13;
  const ExactArray<T> x(batch * G.in_channels * G.input_plane(), 1), w(G.weights(), 2),
      bias(G.out_channels, 3), dy(batch * G.out_channels * G.output_plane(), 4);
  const auto zeros = [](Index n) {
    ExactArray<double> b(n);
    std::fill(b.begin(), b.end(), 0.0);
    return b;
  };
  const auto scratch = [&](Bytes bytes) {
    return ExactArray<std::byte>(static_cast<Index>(bytes.total(batch)));
  };

  ExactArray<double> y_expected = zeros(dy.size()), dx_expected = zeros(x.size()),
                     dw_expected = zeros(w.size()), db_expected = zeros(bias.size());
  test::add_products<G>(batch, x.data(), w.data(), dy.data(), y_expected.data(), dx_expected.data(),
                        dw_expected.data());
  for (Index i = 0; i < dy.size(); ++i)
    db_expected[i / G.output_plane() % G.out_channels] += static_cast<double>(dy[i]);

  ExactArray<T> y(dy.size(), 5), dx(x.size(), 6), dw(w.size(), 7), db(bias.size(), 8);
  {
    auto s = scratch(conv::forward_scratch(batch));
    conv::forward(x.data(), w.data(), nullptr, y.data(), batch, s.data());
    test::check_close(y, y_expected, allowed, {.relative_to = 1});
    conv::forward(x.data(), w.data(), bias.data(), y.data(), batch, s.data());
    for (Index i = 0; i < y.size(); ++i)
      y_expected[i] += static_cast<double>(bias[i / G.output_plane() % G.out_channels]);
    test::check_close(y, y_expected, allowed, {.relative_to = 1});
  }
  {
    auto s = scratch(conv::backward_input_scratch(batch));
    conv::backward_input(dy.data(), w.data(), dx.data(), batch, s.data());
    test::check_close(dx, dx_expected, allowed, {.relative_to = 1});
  }
  {
    auto s = scratch(conv::backward_weight_scratch(batch));
    conv::backward_weight(x.data(), dy.data(), dw.data(), false, batch, s.data());
    test::check_close(dw, dw_expected, allowed, {.relative_to = 1});
    conv::backward_weight(x.data(), dy.data(), dw.data(), true, batch, s.data());
    for (double& e : dw_expected) e *= 2;
    test::check_close(dw, dw_expected, allowed, {.relative_to = 1});
  }
  // The same bits with any number of threads.
  const auto all_of = [&](int threads) {
    const int before = get_num_threads();
    set_num_threads(threads);
    std::vector<T> bits;
    const auto keep = [&](const ExactArray<T>& from) { bits.insert(bits.end(), from.begin(), from.end()); };
    auto s = scratch(conv::forward_scratch(batch));
    conv::forward(x.data(), w.data(), bias.data(), y.data(), batch, s.data());
    auto s_input = scratch(conv::backward_input_scratch(batch));
    conv::backward_input(dy.data(), w.data(), dx.data(), batch, s_input.data());
    auto s_weight = scratch(conv::backward_weight_scratch(batch));
    conv::backward_weight(x.data(), dy.data(), dw.data(), false, batch, s_weight.data());
    set_num_threads(before);
    keep(y), keep(dx), keep(dw);
    return bits;
  };
  const std::vector<T> alone = all_of(1);
  CHECK(all_of(2) == alone);
  CHECK(all_of(5) == alone);
  // And with weights packed before.
  using Packed = typename conv::template prepared<Accuracy::same>;
  ExactArray<std::byte> packed(static_cast<Index>(Packed::prepared_bytes));
  auto s = scratch(stator::kernel::detail::conv_prepared_scratch<Packed>(batch));
  Packed::prepare(w.data(), bias.data(), packed.data());
  Packed::run_prepared(x.data(), packed.data(), y.data(), batch, s.data());
  CHECK(std::equal(y.begin(), y.end(), alone.begin()));
  using PackedInput = typename conv::prepared_input;
  ExactArray<std::byte> packed_input(static_cast<Index>(PackedInput::prepared_bytes));
  auto s_input = scratch(stator::kernel::detail::conv_prepared_scratch<PackedInput>(batch));
  PackedInput::prepare(w.data(), nullptr, packed_input.data());
  PackedInput::run_prepared(dy.data(), packed_input.data(), dx.data(), batch, s_input.data());
  CHECK(std::equal(dx.begin(), dx.end(), alone.begin() + y.size()));
  conv::backward_bias(dy.data(), db.data(), false, batch);
  test::check_close(db, db_expected, allowed, {.relative_to = 1});
}

} // namespace

TEST_CASE("conv over two axes agrees with loops") {
  check<float, ConvGeometry<2>{.in_channels = 1, .out_channels = 32, .input = {28, 28}, .kernel = {3, 3}}>(3);
  check<float, ConvGeometry<2>{.in_channels = 32, .out_channels = 64, .input = {12, 12}, .kernel = {3, 3}}>(
      2);
  check<double, ConvGeometry<2>{.in_channels = 5, .out_channels = 7, .input = {9, 8}, .kernel = {3, 2}}>(2);
  check<float, ConvGeometry<2>{.in_channels = 16, .out_channels = 48, .input = {7, 7}, .kernel = {1, 1}}>(2);
}

TEST_CASE("conv takes stride, padding and dilation") {
  check<float, ConvGeometry<2>{.in_channels = 6,
                               .out_channels = 20,
                               .input = {11, 14},
                               .kernel = {3, 3},
                               .padding_begin = {1, 1},
                               .padding_end = {1, 1}}>(3);
  check<float, ConvGeometry<2>{.in_channels = 16,
                               .out_channels = 16,
                               .input = {12, 13},
                               .kernel = {3, 3},
                               .stride = {2, 2},
                               .padding_begin = {1, 1},
                               .padding_end = {1, 1}}>(2);
  check<float, ConvGeometry<2>{.in_channels = 3,
                               .out_channels = 8,
                               .input = {17, 15},
                               .kernel = {5, 7},
                               .stride = {3, 2},
                               .padding_begin = {2, 0},
                               .padding_end = {1, 3}}>(2);
  check<double, ConvGeometry<2>{.in_channels = 4,
                                .out_channels = 3,
                                .input = {16, 16},
                                .kernel = {3, 3},
                                .stride = {2, 3},
                                .padding_begin = {3, 1},
                                .padding_end = {0, 2},
                                .dilation = {2, 3}}>(2);
  check<float,
        ConvGeometry<2>{
            .in_channels = 3, .out_channels = 8, .input = {16, 16}, .kernel = {2, 4}, .stride = {4, 4}}>(2);
}

TEST_CASE("conv takes many channels over small planes") {
  check<float, ConvGeometry<2>{.in_channels = 180,
                               .out_channels = 65,
                               .input = {8, 8},
                               .kernel = {3, 3},
                               .padding_begin = {1, 1},
                               .padding_end = {1, 1}}>(3);
  check<float, ConvGeometry<2>{.in_channels = 200,
                               .out_channels = 40,
                               .input = {9, 8},
                               .kernel = {3, 3},
                               .stride = {2, 2},
                               .padding_begin = {0, 1},
                               .padding_end = {0, 1}}>(2);
  check<double, ConvGeometry<2>{.in_channels = 90,
                                .out_channels = 96,
                                .input = {6, 4},
                                .kernel = {3, 3},
                                .padding_begin = {1, 2},
                                .padding_end = {1, 2},
                                .dilation = {1, 2}}>(2);
  check<float, ConvGeometry<1>{.in_channels = 600, .out_channels = 128, .input = {32}, .kernel = {1}}>(1);
}

TEST_CASE("conv takes planes each by itself") {
  check<float, ConvGeometry<2>{.in_channels = 5,
                               .out_channels = 5,
                               .groups = 5,
                               .input = {9, 19},
                               .kernel = {3, 3},
                               .padding_begin = {1, 1},
                               .padding_end = {1, 1}}>(2);
  check<float, ConvGeometry<2>{
                   .in_channels = 3, .out_channels = 3, .groups = 3, .input = {14, 18}, .kernel = {2, 5}}>(1);
  check<float, ConvGeometry<2>{.in_channels = 64,
                               .out_channels = 64,
                               .groups = 64,
                               .input = {28, 28},
                               .kernel = {3, 3},
                               .padding_begin = {1, 1},
                               .padding_end = {1, 1}}>(3); // enough for several threads
  constexpr ConvGeometry<2> doubles{
      .in_channels = 4, .out_channels = 4, .groups = 4, .input = {12, 11}, .kernel = {3, 2}};
  check<double, doubles>(2);
  static_assert(stator::kernel::detail::conv_depthwise<double, doubles, true>::wins &&
                    stator::kernel::detail::conv_weight_planes<double, doubles>::wins,
                "another kernel would be tested");
}

namespace {
/// A convolution of `channels` planes, each by itself.
constexpr ConvGeometry<2> depthwise(Index channels, std::array<Index, 2> input, std::array<Index, 2> kernel,
                                    Index stride, std::array<Index, 2> padding) {
  return {.in_channels = channels,
          .out_channels = channels,
          .groups = channels,
          .input = input,
          .kernel = kernel,
          .stride = {stride, stride},
          .padding_begin = padding,
          .padding_end = padding};
}
} // namespace

TEST_CASE("conv takes planes each by itself, of all sizes") {
  // Two rows in a vector, a row shorter than a vector, several vectors, bands of rows.
  check<float, depthwise(5, {7, 7}, {3, 3}, 1, {1, 1})>(3);
  check<float, depthwise(3, {6, 5}, {3, 3}, 1, {1, 1})>(2);
  check<float, depthwise(3, {5, 7}, {2, 2}, 1, {0, 0})>(9);
  check<float, depthwise(4, {14, 14}, {5, 5}, 1, {2, 2})>(3);
  check<float, depthwise(3, {29, 27}, {7, 7}, 1, {3, 3})>(2);
  check<float, depthwise(2, {45, 61}, {3, 5}, 1, {0, 3})>(2);
  check<double, depthwise(2, {37, 50}, {5, 3}, 1, {2, 1})>(2);
}

TEST_CASE("conv takes planes each by itself with a stride of two") {
  check<float, depthwise(5, {14, 14}, {3, 3}, 2, {1, 1})>(3);
  check<float, depthwise(3, {28, 28}, {3, 3}, 2, {1, 1})>(2);
  check<float, depthwise(3, {15, 17}, {3, 3}, 2, {1, 1})>(2); // half a pair at the end
  check<float, depthwise(3, {21, 37}, {5, 5}, 2, {2, 2})>(2);
  check<float, depthwise(2, {16, 20}, {2, 2}, 2, {0, 0})>(2);
  check<float, depthwise(2, {17, 47}, {7, 4}, 2, {3, 1})>(2);
  check<float, depthwise(2, {19, 65}, {4, 7}, 2, {0, 2})>(1);
  check<float, depthwise(2, {90, 70}, {3, 3}, 2, {1, 1})>(1);
  check<double, depthwise(3, {13, 18}, {3, 3}, 2, {1, 0})>(2);
  check<float, depthwise(64, {56, 56}, {3, 3}, 2, {1, 1})>(2); // enough for several threads
  constexpr auto up = depthwise(3, {15, 17}, {3, 3}, 2, {1, 1});
  using Layout = stator::kernel::detail::plane_layout<float, up, true>;
  static_assert(stator::kernel::detail::conv_depthwise<float, up, true>::wins && Layout::up,
                "another kernel would be tested");
}

TEST_CASE("planes each by itself are finished where they are computed") {
  constexpr auto G = depthwise(3, {9, 14}, {3, 3}, 2, {1, 1});
  using Pass = stator::kernel::detail::conv_depthwise<float, G, false>;
  constexpr Index batch = 2, count = batch * 3 * G.output_plane();
  const ExactArray<float> x(batch * 3 * G.input_plane(), 1), w(G.weights(), 2), bias(3, 3), summand(count, 4);
  ExactArray<std::byte> packed(static_cast<Index>(Pass::prepared_bytes)),
      scratch(static_cast<Index>(Pass::prepared_scratch_for(batch)));
  ExactArray<float> plain(count, 5), y(count, 6);
  Pass::prepare(w.data(), bias.data(), packed.data());
  Pass::run_prepared(x.data(), packed.data(), plain.data(), batch, scratch.data());
  Pass::run_finished(x.data(), packed.data(), y.data(), batch, scratch.data(), {nullptr, true, false});
  for (Index i = 0; i < count; ++i) CHECK(y[i] == std::max(plain[i], 0.0F));
  Pass::run_finished(x.data(), packed.data(), y.data(), batch, scratch.data(), {summand.data(), true, false});
  for (Index i = 0; i < count; ++i) CHECK(y[i] == std::max(plain[i] + summand[i], 0.0F));
}

TEST_CASE("conv takes pictures of one channel") {
  check<float, ConvGeometry<2>{.in_channels = 1,
                               .out_channels = 6,
                               .input = {28, 28},
                               .kernel = {5, 5},
                               .padding_begin = {2, 2},
                               .padding_end = {2, 2}}>(3);
  check<float, ConvGeometry<2>{.in_channels = 1, .out_channels = 7, .input = {40, 33}, .kernel = {3, 3}}>(3);
  check<float, ConvGeometry<2>{.in_channels = 3,
                               .out_channels = 12,
                               .groups = 3,
                               .input = {60, 75},
                               .kernel = {3, 3},
                               .stride = {2, 2},
                               .padding_begin = {1, 1},
                               .padding_end = {1, 1}}>(2);
}

TEST_CASE("conv takes windows that do not overlap as products") {
  check<float, ConvGeometry<2>{.in_channels = 9, .out_channels = 21, .input = {9, 11}, .kernel = {1, 1}}>(3);
  check<float,
        ConvGeometry<2>{
            .in_channels = 16, .out_channels = 24, .groups = 2, .input = {8, 32}, .kernel = {1, 1}}>(2);
  check<float,
        ConvGeometry<2>{
            .in_channels = 10, .out_channels = 8, .input = {15, 21}, .kernel = {1, 1}, .stride = {2, 2}}>(2);
  check<float,
        ConvGeometry<2>{
            .in_channels = 8, .out_channels = 12, .input = {28, 42}, .kernel = {2, 2}, .stride = {2, 2}}>(2);
  check<float,
        ConvGeometry<2>{
            .in_channels = 8, .out_channels = 8, .input = {23, 27}, .kernel = {2, 1}, .stride = {3, 2}}>(2);
  check<double,
        ConvGeometry<2>{
            .in_channels = 4, .out_channels = 9, .input = {20, 31}, .kernel = {2, 3}, .stride = {2, 3}}>(2);
  check<float, ConvGeometry<3>{.in_channels = 8,
                               .out_channels = 8,
                               .input = {5, 9, 13},
                               .kernel = {1, 2, 2},
                               .stride = {1, 2, 2}}>(2);
  // Blocks of channels, several threads.
  constexpr ConvGeometry<2> up{
      .in_channels = 96, .out_channels = 40, .input = {32, 48}, .kernel = {2, 2}, .stride = {2, 2}};
  check<float, up>(1);
  static_assert(stator::kernel::detail::conv_product<float, up, true>::block < 96,
                "another kernel would be tested");
}

TEST_CASE("conv takes rows of pixels where one vector holds all channels") {
  check<float, ConvGeometry<2>{.in_channels = 6, .out_channels = 16, .input = {14, 14}, .kernel = {5, 5}}>(2);
  check<float, ConvGeometry<2>{.in_channels = 19, .out_channels = 13, .input = {7, 13}, .kernel = {2, 3}}>(2);
  check<float, ConvGeometry<2>{.in_channels = 21, .out_channels = 8, .input = {9, 11}, .kernel = {3, 3}}>(1);
  check<double, ConvGeometry<2>{.in_channels = 10, .out_channels = 4, .input = {5, 11}, .kernel = {3, 2}}>(2);
  // To the input as well, with all channels in one vector and in part of one; groups; three axes.
  constexpr Index floats = stator::kernel::native_width<float>;
  check<float, ConvGeometry<2>{.in_channels = 2 * floats,
                               .out_channels = 2 * floats,
                               .groups = 2,
                               .input = {10, 14},
                               .kernel = {3, 3},
                               .padding_begin = {1, 1},
                               .padding_end = {1, 1}}>(2);
  check<float, ConvGeometry<2>{.in_channels = floats,
                               .out_channels = 48,
                               .input = {7, 21},
                               .kernel = {5, 4},
                               .padding_begin = {2, 1},
                               .padding_end = {2, 2}}>(1);
  check<float, ConvGeometry<2>{.in_channels = 13, .out_channels = 40, .input = {9, 17}, .kernel = {2, 3}}>(1);
  check<float,
        ConvGeometry<2>{
            .in_channels = floats, .out_channels = 40, .input = {9, 17}, .kernel = {3, 3}, .stride = {2, 1}}>(
      1);
  check<float, ConvGeometry<3>{.in_channels = floats,
                               .out_channels = 32,
                               .input = {3, 5, 15},
                               .kernel = {2, 3, 3},
                               .padding_begin = {0, 1, 1},
                               .padding_end = {1, 1, 1}}>(1);
  using Rows = stator::kernel::detail::conv_pass<
      float, ConvGeometry<2>{.in_channels = 6, .out_channels = floats, .input = {14, 20}, .kernel = {5, 3}},
      false>;
  static_assert(floats < 8 || Rows::row_pixels >= 8, "another kernel would be tested");
}

TEST_CASE("conv takes rows that are shorter than a vector") {
  constexpr ConvGeometry<2> few{.in_channels = 6, .out_channels = 4, .input = {9, 14}, .kernel = {5, 5}};
  check<float, few>(2);
  constexpr ConvGeometry<2> plane{.in_channels = 3,
                                  .out_channels = 3,
                                  .groups = 3,
                                  .input = {7, 7},
                                  .kernel = {3, 3},
                                  .padding_begin = {1, 1},
                                  .padding_end = {1, 1}};
  check<float, plane>(2);
  using Wider = stator::kernel::detail::conv_lanes<float, few, true, true>;
  using Plane = stator::kernel::detail::conv_lanes<float, plane, false, true>;
  static_assert(Wider::W < 16 || Wider::valid == 14, "another kernel would be tested");
  static_assert(Plane::W < 8 || Plane::valid == 7, "another kernel would be tested");
}

TEST_CASE("conv copies pixels of planes that displace one another") {
  check<float, ConvGeometry<2>{.in_channels = 64, .out_channels = 42, .input = {16, 20}, .kernel = {1, 1}}>(
      2);
  check<float, ConvGeometry<2>{.in_channels = 36, .out_channels = 19, .input = {16, 16}, .kernel = {1, 1}}>(
      2);
  check<double, ConvGeometry<1>{.in_channels = 18, .out_channels = 33, .input = {128}, .kernel = {1}}>(3);
  using Copied = stator::kernel::detail::conv_vectors<
      float, ConvGeometry<2>{.in_channels = 36, .out_channels = 19, .input = {16, 16}, .kernel = {1, 1}},
      false>;
  static_assert(Copied::wins && Copied::copies, "another kernel would be tested");
}

TEST_CASE("conv takes more weights than anything else") {
  check<float, ConvGeometry<2>{.in_channels = 128,
                               .out_channels = 230,
                               .input = {3, 4},
                               .kernel = {3, 3},
                               .padding_begin = {1, 1},
                               .padding_end = {1, 1}}>(2);
  check<float, ConvGeometry<2>{.in_channels = 120,
                               .out_channels = 245,
                               .input = {3, 6},
                               .kernel = {3, 3},
                               .stride = {2, 2},
                               .padding_begin = {1, 1},
                               .padding_end = {1, 1}}>(1);
  // More samples than are taken at once.
  check<double, ConvGeometry<2>{.in_channels = 68, .out_channels = 966, .input = {2, 5}, .kernel = {2, 2}}>(
      33);
}

TEST_CASE("conv takes groups") {
  check<float, ConvGeometry<2>{
                   .in_channels = 8, .out_channels = 12, .groups = 4, .input = {9, 9}, .kernel = {3, 3}}>(2);
  check<float, ConvGeometry<2>{.in_channels = 9,
                               .out_channels = 9,
                               .groups = 9,
                               .input = {10, 10},
                               .kernel = {3, 3},
                               .padding_begin = {1, 1},
                               .padding_end = {1, 1}}>(2);
  check<float, ConvGeometry<2>{.in_channels = 6,
                               .out_channels = 12,
                               .groups = 6,
                               .input = {15, 20},
                               .kernel = {5, 5},
                               .stride = {2, 2},
                               .padding_begin = {2, 2},
                               .padding_end = {2, 2}}>(2);
}

TEST_CASE("conv takes few channels in a group, with pixels in the lanes of vectors") {
  // Rows of whole vectors, of a vector and a part, of less than a vector; more than one kind of each.
  check<float, ConvGeometry<2>{.in_channels = 3,
                               .out_channels = 10,
                               .input = {6, 32},
                               .kernel = {3, 3},
                               .padding_begin = {1, 1},
                               .padding_end = {1, 1}}>(3);
  check<float, ConvGeometry<2>{
                   .in_channels = 7, .out_channels = 7, .groups = 7, .input = {9, 21}, .kernel = {3, 3}}>(5);
  check<float, ConvGeometry<2>{.in_channels = 5,
                               .out_channels = 10,
                               .groups = 5,
                               .input = {7, 7},
                               .kernel = {3, 3},
                               .padding_begin = {1, 1},
                               .padding_end = {1, 1}}>(2);
  check<double, ConvGeometry<2>{.in_channels = 6,
                                .out_channels = 9,
                                .groups = 3,
                                .input = {8, 11},
                                .kernel = {2, 5},
                                .stride = {3, 1},
                                .padding_begin = {1, 3},
                                .padding_end = {0, 2}}>(2);
  check<float, ConvGeometry<2>{.in_channels = 4,
                               .out_channels = 4,
                               .groups = 4,
                               .input = {13, 19},
                               .kernel = {3, 3},
                               .stride = {2, 3},
                               .padding_begin = {1, 2},
                               .padding_end = {1, 1},
                               .dilation = {1, 2}}>(3);
  check<float, ConvGeometry<2>{.in_channels = 6,
                               .out_channels = 6,
                               .groups = 6,
                               .input = {5, 34},
                               .kernel = {1, 1},
                               .stride = {1, 2}}>(2);
  check<float,
        ConvGeometry<1>{
            .in_channels = 16, .out_channels = 16, .input = {128 + 8}, .kernel = {3}, .dilation = {4}}>(1);
  check<float, ConvGeometry<3>{.in_channels = 2,
                               .out_channels = 2,
                               .groups = 2,
                               .input = {3, 5, 18},
                               .kernel = {2, 3, 3},
                               .stride = {1, 2, 2},
                               .padding_begin = {1, 0, 1},
                               .padding_end = {0, 1, 1}}>(2);
}

TEST_CASE("conv over one and three axes agrees with loops") {
  check<float, ConvGeometry<1>{.in_channels = 5,
                               .out_channels = 18,
                               .input = {40},
                               .kernel = {5},
                               .stride = {2},
                               .padding_begin = {2},
                               .padding_end = {1}}>(3);
  check<double,
        ConvGeometry<1>{.in_channels = 4, .out_channels = 4, .groups = 4, .input = {21}, .kernel = {3}}>(2);
  check<float, ConvGeometry<3>{.in_channels = 3,
                               .out_channels = 10,
                               .input = {5, 6, 7},
                               .kernel = {3, 2, 3},
                               .stride = {1, 2, 1},
                               .padding_begin = {1, 0, 1},
                               .padding_end = {1, 1, 0}}>(2);
}

TEST_CASE("conv takes single samples and batches large enough for threads") {
  check<float, ConvGeometry<2>{.in_channels = 16,
                               .out_channels = 40,
                               .input = {18, 18},
                               .kernel = {3, 3},
                               .padding_begin = {1, 1},
                               .padding_end = {1, 1}}>(1);
  check<float, ConvGeometry<2>{.in_channels = 8,
                               .out_channels = 32,
                               .input = {14, 14},
                               .kernel = {3, 3},
                               .stride = {2, 2},
                               .padding_begin = {1, 1},
                               .padding_end = {1, 1}}>(9);
  check<float, ConvGeometry<2>{.in_channels = 8, .out_channels = 16, .input = {9, 9}, .kernel = {3, 3}}>(0);
  // One sample for several threads.
  check<float, ConvGeometry<2>{.in_channels = 80,
                               .out_channels = 80,
                               .groups = 40,
                               .input = {22, 34},
                               .kernel = {3, 3},
                               .padding_begin = {1, 1},
                               .padding_end = {1, 1}}>(1);
}
