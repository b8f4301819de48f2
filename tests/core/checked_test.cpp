// SPDX-License-Identifier: BSL-1.0
#include "allocations.hpp"
#include "catch.hpp"

#include "stator/core/bytes.hpp"
#include "stator/core/checked.hpp"
#include "stator/core/workspace.hpp"
#include "stator/state/state_tensor.hpp"

#include <vector>

using namespace stator;
using stator::test::contains;
using stator::test::thrown;

namespace {
constexpr Index huge = Index{1} << (std::numeric_limits<Index>::digits - 1),
                root = Index{1} << (4 * sizeof(Index));

CheckedSize product(std::vector<Index> extents) { return checked_product(extents); }
} // namespace

TEST_CASE("a product of sizes is right, or says that it does not fit") {
  CHECK(product({}).value() == 1);
  CHECK(product({2, 3, 4}).value() == 24);
  CHECK(product({huge, 1}).value() == static_cast<std::size_t>(huge));
  CHECK_FALSE(product({huge, 2}).fits());
  CHECK_FALSE(product({root, root}).fits()); // wraps to 0
  CHECK_FALSE(product({huge, huge}).fits());
}

TEST_CASE("a product with a zero is zero, whatever the other extents are") {
  for (const auto& extents : {std::vector<Index>{huge, huge, 0}, {0, huge, huge}, {huge, 0, huge}}) {
    CHECK(checked_product(extents).fits());
    CHECK(checked_product(extents).value() == 0);
  }
}

TEST_CASE("a negative extent makes no size, not even beside a zero") {
  for (const Index negative : {Index{-1}, std::numeric_limits<Index>::min()}) {
    CHECK_FALSE(product({negative}).fits());
    CHECK(product({negative, negative}).is_negative());
    CHECK(product({0, negative}).is_negative());
    CHECK(product({negative, 0}).is_negative());
  }
}

TEST_CASE("a sum of sizes does not wrap around") {
  CheckedSize sum = huge;
  CHECK((sum += huge - 1).value() == largest_size);
  CHECK_FALSE((sum += 1).fits());
  CHECK_FALSE((sum += 0).fits());
}

TEST_CASE("the size of a workspace is checked for every batch") {
  constexpr Bytes bytes{.fixed = 64, .per_sample = 784 * 4};
  static_assert(bytes.total(2) == 64 + 2 * 784 * 4);
  CHECK(bytes.total(0) == 64);
  for (const Index batch : {huge, huge / 4, Index{-1}, std::numeric_limits<Index>::min()})
    CHECK_THAT(
        thrown<ShapeError>([&] { (void)bytes.total(batch); }),
        contains("stator: a batch of " + std::to_string(batch) + " needs 3136 bytes for each sample and 64"));
}

TEST_CASE("memory that is not there is an error with its size") {
  if (!test::allocations_are_counted()) return; // a sanitizer's malloc ends the process instead
  if (sizeof(void*) < 8) return;                // there may be half of all that 32 bits count
  CHECK_THAT(thrown<MemoryError>([] { MemoryBlock(largest_size / 2); }),
             contains("cannot allocate " + std::to_string(largest_size / 2) + " bytes"));
}

TEST_CASE("the size of a state tensor is checked") {
  StateTensor tensor{.name = "w", .shape = {huge, huge, 0}};
  CHECK(tensor.numel() == 0);
  tensor.shape = {3, 5};
  CHECK(tensor.bytes() == 60);
  tensor.shape = {huge, 2};
  CHECK_THAT(thrown<ShapeError>([&] { (void)tensor.bytes(); }),
             contains("stator: 'w' has shape torch.Size([" + std::to_string(huge) + ", 2]): more elements"));
  tensor.shape = {2, -1};
  CHECK_THAT(thrown<ShapeError>([&] { (void)tensor.numel(); }), contains("[2, -1]): an extent is negative"));
}
