// SPDX-License-Identifier: BSL-1.0
#include "stator/run/summary.hpp"

#include "module/nets.hpp"

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

TEST_CASE("summary counts shared modules and parameters once, their work each time") {
  constexpr auto table = summary<Tied>(Shape<4>{});
  STATIC_REQUIRE(table.total().parameters == Model<Tied>::parameter_count);
  STATIC_REQUIRE(table.total().multiply_adds == 16 + 16 + 24);
  constexpr auto deep = summary<Deep>(Shape<5, 3>{});
  STATIC_REQUIRE(!deep["blocks"].called && deep["blocks"].parameters == 2 * 16);
  STATIC_REQUIRE(deep["blocks.1.scale"].output == Extents(5, 3));
}
