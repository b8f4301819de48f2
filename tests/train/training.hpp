// SPDX-License-Identifier: BSL-1.0
// The training runs of reference/training.py: twenty steps from manual_seed(0) on batches from
// manual_seed(1).
#pragma once

#include "catch.hpp"
#include "reference/reference.hpp"
#include "stator/core/random.hpp"
#include "stator/optim/adam.hpp"
#include "stator/optim/sgd.hpp"
#include "stator/stator.hpp"

namespace stator::test {

inline constexpr Index training_batch = 64;

/// Trains a new `Net` and compares every loss and the weights at the end with PyTorch's. `Images`, `Labels`:
/// Tensor types of a batch. `make_optimizer(model)` returns the optimiser.
template<class Net, class Images, class Labels>
void train_as_pytorch(const std::string& run, auto make_optimizer) {
  INFO(run);
  const auto& expected = reference("training");
  manual_seed(0);
  Model<Net> model;
  auto optimizer = make_optimizer(model);

  const auto make = []<class T>(T*) {
    if constexpr (T::shape_type::is_dynamic)
      return T(training_batch);
    else
      return T();
  };
  auto images = make(static_cast<Images*>(nullptr));
  auto labels = make(static_cast<Labels*>(nullptr));
  manual_seed(1);
  const auto losses = expected[run + ".loss"].template as<double>();
  for (std::size_t step = 0; step < losses.size(); ++step) {
    uniform_(images.values());
    random_(labels.values(), 0, 10);
    const auto loss = nn::cross_entropy(model(images), labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    INFO("step " << step);
    CHECK(std::abs(static_cast<double>(loss.item()) / losses[step] - 1) < 1e-5);
  }

  for (auto [name, parameter] : model.named_parameters()) {
    INFO(name);
    const auto found = parameter.template values<float>();
    const auto weights = expected[run + '.' + std::string(name)].template as<float>();
    const std::vector<double> sampled = doubles(found, found.size() == weights.size() ? 1 : 37);
    REQUIRE(sampled.size() == weights.size());
    // Adam divides by the size of the gradient: where that is rounding alone, PyTorch itself is not sure, and
    // which elements these are changes with the order of additions: with the compiler, its options and the
    // machine.
    const auto unsure =
        static_cast<std::size_t>(expected[run + ".apart." + std::string(name)].template as<double>()[1]) +
        (run == "cnn.adam" ? weights.size() / 50 : 0);
    std::size_t apart = 0;
    double squares = 0;
    for (std::size_t i = 0; i < weights.size(); ++i)
      apart += !(std::abs(sampled[i] - static_cast<double>(weights[i])) < 1e-4);
    check_close(sampled, weights, run == "cnn.adam" ? 2e-3 : 1e-4);
    for (const float w : found) squares += static_cast<double>(w) * static_cast<double>(w);
    CHECK(apart <= unsure);
    CHECK(std::sqrt(squares) ==
          Approx(expected[run + ".norm." + std::string(name)].template as<double>()[0]).epsilon(1e-4));
  }
}

} // namespace stator::test
