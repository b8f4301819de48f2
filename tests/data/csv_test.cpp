// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"
#include "files.hpp"

#include "stator/data/csv.hpp"

#include <fstream>

using namespace stator;
using data::Csv;

TEST_CASE("columns of a table are tensors") {
  const Csv table("length,width,species\n1.5,2,setosa\r\n-3e-1,+4, virginica\n\n7,8.25,setosa", "t.csv");
  CHECK(table.size() == 3);
  CHECK(table.names() == std::vector<std::string>{"length", "width", "species"});
  const auto x = table.columns<float, 2>({"width", "length"});
  CHECK(std::ranges::equal(x.values(), std::vector<float>{2, 1.5, 4, -0.3F, 8.25, 7}));
  const auto [names, indices] = table.classes("species");
  CHECK(names == std::vector<std::string>{" virginica", "setosa"});
  CHECK(std::ranges::equal(indices.values(), std::vector<std::int64_t>{1, 0, 1}));
  CHECK(std::ranges::equal(table.column<double>("length").values(), std::vector<double>{1.5, -0.3, 7}));
}

TEST_CASE("cells may be quoted, delimiters are free, a header may be missing") {
  const Csv table("a;\"b;c\"\n\"two\nlines\";\"a \"\"word\"\"\"\n;\n", "t.csv",
                  {.delimiter = ';', .has_header = false});
  CHECK(table.size() == 3);
  CHECK(table.names() == std::vector<std::string>{"0", "1"});
  CHECK(table.cell(0, 1) == "b;c");
  CHECK(table.cell(1, 0) == "two\nlines");
  CHECK(table.cell(1, 1) == "a \"word\"");
  CHECK(table.cell(2, 0).empty());
  CHECK(Csv("", "t.csv").size() == 0);
  CHECK(Csv("\xEF\xBB\xBFx\n1\n", "t.csv").column<std::int64_t>("x")(0) == 1);
  CHECK(Csv("x,y\n1,\n", "t.csv").cell(0, 1).empty()); // a last cell that is empty
}

TEST_CASE("what is wrong with a table is said with its line") {
  const auto said = [](const char* text) { return test::thrown<Error>([&] { Csv(text, "t.csv"); }); };
  CHECK(said("a,b\n1,2\n3\n") == "stator: t.csv, line 3: 1 cells, expected 2");
  CHECK(said("a,b\n1,2,3\n") == "stator: t.csv, line 2: 3 cells, expected 2");
  CHECK(said("a\n\"two\nlines\"\nx,y\n") == "stator: t.csv, line 4: 2 cells, expected 1");
  CHECK(said("a\n\"open\n1\n") == "stator: t.csv, line 2: a quote that nothing closes");
  CHECK(said("a\n\"x\"y\n") == "stator: t.csv, line 2: text after a closing quote");
  const Csv table("a,b\n1,\n2.5,x\n300,1e99\n", "t.csv");
  CHECK(test::thrown<Error>([&] { table.column<float>("b"); }) ==
        "stator: t.csv, line 2, column 'b': expected a number of type float32, found ''");
  CHECK(test::thrown<Error>([&] { table.number<float>(1, 1); }) ==
        "stator: t.csv, line 3, column 'b': expected a number of type float32, found 'x'");
  CHECK(test::thrown<Error>([&] { table.number<float>(2, 1); }) ==
        "stator: t.csv, line 4, column 'b': expected a number of type float32, found '1e99'");
  CHECK(test::thrown<Error>([&] { table.column<std::int64_t>("a"); }) ==
        "stator: t.csv, line 3, column 'a': expected a number of type int64, found '2.5'");
  CHECK(test::thrown<Error>([&] { table.column<float>("c"); }) ==
        "stator: t.csv: has no column 'c'; there are a, b");
}

TEST_CASE("read_csv reads a file") {
  const test::TemporaryDirectory scratch;
  std::ofstream(scratch / "t.csv") << "x\n1\n2\n";
  CHECK(data::read_csv(scratch / "t.csv").column<float>("x")(1) == 2);
  CHECK_THROWS_AS(data::read_csv(scratch / "none.csv"), FileError);
}
