// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include "data/numbers.hpp"

#include <cstdint>

using namespace stator;
using stator::test::contains;
using stator::test::thrown;

TEST_CASE("a dataset gives views of its samples and labels") {
  const Numbers data = numbers(5);
  CHECK(data.size() == 5);
  CHECK(data.samples().shape() == Sizes{Extents(5, 2)});
  CHECK(data.labels().shape() == Sizes{Extents(5)});
  CHECK(data.samples()(3, 1) == 31.0f);
  CHECK(reinterpret_cast<std::uintptr_t>(data.samples().data()) % alignment == 0);
  const auto [image, label] = data[4];
  CHECK(image(0) == 40.0f);
  CHECK(label == 4);
}

TEST_CASE("a dataset refuses samples that are not there and sizes that do not agree") {
  const Numbers data = numbers(5);
  CHECK(thrown<ValueError>([&] { data[5]; }) == "stator: sample 5 of a dataset of 5");
  CHECK(thrown<ValueError>([&] { data[-1]; }) == "stator: sample -1 of a dataset of 5");
  CHECK_THAT(thrown<ShapeError>([] { Numbers({1, 2, 3}, {0, 1}); }), contains("3 values for 2 labels"));
}

TEST_CASE("subset copies the chosen samples in the given order") {
  const Index chosen[] = {3, 0, 3};
  const Numbers part = numbers(5).subset(chosen);
  CHECK(part.size() == 3);
  CHECK(part.samples()(0, 0) == 30.0f);
  CHECK(part.samples()(1, 1) == 1.0f);
  CHECK(part.labels()(2) == 3);
  const Index beyond[] = {5};
  CHECK_THROWS_AS(numbers(5).subset(beyond), ValueError);
}

TEST_CASE("random_split draws the parts that PyTorch draws") {
  const auto parts = data::random_split(numbers(10), {7, 3}, 0);
  REQUIRE(parts.size() == 2);
  const auto labels = [](const Numbers& part) {
    return std::vector<std::int64_t>(part.labels().begin(), part.labels().end());
  };
  CHECK(labels(parts[0]) == std::vector<std::int64_t>{4, 1, 7, 5, 3, 9, 0});
  CHECK(labels(parts[1]) == std::vector<std::int64_t>{8, 6, 2});
  CHECK(parts[1].samples()(0, 1) == 81.0f);
}

TEST_CASE("random_split refuses sizes that do not add up") {
  CHECK_THAT(thrown<ValueError>([] { data::random_split(numbers(10), {7, 2}, 0); }), contains("add up to 9"));
  CHECK_THROWS_AS(data::random_split(numbers(10), {7, 4}, 0), ValueError);
  CHECK_THROWS_AS(data::random_split(numbers(10), {-1, 11}, 0), ValueError);
}

TEST_CASE("transform_ and normalize_ change every sample") {
  Numbers data = numbers(3);
  data.transform_([](std::span<float, 2> sample) { std::swap(sample[0], sample[1]); });
  CHECK(data.samples()(2, 0) == 21.0f);
  data.normalize_(1.0f, 2.0f);
  CHECK(data.samples()(2, 0) == 10.0f);
  CHECK(data.samples()(0, 1) == -0.5f);
}
