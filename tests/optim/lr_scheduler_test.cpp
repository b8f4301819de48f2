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

TEST_CASE("MultiplicativeLR, PolynomialLR and SWALR give PyTorch's learning rates") {
  check_rates("MultiplicativeLR.shrinking", [](auto& o) {
    return MultiplicativeLR{o, [](Index epoch) { return 1 - 1 / static_cast<double>(epoch + 5); }};
  });
  check_rates("PolynomialLR.default", [](auto& o) { return PolynomialLR{o}; });
  check_rates("PolynomialLR.options",
              [](auto& o) { return PolynomialLR{o, {.total_iters = 25, .power = 2.5}}; });
  check_rates("SWALR.default", [](auto& o) { return SWALR{o, {.swa_lr = 0.05}}; });
  check_rates("SWALR.linear", [](auto& o) {
    return SWALR{o, {.swa_lr = 0.05, .anneal_epochs = 7, .anneal_strategy = "linear"}};
  });
  check_rates("SWALR.at_once", [](auto& o) { return SWALR{o, {.swa_lr = 0.05, .anneal_epochs = 0}}; });
}

TEST_CASE("CyclicLR gives PyTorch's learning rates and momenta") {
  check_rates("CyclicLR.triangular",
              [](auto& o) { return CyclicLR{o, {.base_lr = 0.1, .max_lr = 0.6, .step_size_up = 4}}; });
  check_rates("CyclicLR.triangular2", [](auto& o) {
    return CyclicLR{o,
                    {.base_lr = 0.1,
                     .max_lr = 0.6,
                     .step_size_up = 3,
                     .step_size_down = 6,
                     .mode = "triangular2",
                     .base_momentum = 0.6,
                     .max_momentum = 0.95}};
  });
  check_rates("CyclicLR.exp_range", [](auto& o) {
    return CyclicLR{o,
                    {.base_lr = 0.1, .max_lr = 0.6, .step_size_up = 5, .mode = "exp_range", .gamma = 0.97}};
  });
  check_rates("CyclicLR.scale_fn", [](auto& o) {
    return CyclicLR{o,
                    {.base_lr = 0.1,
                     .max_lr = 0.6,
                     .step_size_up = 5,
                     .scale_fn = [](double cycle) { return 1 / cycle; },
                     .cycle_momentum = false}};
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

TEST_CASE("schedulers on one optimizer multiply, or follow one another") {
  const auto check = [](const std::string& name, auto step, SGD<Mock>& optimizer) {
    INFO(name);
    for (const double rate : reference("lr_scheduler")[name].as<double>()) {
      CHECK(std::abs(optimizer.options().lr - rate) <= 1e-12);
      step();
    }
  };
  Mock model;
  {
    SGD optimizer{model, {.lr = 0.3}};
    ExponentialLR first{optimizer, {.gamma = 0.9}};
    StepLR second{optimizer, {.step_size = 5, .gamma = 0.5}};
    check("chained.exponential_step", [&] { first.step(), second.step(); }, optimizer);
  }
  {
    SGD optimizer{model, {.lr = 0.3}};
    LinearLR warm_up{optimizer, {.start_factor = 0.1}};
    CosineAnnealingLR decay{optimizer, {.T_max = 30}};
    ChainedScheduler both{warm_up, decay};
    check("chained.warm_up", [&] { both.step(); }, optimizer);
    CHECK(both.get_last_lr() == optimizer.options().lr);
  }
  {
    SGD optimizer{model, {.lr = 0.3}};
    LinearLR warm_up{optimizer, {.start_factor = 0.1}};
    CosineAnnealingLR decay{optimizer, {.T_max = 30, .eta_min = 0.02}};
    SequentialLR scheduler{optimizer, {.milestones = {5}}, warm_up, decay};
    check("sequential.warm_up", [&] { scheduler.step(); }, optimizer);
    CHECK(scheduler.last_epoch() == 40);
    CHECK(decay.last_epoch() == 35);
  }
  SGD optimizer{model, {.lr = 0.3}};
  ConstantLR first{optimizer, {.factor = 0.5, .total_iters = 100}};
  MultiStepLR second{optimizer, {.milestones = {0, 3, 9}}};
  CosineAnnealingWarmRestarts third{optimizer, {.T_0 = 4}};
  MultiplicativeLR fourth{optimizer, [](Index) { return 0.9; }};
  SequentialLR scheduler{optimizer, {.milestones = {4, 17, 30}}, first, second, third, fourth};
  check("sequential.four", [&] { scheduler.step(); }, optimizer);
}

TEST_CASE("schedulers of schedulers refuse those of another optimizer, and milestones that do not fit") {
  Mock model;
  SGD one{model, {.lr = 0.3}}, two{model, {.lr = 0.3}};
  ExponentialLR of_one{one}, of_two{two};
  const auto text = [](auto make) { return test::thrown<ValueError>(make); };
  CHECK(text([&] { ChainedScheduler{of_one, of_two}; }) ==
        "stator: ChainedScheduler expects all schedulers to belong to the same optimizer, but got schedulers "
        "at index 0 and 1 to be different");
  CHECK(text([&] { SequentialLR{one, {.milestones = {1}}, of_one, of_two}; }) ==
        "stator: Sequential Schedulers expects all schedulers to belong to the same optimizer, but got "
        "schedulers at index 1 to be different than the optimizer passed in.");
  CHECK(text([&] { SequentialLR{one, {.milestones = {1, 2}}, of_one, of_one}; }) ==
        "stator: Sequential Schedulers expects number of schedulers provided to be one more than the number "
        "of milestone points, but got number of schedulers 2 and the number of milestones to be equal to 2");
  CHECK(text([&] { SequentialLR{one, {.milestones = {3, 3}}, of_one, of_one, of_one}; }) ==
        "stator: SequentialLR: milestone 1 is 3, expected epochs above 0 that rise");
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

TEST_CASE("schedulers of schedulers continue from their saved numbers") {
  Mock model;
  const auto make = [](SGD<Mock>& o, auto use) {
    LinearLR warm_up{o, {.start_factor = 0.1}};
    CosineAnnealingLR decay{o, {.T_max = 30}};
    MultiplicativeLR slower{o, [](Index) { return 0.99; }};
    SequentialLR sequence{o, {.milestones = {5}}, warm_up, decay};
    ChainedScheduler all{sequence, slower};
    use(all);
  };
  SGD one{model, {.lr = 0.3}}, two{model, {.lr = 0.3}};
  make(one, [&](auto& whole) {
    for (int epoch = 0; epoch < 7; ++epoch) whole.step();
    std::vector<double> saved;
    std::string names;
    whole.for_each_number([&](std::string_view name, auto& value) {
      names += std::string(name) + ' ';
      saved.push_back(static_cast<double>(value));
    });
    CHECK(names == "schedulers.0.last_epoch schedulers.0.schedulers.0.last_epoch "
                   "schedulers.0.schedulers.0.base_lrs.0 schedulers.0.schedulers.1.last_epoch "
                   "schedulers.0.schedulers.1.base_lrs.0 schedulers.1.last_epoch schedulers.1.base_lrs.0 ");
    make(two, [&](auto& rest) {
      auto next = saved.begin();
      rest.for_each_number([&](std::string_view, auto& value) {
        value = static_cast<std::remove_cvref_t<decltype(value)>>(*next++);
      });
      rest.check_state();
      two.options() = one.options();
      for (int epoch = 0; epoch < 7; ++epoch) {
        whole.step(), rest.step();
        CHECK(two.options().lr == one.options().lr);
      }
    });
  });
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
  CHECK(text([&] { CyclicLR{o, {.base_lr = 0.1, .max_lr = 1, .mode = "square"}}; }) ==
        "stator: mode is invalid and scale_fn is None");
  CHECK(text([&] { CyclicLR{o, {.base_lr = 0.1, .max_lr = 1, .step_size_down = -1}}; }) ==
        "stator: CyclicLR: step_size_up is 2000 and step_size_down -1, expected at least 1 step each");
  CHECK(text([&] { PolynomialLR{o, {.total_iters = 0}}; }) ==
        "stator: PolynomialLR: total_iters must be at least 1");
  CHECK(text([&] { SWALR{o, {.swa_lr = 0.1, .anneal_epochs = -1}}; }) ==
        "stator: anneal_epochs must be equal or greater than 0, got -1");
  CHECK(text([&] { ReduceLROnPlateau{o, {.mode = "least"}}; }) == "stator: mode least is unknown!");
}
