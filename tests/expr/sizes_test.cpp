// SPDX-License-Identifier: BSL-1.0
// Batches that no tensor can have, wherever a program states one.
#include "allocations.hpp"
#include "catch.hpp"

#include "stator/stator.hpp"

#include <limits>

using namespace stator;
using stator::test::contains;
using stator::test::thrown;

namespace {
const Index impossible[] = {-1,
                            -2,
                            Index{1} << 60,
                            (Index{1} << 60) + 1,
                            Index{1} << 62,
                            std::numeric_limits<Index>::max(),
                            std::numeric_limits<Index>::min()};

std::string shape_text(Index batch) {
  return "stator: a tensor of shape [" + std::to_string(batch) + ", 784] ";
}
} // namespace

TEST_CASE("a tensor refuses a batch that cannot be, and says what was asked for") {
  for (const Index batch : impossible) {
    using T = Tensor<float, dynamic, 784>;
    using V = Variable<double, dynamic, 784>;
    const std::string why =
        batch < 0 ? "cannot be: its batch is negative" : "cannot be: it has more elements";
    CHECK_THAT(thrown<ShapeError>([&] { T x(batch); }), contains(shape_text(batch) + why));
    CHECK_THAT(thrown<ShapeError>([&] { V x(batch); }), contains(shape_text(batch) + why));
  }
}

TEST_CASE("a tensor that there is no memory for says how much it needs") {
  if (!test::allocations_are_counted()) return; // a sanitizer's malloc ends the process instead
  using T = Tensor<float, dynamic, 784>;
  CHECK_THAT(thrown<MemoryError>([] { T x(Index{1} << 40); }),
             contains("stator: a tensor of shape [1099511627776, 784] needs 3448068464705536 bytes"));
}

TEST_CASE("a view refuses a batch that cannot be") {
  float memory[784] = {};
  for (const Index batch : impossible)
    CHECK_THAT(thrown<ShapeError>([&] { TensorView<float, dynamic, 784>(memory, batch).fill_(1); }),
               contains(shape_text(batch)));
  CHECK(memory[0] == 0);
}

TEST_CASE("an expression whose values no memory can hold is a ShapeError") {
  // The view's own 2^61 bytes could be; what is computed from them could not.
  float memory[2] = {1, 2};
  const TensorView<const float, dynamic, 1> x(memory, Index{1} << 59);
  const Tensor<float, 1, 64> w;
  auto y = matmul(x, w);
  CHECK_THAT(thrown<ShapeError>([&] { (void)y.value(); }),
             contains("stator: a tensor of shape [576460752303423488, 64]"));
  auto loss = sum(exp(matmul(x, w)));
  CHECK_THAT(thrown<ShapeError>([&] { (void)loss.item(); }),
             contains("stator: a batch of 576460752303423488 needs"));
}

TEST_CASE("batches of more samples than a dataset has are one batch, however many more") {
  const data::TensorDataset<float, 2> dataset({1, 2, 3, 4}, {0, 1});
  int count = 0;
  for (auto [samples, labels] : data::batches<std::numeric_limits<Index>::max()>(dataset)) {
    CHECK(samples.size(0) == 2);
    CHECK(labels.size(0) == 2);
    ++count;
  }
  CHECK(count == 1);
}
