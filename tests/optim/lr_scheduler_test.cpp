// SPDX-License-Identifier: BSL-1.0
#include "stator/optim/adam.hpp"
#include "stator/optim/lr_scheduler.hpp"
#include "stator/optim/sgd.hpp"

#include "catch.hpp"
#include "optim/mock_model.hpp"
#include "reference/reference.hpp"

#include <cmath>

using namespace stator;
using namespace stator::optim;
using test::reference;

namespace {

using Mock = test::MockModel<float>;

/// The rates of 40 epochs, as in reference/lr_scheduler.py.
void check_rates(const std::string& name, auto make) {
  INFO(name);
  Mock model;
  SGD optimizer{model, {.lr = 0.3, .momentum = 0.9}};
  auto scheduler = make(optimizer);
  const auto rates = reference("lr_scheduler")[name].template as<double>();
  const bool cycles = reference("lr_scheduler").contains(name + ".momentum");
  for (std::size_t epoch = 0; epoch < rates.size(); ++epoch) {
    INFO("epoch " << epoch);
    CHECK(std::abs(optimizer.options().lr - rates[epoch]) <= 1e-12 * rates[epoch]);
    CHECK(scheduler.get_last_lr() == optimizer.options().lr);
    if (cycles)
      CHECK(std::abs(optimizer.options().momentum -
                     reference("lr_scheduler")[name + ".momentum"].template as<double>()[epoch]) < 1e-12);
    if constexpr (requires { scheduler.step(0.0); })
      scheduler.step(reference("lr_scheduler")["metrics"].template as<double>()[epoch]);
    else if (epoch + 1 < rates.size())
      scheduler.step();
  }
}

} // namespace

TEST_CASE("schedulers give PyTorch's learning rates") {
  check_rates("StepLR.default", [](auto& o) { return StepLR{o, {.step_size = 7}}; });
  check_rates("StepLR.gamma", [](auto& o) { return StepLR{o, {.step_size = 1, .gamma = 0.9}}; });
  check_rates("MultiStepLR.default", [](auto& o) { return MultiStepLR{o, {.milestones = {3, 10}}}; });
  check_rates("MultiStepLR.twice",
              [](auto& o) { return MultiStepLR{o, {.milestones = {2, 2, 20}, .gamma = 0.5}}; });
  check_rates("ExponentialLR.default", [](auto& o) { return ExponentialLR{o, {.gamma = 0.93}}; });
  check_rates("ConstantLR.default", [](auto& o) { return ConstantLR{o}; });
  check_rates("ConstantLR.options",
              [](auto& o) { return ConstantLR{o, {.factor = 0.5, .total_iters = 12}}; });
  check_rates("LinearLR.default", [](auto& o) { return LinearLR{o}; });
  check_rates("LinearLR.options", [](auto& o) {
    return LinearLR{o, {.start_factor = 0.9, .end_factor = 0.1, .total_iters = 17}};
  });
  check_rates("CosineAnnealingLR.default", [](auto& o) { return CosineAnnealingLR{o, {.T_max = 40}}; });
  check_rates("CosineAnnealingLR.periods",
              [](auto& o) { return CosineAnnealingLR{o, {.T_max = 7, .eta_min = 0.05}}; });
  check_rates("CosineAnnealingWarmRestarts.default",
              [](auto& o) { return CosineAnnealingWarmRestarts{o, {.T_0 = 6}}; });
  check_rates("CosineAnnealingWarmRestarts.options", [](auto& o) {
    return CosineAnnealingWarmRestarts{o, {.T_0 = 3, .T_mult = 2, .eta_min = 0.01}};
  });
  check_rates("LambdaLR.power", [](auto& o) {
    return LambdaLR{o, [](Index epoch) { return std::pow(0.9, static_cast<double>(epoch)); }};
  });
}

TEST_CASE("OneCycleLR gives PyTorch's learning rates and momenta") {
  check_rates("OneCycleLR.default",
              [](auto& o) { return OneCycleLR{o, {.max_lr = 0.5, .total_steps = 40}}; });
  check_rates("OneCycleLR.linear", [](auto& o) {
    return OneCycleLR{o,
                      {.max_lr = 0.5,
                       .epochs = 4,
                       .steps_per_epoch = 10,
                       .pct_start = 0.45,
                       .anneal_strategy = "linear",
                       .base_momentum = 0.6,
                       .max_momentum = 0.9,
                       .div_factor = 10,
                       .final_div_factor = 100}};
  });
  check_rates("OneCycleLR.three_phase",
              [](auto& o) { return OneCycleLR{o, {.max_lr = 0.5, .total_steps = 40, .three_phase = true}}; });
}

TEST_CASE("OneCycleLR cycles Adam's first beta and ends") {
  Mock model;
  Adam optimizer{model};
  OneCycleLR scheduler{optimizer, {.max_lr = 0.5, .total_steps = 10}};
  CHECK(optimizer.options().betas == std::array{0.95, 0.999});
  for (int step = 1; step <= 10; ++step) scheduler.step();
  CHECK(scheduler.last_epoch() == 10);
  CHECK(test::thrown<ValueError>([&] { scheduler.step(); }) ==
        "stator: Tried to step 12 times. The specified number of total steps is 10");
}

TEST_CASE("ReduceLROnPlateau gives PyTorch's learning rates") {
  check_rates("ReduceLROnPlateau.default", [](auto& o) { return ReduceLROnPlateau{o}; });
  check_rates("ReduceLROnPlateau.options", [](auto& o) {
    return ReduceLROnPlateau{o,
                             {.factor = 0.5,
                              .patience = 2,
                              .threshold = 0.05,
                              .threshold_mode = "abs",
                              .cooldown = 2,
                              .min_lr = 0.02}};
  });
  check_rates("ReduceLROnPlateau.max", [](auto& o) {
    return ReduceLROnPlateau{o, {.mode = "max", .factor = 0.7, .patience = 1, .threshold = 0.01}};
  });
}

TEST_CASE("schedulers on one optimizer multiply") {
  Mock model;
  SGD optimizer{model, {.lr = 0.3}};
  ExponentialLR first{optimizer, {.gamma = 0.9}};
  StepLR second{optimizer, {.step_size = 5, .gamma = 0.5}};
  for (const double rate : reference("lr_scheduler")["chained.exponential_step"].as<double>()) {
    CHECK(std::abs(optimizer.options().lr - rate) <= 1e-12 * rate);
    first.step();
    second.step();
  }
}

TEST_CASE("a scheduler changes the rate of every group, and continues from its saved state") {
  Mock model;
  SGD one{model, {.lr = 0.3}};
  one.add_param_group("bias", {.lr = 0.1});
  CosineAnnealingLR scheduler{one, {.T_max = 10}};
  for (int epoch = 0; epoch < 5; ++epoch) scheduler.step();
  CHECK(one.param_groups()[0].options.lr == Approx(0.15));
  CHECK(one.param_groups()[1].options.lr == Approx(0.05));

  SGD two{model, {.lr = 1}};
  two.add_param_group("bias", {.lr = 1});
  CosineAnnealingLR resumed{two, {.T_max = 10}};
  resumed.set_state(scheduler.state());
  for (std::size_t g = 0; g < 2; ++g) two.param_groups()[g].options = one.param_groups()[g].options;
  scheduler.step();
  resumed.step();
  for (std::size_t g = 0; g < 2; ++g)
    CHECK(two.param_groups()[g].options.lr == one.param_groups()[g].options.lr);
}

TEST_CASE("schedulers refuse options out of range in PyTorch's words") {
  Mock model;
  SGD o{model, {.lr = 0.3}};
  const auto text = [](auto make) { return test::thrown<ValueError>(make); };
  CHECK(text([&] { ConstantLR{o, {.factor = 2}}; }) ==
        "stator: Constant multiplicative factor expected to be between 0 and 1.");
  CHECK(text([&] { CosineAnnealingWarmRestarts{o, {.T_0 = 0}}; }) ==
        "stator: Expected positive integer T_0, but got 0");
  CHECK(text([&] { OneCycleLR{o, {.max_lr = 1}}; }) ==
        "stator: You must define either total_steps OR (epochs AND steps_per_epoch)");
  CHECK(text([&] { ReduceLROnPlateau{o, {.mode = "least"}}; }) == "stator: mode least is unknown!");
}
