// SPDX-License-Identifier: BSL-1.0
#include "allocations.hpp"
#include "catch.hpp"

#include "stator/io/progress.hpp"

#include <limits>
#include <sstream>

using namespace stator;
using stator::io::Progress;
using stator::test::contains;

namespace {
double now = 0;

io::ProgressOptions options(std::ostream& out, bool terminal) {
  now = 0;
  return {.terminal = terminal, .out = &out, .seconds = [] { return now; }};
}
} // namespace

TEST_CASE("Progress prints a line at every tenth where there is no terminal") {
  std::ostringstream out;
  {
    Progress progress(1000, "epoch 1/3", options(out, false));
    for (int i = 0; i < 100; ++i) {
      now += 0.1;
      progress.update(0.5, 10);
    }
    CHECK(progress.seconds() == Approx(10));
    CHECK(progress.rate() == Approx(100));
    CHECK(progress.loss() == Approx(0.5));
  }
  const std::string text = out.str();
  CHECK(std::count(text.begin(), text.end(), '\n') == 10);
  CHECK_THAT(text, contains("epoch 1/3   10%  loss 0.5000  100 images/s  0:09 left\n"));
  CHECK_THAT(text, contains("epoch 1/3  100%  loss 0.5000  100 images/s  0:10 used\n"));
  CHECK(text.find('\r') == std::string::npos);
}

TEST_CASE("Progress redraws one line on a terminal, ten times a second at most") {
  std::ostringstream out;
  {
    Progress progress(1000, "epoch 2/3", options(out, true));
    for (int i = 0; i < 1000; ++i) {
      now += 0.001;
      progress.update(1.0);
    }
  }
  const std::string text = out.str();
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  CHECK(std::count(text.begin(), text.end(), '\r') <= 12);
  CHECK_THAT(text, contains("epoch 2/3 [============>           ]  5"));
  CHECK_THAT(text, contains("[========================] 100%  loss 1.0000  1000 images/s"));
}

TEST_CASE("Progress shows a mean of the latest losses, and one that is not a number") {
  std::ostringstream out;
  Progress progress(100, "", options(out, false));
  progress.update(3.0);
  CHECK(progress.loss() == Approx(3.0));
  for (int i = 0; i < 1000; ++i) progress.update(1.0);
  CHECK(progress.loss() == Approx(1.0).margin(1e-3));
  progress.update(std::numeric_limits<double>::quiet_NaN());
  CHECK(std::isnan(progress.loss()));
}

TEST_CASE("Progress does without a clock that moves and without a total") {
  std::ostringstream out;
  Progress progress(0, "", options(out, false));
  progress.update(1.0);
  CHECK_THAT(out.str(), contains("100%  loss 1.0000  0.00 images/s  0:00 used"));
}

TEST_CASE("Progress writes long times in hours") {
  std::ostringstream out;
  Progress progress(100, "", options(out, false));
  now = 1000;
  progress.update(1.0, 10);
  CHECK_THAT(out.str(), contains("0.01 images/s  2:30:00 left"));
}

TEST_CASE("Progress allocates nothing between its lines") {
  if (!test::allocations_are_counted()) return;
  std::ostringstream out;
  Progress progress(1 << 20, "epoch", options(out, false));
  const std::size_t before = test::allocations();
  for (int i = 0; i < 1000; ++i) progress.update(1.0);
  CHECK(test::allocations() == before);
}
