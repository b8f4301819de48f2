// SPDX-License-Identifier: BSL-1.0
// Expected values: randperm_reference.py.
#include "catch.hpp"

#include "stator/data/dataset.hpp"

using stator::Index;
using stator::data::RandomPermutation;

namespace {
std::vector<Index> next(RandomPermutation& permutation, std::size_t size) {
  std::vector<Index> order(size);
  permutation.next(order);
  return order;
}
} // namespace

TEST_CASE("RandomPermutation draws what torch.randperm draws") {
  RandomPermutation zero(0);
  CHECK(next(zero, 10) == std::vector<Index>{4, 1, 7, 5, 3, 9, 0, 8, 6, 2});
  CHECK(next(zero, 10) == std::vector<Index>{3, 9, 4, 2, 7, 8, 6, 0, 5, 1});
  CHECK(next(zero, 10) == std::vector<Index>{4, 0, 8, 5, 9, 1, 6, 3, 7, 2});

  RandomPermutation large(7);
  for (const Index expected : {Index{53929381785921}, Index{53864501903629}}) {
    const auto order = next(large, 60000);
    Index checksum = 0;
    for (std::size_t i = 0; i < order.size(); ++i) checksum += order[i] * static_cast<Index>(i + 1);
    CHECK(checksum == expected);
  }
}

TEST_CASE("RandomPermutation takes the lower half of a seed, as PyTorch does") {
  RandomPermutation one(1), wide((std::uint64_t{1} << 32) + 1);
  const auto order = next(one, 10);
  CHECK(order == std::vector<Index>{5, 6, 1, 2, 0, 8, 9, 3, 7, 4});
  CHECK(next(wide, 10) == order);
}

TEST_CASE("RandomPermutation seeks to any of its permutations") {
  RandomPermutation permutation(0);
  permutation.seek(2, 10);
  CHECK(next(permutation, 10) == std::vector<Index>{4, 0, 8, 5, 9, 1, 6, 3, 7, 2});
  permutation.seek(1, 10);
  CHECK(next(permutation, 10) == std::vector<Index>{3, 9, 4, 2, 7, 8, 6, 0, 5, 1});
}

TEST_CASE("RandomPermutation of nothing and of one thing") {
  RandomPermutation permutation(0);
  CHECK(next(permutation, 0).empty());
  CHECK(next(permutation, 1) == std::vector<Index>{0});
  permutation.seek(3, 0);
  CHECK(next(permutation, 10) == std::vector<Index>{4, 1, 7, 5, 3, 9, 0, 8, 6, 2});
}
