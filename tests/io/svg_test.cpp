// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"
#include "files.hpp"

#include "stator/io/svg.hpp"

#include <limits>

using namespace stator;
using stator::io::Series;
using stator::test::contains;

namespace {
std::vector<double> falling(std::size_t size) {
  std::vector<double> values(size);
  for (std::size_t i = 0; i < size; ++i) values[i] = 2.3 / (1.0 + 0.01 * static_cast<double>(i));
  return values;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}
} // namespace

TEST_CASE("a line chart has axes, ticks, labels and a legend") {
  const Series series[] = {{"mlp", falling(50)}, {"cnn", {1.0, 0.5}, {10, 20}}};
  const std::string svg = io::line_chart(series, {.title = "Fashion-MNIST"});
  CHECK(svg.starts_with("<svg "));
  CHECK(svg.ends_with("</svg>\n"));
  for (const char* word : {">Fashion-MNIST<", ">step<", ">loss<", ">mlp<", ">cnn<", ">0.5<", ">2.5<", ">50<"})
    CHECK_THAT(svg, contains(word));
  CHECK(count(svg, "<polyline") == 2);
  CHECK(count(svg, "nan") == 0);
}

TEST_CASE("a long curve is drawn with its mean, and with no more points than can be seen") {
  const Series series[] = {{"train", falling(100000)}};
  const std::string svg = io::line_chart(series);
  CHECK(count(svg, "<polyline") == 2);
  CHECK(svg.size() < 100000);
}

TEST_CASE("thinning a curve keeps its lowest and highest points") {
  std::vector<io::detail::Point> points;
  for (int i = 0; i < 1000; ++i) points.push_back({static_cast<double>(i), 1.0});
  points[321].y = 9.0;
  points[654].y = -9.0;
  const auto kept = io::detail::decimate(points, 50);
  CHECK(kept.size() <= 100);
  CHECK(std::ranges::count(kept, 9.0, &io::detail::Point::y) == 1);
  CHECK(std::ranges::count(kept, -9.0, &io::detail::Point::y) == 1);
  CHECK(std::ranges::is_sorted(kept, {}, &io::detail::Point::x));
}

TEST_CASE("a moving mean keeps a straight line straight, and uses what is there at its ends") {
  std::vector<io::detail::Point> points;
  for (int i = 0; i < 20; ++i) points.push_back({static_cast<double>(i), 2.0 * i});
  const auto means = io::detail::moving_mean(points, 3);
  for (std::size_t i = 3; i < 17; ++i) CHECK(means[i].y == Approx(points[i].y));
  CHECK(means.front().y == Approx(3.0)); // of 0, 2, 4, 6
  CHECK(means.back().y == Approx(35.0));
}

TEST_CASE("an axis has round ticks that cover the data") {
  const auto axis = io::detail::Axis::around(0.31, 2.29);
  CHECK(axis.low == Approx(0.0));
  CHECK(axis.high == Approx(2.5));
  CHECK(axis.step == Approx(0.5));
  const auto steps = io::detail::Axis::around(1, 2814);
  CHECK(steps.high == Approx(3000));
  CHECK(io::detail::Axis::around(-1, 1).tick(2) == 0.0);
}

TEST_CASE("a chart of nothing, of one point, of equal values, of values that are not numbers") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const Series series[] = {{"none", {}}, {"one", {0.7}}, {"equal", {0.7, 0.7}}, {"bad", {nan, inf, 0.7}}};
  for (const std::span<const Series> part :
       {std::span<const Series>(series).first(0), std::span<const Series>(series).first(1),
        std::span<const Series>(series)}) {
    const std::string svg = io::line_chart(part);
    CHECK(count(svg, "nan") == 0);
    CHECK(count(svg, "inf") == 0);
  }
}

TEST_CASE("names in a chart are escaped") {
  const Series series[] = {{"a<b & \"c\"", {1, 2}}};
  CHECK_THAT(io::line_chart(series), contains(">a&lt;b &amp; &quot;c&quot;<"));
}

TEST_CASE("save_line_chart writes the picture and refuses series that do not fit") {
  const test::TemporaryDirectory directory;
  const Series series[] = {{"mlp", falling(50)}};
  io::save_line_chart(directory / "loss.svg", series);
  CHECK(test::read_bytes(directory / "loss.svg") == io::line_chart(series));
  const Series bad[] = {{"bad", {1, 2}, {1}}};
  CHECK_THROWS_AS(io::save_line_chart(directory / "loss.svg", bad), ValueError);
  CHECK(directory.count() == 1);
}
