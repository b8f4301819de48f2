// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/conv.hpp"
#include "stator/nn/flatten.hpp"
#include "stator/nn/rnn.hpp"
#include "stator/run/summary.hpp"

#include "module/nets.hpp"
#include "module/several_results.hpp"

#include "catch.hpp"

#include <sstream>

using namespace stator;
using namespace stator::test;

TEST_CASE("summary is a constant table") {
  constexpr auto table = summary<Mlp>(Shape<dynamic, 784>{});
  STATIC_REQUIRE(table.rows.size() == 3);
  STATIC_REQUIRE(table.total().parameters == 101'770);
  STATIC_REQUIRE(table.total().multiply_adds == 784 * 128 + 128 * 10);
  STATIC_REQUIRE(table["fc1"].output == Extents(dynamic, 128));
  STATIC_REQUIRE(table["fc2"].bytes == 1290 * 4);
  constexpr auto batch = summary<Mlp>(Shape<64, 784>{});
  STATIC_REQUIRE(batch["fc2"].multiply_adds == 64 * 1280);
  STATIC_REQUIRE(batch["fc2"].output == Extents(64, 10));

  std::ostringstream out;
  out << table;
  CHECK(out.str() == "module  class   output      parameters   multiply-adds         bytes\n"
                     "(all)   Mlp     [?, 10]         101770          101632        407080\n"
                     "fc1     Linear  [?, 128]        100480          100352        401920\n"
                     "fc2     Linear  [?, 10]           1290            1280          5160\n");
}

namespace {
struct Up {
  nn::ConvTranspose2d<4, 4, 2, {.stride = 2}> conv;
  constexpr auto forward(auto x) const { return x | conv; }
};
struct Grouped {
  nn::Conv2d<4, 8, 3, {.padding = 1, .groups = 2}> conv;
  constexpr auto forward(auto x) const { return x | conv; }
};
struct Sequences {
  nn::LSTM<8, 16, {.batch_first = true}> lstm;
  nn::GRU<8, 16, {.batch_first = true}> gru;
  nn::RNN<8, 16, {.batch_first = true}> rnn;
  constexpr auto forward(auto x) const { return (x | lstm) + (x | gru) + (x | rnn); }
};
} // namespace

TEST_CASE("summary counts the multiply-adds that operations state") {
  // Each element of the input meets every weight of its channel once.
  STATIC_REQUIRE(summary<Up>(Shape<1, 4, 8, 8>{}).total().multiply_adds == 4 * 64 * 4 * 4);
  STATIC_REQUIRE(summary<Grouped>(Shape<1, 4, 8, 8>{}).total().multiply_adds == 8 * 64 * 2 * 9);
  // The products with the input and with the hidden state, 10 steps in all, 4, 3 and 1 gates.
  constexpr auto table = summary<Sequences>(Shape<2, 5, 8>{});
  STATIC_REQUIRE(table["lstm"].multiply_adds == 10 * 4 * (8 * 16 + 16 * 16));
  STATIC_REQUIRE(table["gru"].multiply_adds == 10 * 3 * (8 * 16 + 16 * 16));
  STATIC_REQUIRE(table["rnn"].multiply_adds == 10 * (8 * 16 + 16 * 16));
}

TEST_CASE("summary counts shared modules and parameters once, their work each time") {
  constexpr auto table = summary<Tied>(Shape<4>{});
  STATIC_REQUIRE(table.total().parameters == Model<Tied>::parameter_count);
  STATIC_REQUIRE(table.total().multiply_adds == 16 + 16 + 24);
  constexpr auto deep = summary<Deep>(Shape<5, 3>{});
  STATIC_REQUIRE(!deep["blocks"].called && deep["blocks"].parameters == 2 * 16);
  STATIC_REQUIRE(deep["blocks.1.scale"].output == Extents(5, 3));
}

TEST_CASE("summary shows the shapes of all results as Python writes them") {
  constexpr auto table = summary<Speaker>(Shape<5, 1, 3>{});
  STATIC_REQUIRE(table.total().output_count() == 3);
  STATIC_REQUIRE(table.total().output == Extents(5, 1, 2));
  STATIC_REQUIRE(table.total().output_at(1) == Extents(1, 1, 4));
  STATIC_REQUIRE(table["encoder"].output_at("1.1") == Extents(1, 1, 4));
  STATIC_REQUIRE(table.total().output_at("state.0") == Extents(1, 1, 4));
  STATIC_REQUIRE(table["encoder.lstm"].output_count() == 0);
  CHECK(table["encoder"].shapes().view() == "([5, 1, 4], ([1, 1, 4], [1, 1, 4]))");
  std::ostringstream out;
  out << table;
  CHECK_THAT(out.str(), contains("Encoded(output=[5, 1, 2], state=([1, 1, 4], [1, 1, 4]))"));
}
