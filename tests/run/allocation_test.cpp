// SPDX-License-Identifier: BSL-1.0
#include "allocations.hpp"
#include "catch.hpp"
#include "run/networks.hpp"

using namespace stator;
using namespace stator::test;

namespace {

/// Allocations of three training steps, evaluation included, after the first.
template<class Net, Index Batch>
std::size_t allocations_of_steps() {
  Model<Net> model;
  optim::Adam optimizer{model, {.lr = 1e-3}};
  const Samples<Net, Batch> samples(8), rest(Batch == dynamic ? 3 : 8);
  Tensor<float, Batch, 10> logits = model.eval()(samples.images).value();
  float total = 0;
  const auto step = [&](const auto& batch) {
    auto loss = nn::cross_entropy(model(batch.images), batch.labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    total += loss.item();
  };
  step(samples);
  const std::size_t before = allocations();
  for (int i = 0; i < 3; ++i) step(samples);
  step(rest); // a short last batch needs no more
  model.eval()(samples.images).value_into(logits);
  const std::size_t after = allocations();
  CHECK(total > 0);
  return after - before;
}

} // namespace

TEST_CASE("allocations are counted at malloc") {
  if (!allocations_are_counted()) return; // a sanitizer brings its own malloc
  const std::size_t before = allocations();
  const Tensor<float, 1000> one;
  CHECK(allocations() == before + 1);
}

TEST_CASE("after the first step a training step of the MLP allocates nothing") {
  CHECK(allocations_of_steps<Mlp, 8>() == 0);
  CHECK(allocations_of_steps<Mlp, dynamic>() == 0);
}

TEST_CASE("after the first step a training step of the CNN allocates nothing") {
  CHECK(allocations_of_steps<Cnn, 8>() == 0);
  CHECK(allocations_of_steps<Cnn, dynamic>() == 0);
}
