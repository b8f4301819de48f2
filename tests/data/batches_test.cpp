// SPDX-License-Identifier: BSL-1.0
#include "allocations.hpp"
#include "catch.hpp"

#include "data/numbers.hpp"
#include "stator/data/batches.hpp"

#include <cstdint>
#include <ranges>

using namespace stator;
using stator::data::batches;

namespace {
using Labels = std::vector<std::int64_t>;

/// One pass: every label in order, after a check that each sample is the label's.
template<class Batches>
Labels one_pass(Batches&& range) {
  Labels all;
  for (auto [images, labels] : range) {
    REQUIRE(images.size(0) == labels.size(0));
    for (Index i = 0; i < labels.size(0); ++i) {
      REQUIRE(images(i, 1) == static_cast<float>(10 * labels(i) + 1));
      all.push_back(labels(i));
    }
  }
  return all;
}
} // namespace

static_assert(std::ranges::input_range<data::Batches<4, float, 2>>);
template<class Dataset>
concept HasBatches = requires(Dataset&& dataset) { batches<4>(std::forward<Dataset>(dataset)); };
static_assert(HasBatches<Numbers&> && HasBatches<const Numbers&>);
static_assert(!HasBatches<Numbers>, "the dataset would be gone before the loop");

TEST_CASE("batches without shuffling point into the dataset, the last is short") {
  const Numbers data = numbers(10);
  std::vector<Index> sizes;
  const float* expected = data.samples().data();
  for (auto [images, labels] : batches<4>(data)) {
    CHECK(images.data() == expected);
    CHECK(images.shape() == Sizes{Extents(images.size(0), 2)});
    expected += images.numel();
    sizes.push_back(labels.size(0));
  }
  CHECK(sizes == std::vector<Index>{4, 4, 2});
  CHECK(one_pass(batches<4>(data)) == Labels{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(batches<4>(data).size() == 3);
}

TEST_CASE("batches with drop_last leave out the short batch") {
  const Numbers data = numbers(10);
  CHECK(batches<4>(data, {.drop_last = true}).size() == 2);
  CHECK(one_pass(batches<4>(data, {.drop_last = true})) == Labels{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(one_pass(batches<16>(data, {.drop_last = true})).empty());
  CHECK(batches<5>(data, {.drop_last = true}).size() == 2);
}

TEST_CASE("shuffled batches visit torch.randperm's order, the next pass its next order") {
  const Numbers data = numbers(10);
  auto range = batches<4>(data, {.shuffle = true, .seed = 0});
  CHECK(one_pass(range) == Labels{4, 1, 7, 5, 3, 9, 0, 8, 6, 2});
  CHECK(one_pass(range) == Labels{3, 9, 4, 2, 7, 8, 6, 0, 5, 1});
  range.set_epoch(0);
  CHECK(one_pass(range) == Labels{4, 1, 7, 5, 3, 9, 0, 8, 6, 2});
  range.set_epoch(2);
  CHECK(one_pass(range) == Labels{4, 0, 8, 5, 9, 1, 6, 3, 7, 2});
}

TEST_CASE("shuffled batches keep their buffer when the range moves, at an aligned address") {
  const Numbers data = numbers(10);
  auto first = batches<4>(data, {.shuffle = true});
  auto range = std::move(first);
  CHECK(one_pass(range) == Labels{4, 1, 7, 5, 3, 9, 0, 8, 6, 2});
  for (auto [images, labels] : range) CHECK(reinterpret_cast<std::uintptr_t>(images.data()) % alignment == 0);
}

TEST_CASE("batches of an empty dataset and larger than the dataset") {
  const Numbers none = numbers(0), three = numbers(3);
  CHECK(one_pass(batches<4>(none)).empty());
  CHECK(one_pass(batches<4>(none, {.shuffle = true})).empty());
  CHECK(one_pass(batches<4>(three)) == Labels{0, 1, 2});
  CHECK(one_pass(batches<4>(three, {.shuffle = true})).size() == 3);
}

TEST_CASE("a pass over shuffled batches allocates nothing") {
  if (!test::allocations_are_counted()) return;
  const Numbers data = numbers(100);
  auto range = batches<8>(data, {.shuffle = true});
  const std::size_t before = test::allocations();
  Index sum = 0;
  for (int epoch = 0; epoch < 3; ++epoch)
    for (auto [images, labels] : range) sum += images.size(0) + labels(0) - labels(0);
  CHECK(test::allocations() == before);
  CHECK(sum == 300);
}
