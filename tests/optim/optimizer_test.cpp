// SPDX-License-Identifier: BSL-1.0
#include "stator/optim/optim.hpp"

#include "allocations.hpp"
#include "catch.hpp"
#include "optim/mock_model.hpp"
#include "reference/reference.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace stator;
using test::MockModel;
using test::reference;

namespace {

/// With fused multiply-add the bits are PyTorch's, without it ten steps differ by a few roundings. g++ fuses
/// products with sums only where it optimises.
#if defined(__FMA__) && (defined(__clang__) || defined(__OPTIMIZE__))
constexpr double few = 0;
#else
constexpr double few = 512;
#endif
template<class T>
void check_equal(std::span<const T> found, std::span<const T> expected, double ulps) {
  test::check_close(found, expected, ulps * static_cast<double>(std::numeric_limits<T>::epsilon()),
                    {.relative_to = 0.01});
}

/// Ten steps as in reference/optim.py.
template<class T>
void check_trajectory(const std::string& name, auto make, double ulps = few) {
  const auto& expected = reference("optim");
  const std::string type = test::dtype_name<T>();
  const std::string prefix = name + "." + type + ".";
  INFO(prefix);
  MockModel<T> model;
  for (const auto& e : model.parameter_table)
    std::ranges::copy(expected["initial." + std::string(e.name) + "." + type].template as<T>(),
                      model.part(model.parameters, e).begin());
  auto optimizer = make(model);
  for (std::size_t step = 0; step < 10; ++step) {
    for (const auto& e : model.parameter_table) {
      const auto numel = static_cast<std::size_t>(e.numel);
      const auto grads = expected["grad." + std::string(e.name) + "." + type].template as<T>();
      std::ranges::copy(grads.subspan(step * numel, numel), model.part(model.gradients, e).begin());
    }
    optimizer.step();
    for (const auto& e : model.parameter_table) {
      const auto numel = static_cast<std::size_t>(e.numel);
      const auto params = expected[prefix + "param." + std::string(e.name)].template as<T>();
      INFO(e.name << " after step " << step + 1);
      check_equal<T>(model.part(model.parameters, e), params.subspan(step * numel, numel), ulps);
    }
  }
  std::size_t states = 0;
  optimizer.for_each_state([&](std::string_view parameter, std::string_view key, std::span<T> elements) {
    INFO("state " << key << " of " << parameter);
    ++states;
    check_equal<T>(
        elements,
        expected[prefix + "state." + std::string(key) + "." + std::string(parameter)].template as<T>(), ulps);
  });
  const auto expected_states = std::ranges::count_if(expected, [&](const auto& array) {
    const auto is = [&](const char* key) { return array.first.starts_with(prefix + "state." + key); };
    return is("") && !is("step.") && !is("mu_product.") && !is("eta.") &&
           !is("mu."); // not numbers of the rule
  });
  CHECK(static_cast<Index>(states) == expected_states);
  for (const T p : model.padding(model.parameters)) CHECK(p == 0);
}

/// One parameter that is worth two threads.
struct LargeModel {
  using scalar = float;
  static constexpr std::array<test::MockEntry, 1> parameter_table{test::MockEntry{"weight", 0, 300'000}};
  std::vector<float> parameters = std::vector<float>(300'000, 1.F),
                     gradients = std::vector<float>(300'000, 0.5F);
  std::span<float> parameter_arena() { return parameters; }
  std::span<float> gradient_arena() { return gradients; }
  void zero_grad() {}
};

} // namespace

TEMPLATE_TEST_CASE("SGD takes PyTorch's steps", "", float, double) {
  using T = TestType;
  using optim::SGD;
  check_trajectory<T>("SGD.plain", [](auto& m) { return SGD{m, {.lr = 0.1}}; });
  check_trajectory<T>("SGD.momentum", [](auto& m) { return SGD{m, {.lr = 0.01, .momentum = 0.9}}; });
  check_trajectory<T>("SGD.dampening", [](auto& m) {
    return SGD{m, {.lr = 0.01, .momentum = 0.9, .dampening = 0.3, .weight_decay = 0.05}};
  });
  check_trajectory<T>("SGD.nesterov", [](auto& m) {
    return SGD{m, {.lr = 0.01, .momentum = 0.8, .weight_decay = 0.01, .nesterov = true}};
  });
  check_trajectory<T>("SGD.maximize",
                      [](auto& m) { return SGD{m, {.lr = 0.1, .momentum = 0.5, .maximize = true}}; });
}

TEMPLATE_TEST_CASE("Adam takes PyTorch's steps", "", float, double) {
  using T = TestType;
  using optim::Adam;
  check_trajectory<T>("Adam.default", [](auto& m) { return Adam{m}; });
  check_trajectory<T>("Adam.options", [](auto& m) {
    return Adam{m, {.lr = 0.02, .betas = {0.8, 0.95}, .eps = 1e-4, .weight_decay = 0.1}};
  });
  check_trajectory<T>("Adam.amsgrad",
                      [](auto& m) { return Adam{m, {.lr = 0.01, .betas = {0.5, 0.6}, .amsgrad = true}}; });
  check_trajectory<T>("Adam.maximize", [](auto& m) { return Adam{m, {.lr = 0.01, .maximize = true}}; });
}

TEMPLATE_TEST_CASE("AdamW takes PyTorch's steps", "", float, double) {
  using T = TestType;
  using optim::AdamW;
  check_trajectory<T>("AdamW.default", [](auto& m) { return AdamW{m}; });
  check_trajectory<T>("AdamW.options", [](auto& m) {
    return AdamW{m, {.lr = 0.02, .betas = {0.8, 0.95}, .eps = 1e-4, .weight_decay = 0.1}};
  });
  check_trajectory<T>("AdamW.amsgrad",
                      [](auto& m) { return AdamW{m, {.lr = 0.01, .betas = {0.5, 0.6}, .amsgrad = true}}; });
  check_trajectory<T>("AdamW.maximize", [](auto& m) { return AdamW{m, {.lr = 0.01, .maximize = true}}; });
}

TEMPLATE_TEST_CASE("RMSprop takes PyTorch's steps", "", float, double) {
  using T = TestType;
  using optim::RMSprop;
  check_trajectory<T>("RMSprop.default", [](auto& m) { return RMSprop{m}; });
  check_trajectory<T>("RMSprop.momentum", [](auto& m) {
    return RMSprop{m, {.lr = 0.01, .alpha = 0.9, .weight_decay = 0.1, .momentum = 0.9}};
  });
  check_trajectory<T>("RMSprop.centered", [](auto& m) {
    return RMSprop{m, {.lr = 0.01, .alpha = 0.9, .centered = true, .maximize = true}};
  });
  check_trajectory<T>("RMSprop.centered_momentum", [](auto& m) {
    return RMSprop{m, {.lr = 0.01, .eps = 1e-3, .momentum = 0.5, .centered = true}};
  });
}

TEMPLATE_TEST_CASE("Adagrad takes PyTorch's steps", "", float, double) {
  using T = TestType;
  using optim::Adagrad;
  check_trajectory<T>("Adagrad.default", [](auto& m) { return Adagrad{m}; });
  check_trajectory<T>("Adagrad.options", [](auto& m) {
    return Adagrad{
        m, {.lr = 0.1, .lr_decay = 0.1, .weight_decay = 0.1, .initial_accumulator_value = 0.5, .eps = 1e-3}};
  });
  check_trajectory<T>("Adagrad.maximize", [](auto& m) { return Adagrad{m, {.maximize = true}}; });
}

TEMPLATE_TEST_CASE("Adadelta takes PyTorch's steps", "", float, double) {
  using T = TestType;
  using optim::Adadelta;
  check_trajectory<T>("Adadelta.default", [](auto& m) { return Adadelta{m}; });
  check_trajectory<T>("Adadelta.options", [](auto& m) {
    return Adadelta{m, {.lr = 0.5, .rho = 0.8, .eps = 1e-3, .weight_decay = 0.1}};
  });
  check_trajectory<T>("Adadelta.maximize", [](auto& m) { return Adadelta{m, {.maximize = true}}; });
}

TEMPLATE_TEST_CASE("Adamax takes PyTorch's steps", "", float, double) {
  using T = TestType;
  using optim::Adamax;
  check_trajectory<T>("Adamax.default", [](auto& m) { return Adamax{m}; });
  check_trajectory<T>("Adamax.options", [](auto& m) {
    return Adamax{m, {.lr = 0.02, .betas = {0.8, 0.5}, .eps = 1e-3, .weight_decay = 0.1}};
  });
  check_trajectory<T>("Adamax.maximize", [](auto& m) { return Adamax{m, {.maximize = true}}; });
}

TEMPLATE_TEST_CASE("NAdam takes PyTorch's steps", "", float, double) {
  using T = TestType;
  using optim::NAdam;
  check_trajectory<T>("NAdam.default", [](auto& m) { return NAdam{m}; });
  check_trajectory<T>("NAdam.options", [](auto& m) {
    return NAdam{m,
                 {.lr = 0.02, .betas = {0.8, 0.95}, .eps = 1e-3, .weight_decay = 0.1, .momentum_decay = 0.1}};
  });
}

TEMPLATE_TEST_CASE("RAdam takes PyTorch's steps", "", float, double) {
  using T = TestType;
  using optim::RAdam;
  check_trajectory<T>("RAdam.default", [](auto& m) { return RAdam{m}; });
  check_trajectory<T>("RAdam.options", [](auto& m) {
    return RAdam{m, {.lr = 0.02, .betas = {0.8, 0.95}, .eps = 1e-3, .weight_decay = 0.1}};
  });
}

TEMPLATE_TEST_CASE("Adafactor takes the steps of its formulas, and keeps rows and columns", "", float,
                   double) {
  using T = TestType;
  using optim::Adafactor;
  // sums are taken in another order
  check_trajectory<T>("Adafactor.default", [](auto& m) { return Adafactor{m}; }, 512);
  check_trajectory<T>(
      "Adafactor.options",
      [](auto& m) {
        return Adafactor{m,
                         {.lr = 0.3, .beta2_decay = -0.5, .eps = {1e-3, 0.5}, .d = 1.5, .weight_decay = 0.1}};
      },
      512);
  check_trajectory<T>("Adafactor.maximize", [](auto& m) { return Adafactor{m, {.maximize = true}}; }, 512);
  MockModel<T> model;
  Adafactor optimizer{model};
  optimizer.step();
  CHECK(optimizer.state("row_var").size() == 7);
  CHECK(optimizer.state("col_var").size() == 5);
  CHECK(optimizer.state("variance").size() == 5);
}

TEMPLATE_TEST_CASE("Rprop takes PyTorch's steps", "", float, double) {
  using T = TestType;
  using optim::Rprop;
  check_trajectory<T>("Rprop.default", [](auto& m) { return Rprop{m}; });
  check_trajectory<T>("Rprop.options", [](auto& m) {
    return Rprop{m, {.lr = 0.1, .etas = {0.3, 2.0}, .step_sizes = {0.05, 0.3}}};
  });
  check_trajectory<T>("Rprop.maximize", [](auto& m) { return Rprop{m, {.maximize = true}}; });
}

TEMPLATE_TEST_CASE("ASGD takes PyTorch's steps, Lion those of its paper", "", float, double) {
  using T = TestType;
  using optim::ASGD, optim::Lion;
  check_trajectory<T>("ASGD.default", [](auto& m) { return ASGD{m}; });
  check_trajectory<T>("ASGD.averaged", [](auto& m) {
    return ASGD{m, {.lr = 0.1, .lambd = 0.05, .alpha = 0.6, .t0 = 3, .weight_decay = 0.1}};
  });
  check_trajectory<T>("ASGD.maximize",
                      [](auto& m) { return ASGD{m, {.lr = 0.1, .t0 = 0, .maximize = true}}; });
  check_trajectory<T>("Lion.default", [](auto& m) { return Lion{m}; });
  check_trajectory<T>("Lion.options", [](auto& m) {
    return Lion{m, {.lr = 0.02, .betas = {0.8, 0.95}, .weight_decay = 0.1}};
  });
  check_trajectory<T>("Lion.maximize", [](auto& m) { return Lion{m, {.maximize = true}}; });
}

TEST_CASE("options out of range are refused in PyTorch's words") {
  MockModel<float> m;
  const auto text = [](auto make) { return test::thrown<ValueError>(make); };
  CHECK(text([&] { optim::Adam{m, {.lr = -1}}; }) == "stator: Invalid learning rate: -1");
  CHECK(text([&] { optim::Adam{m, {.eps = -0.5}}; }) == "stator: Invalid epsilon value: -0.5");
  CHECK(text([&] { optim::AdamW{m, {.betas = {1, 0.9}}}; }) ==
        "stator: Invalid beta parameter at index 0: 1");
  CHECK(text([&] { optim::NAdam{m, {.betas = {0.9, -0.1}}}; }) ==
        "stator: Invalid beta parameter at index 1: -0.1");
  CHECK(text([&] { optim::SGD{m, {.momentum = -0.1}}; }) == "stator: Invalid momentum value: -0.1");
  CHECK(text([&] { optim::SGD{m, {.nesterov = true}}; }) ==
        "stator: Nesterov momentum requires a momentum and zero dampening");
  CHECK(text([&] { optim::RMSprop{m, {.weight_decay = -1}}; }) == "stator: Invalid weight_decay value: -1");
  CHECK(text([&] { optim::Adadelta{m, {.rho = 1.5}}; }) == "stator: Invalid rho value: 1.5");
  CHECK(text([&] { optim::ASGD{m, {.weight_decay = -1}}; }) == "stator: Invalid weight_decay value: -1");
  CHECK(text([&] { optim::ASGD{m, {.lambd = -1}}; }) == "stator: Invalid lambd value: -1");
  CHECK(text([&] { optim::Lion{m, {.betas = {0.9, 1}}}; }) == "stator: Invalid beta parameter at index 1: 1");
  CHECK(text([&] { optim::Rprop{m, {.etas = {0.5, 1.0}}}; }) == "stator: Invalid eta values: 0.5, 1");
}

TEST_CASE("options that are not finite are refused, and averages that grow") {
  MockModel<float> m;
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const auto text = [](auto make) { return test::thrown<ValueError>(make); };
  CHECK(text([&] { optim::SGD{m, {.lr = inf}}; }) == "stator: Invalid learning rate: inf");
  CHECK(text([&] { optim::Adam{m, {.lr = nan}}; }) == "stator: Invalid learning rate: nan");
  CHECK(text([&] { optim::SGD{m, {.dampening = nan}}; }) == "stator: Invalid dampening value: nan");
  CHECK(text([&] { optim::AdamW{m, {.eps = inf}}; }) == "stator: Invalid epsilon value: inf");
  CHECK(text([&] { optim::NAdam{m, {.momentum_decay = inf}}; }) ==
        "stator: Invalid momentum_decay value: inf");
  CHECK(text([&] { optim::RAdam{m, {.weight_decay = inf}}; }) == "stator: Invalid weight_decay value: inf");
  CHECK(text([&] { optim::Adagrad{m, {.lr_decay = inf}}; }) == "stator: Invalid lr_decay value: inf");
  CHECK(text([&] { optim::Adamax{m, {.betas = {nan, 0.9}}}; }) ==
        "stator: Invalid beta parameter at index 0: nan");
  CHECK(text([&] { optim::Adadelta{m, {.rho = nan}}; }) == "stator: Invalid rho value: nan");
  CHECK(text([&] { optim::RMSprop{m, {.alpha = 1.5}}; }) == "stator: Invalid alpha value: 1.5");
  CHECK(text([&] { optim::RMSprop{m, {.momentum = inf}}; }) == "stator: Invalid momentum value: inf");
  CHECK(text([&] { optim::Rprop{m, {.etas = {0.5, inf}}}; }) == "stator: Invalid eta values: 0.5, inf");
  CHECK(text([&] { optim::Rprop{m, {.step_sizes = {2, 1}}}; }) == "stator: Invalid step sizes: 2, 1");
  optim::SGD sgd{m, {}};
  CHECK(text([&] { sgd.add_param_group("bias", {.lr = inf}); }) == "stator: Invalid learning rate: inf");
  CHECK(sgd.param_groups().size() == 1);
}

TEST_CASE("references to groups and their options hold when another group comes") {
  MockModel<float> m;
  std::ranges::fill(m.gradients, 1.F);
  optim::SGD sgd{m, {.lr = 1}};
  auto& first = sgd.options();
  auto& weights = sgd.add_param_group("weight", {.lr = 2});
  for (int i = 0; i < 20; ++i) (void)sgd.add_param_group("bias", {.lr = 3});
  first.lr = 7;
  weights.options.lr = 0.5;
  CHECK(&sgd.options() == &first);
  CHECK(&sgd.param_groups()[1] == &weights);
  optim::SGD moved = std::move(sgd);
  CHECK(&moved.options() == &first);
  moved.step();
  CHECK(m.part(m.parameters, m.parameter_table[0])[0] == -0.5F);
  CHECK(m.part(m.parameters, m.parameter_table[1])[0] == -3);
}

TEST_CASE("padding stays zero even where eps is zero") {
  MockModel<float> m;
  for (const auto& e : m.parameter_table) {
    std::ranges::fill(m.part(m.parameters, e), 1.F);
    std::ranges::fill(m.part(m.gradients, e), 1.F);
  }
  optim::Adam adam{m, {.eps = 0}};
  optim::Adagrad adagrad{m, {.eps = 0}};
  adam.step();
  adagrad.step();
  for (const float p : m.padding(m.parameters)) CHECK(p == 0);
  CHECK(m.parameters[0] < 1);
}

TEST_CASE("parameters selected by a pattern have options of their own") {
  MockModel<float> m;
  std::ranges::fill(m.gradients, 1.F);
  optim::SGD sgd{m, {.lr = 1}};
  sgd.add_param_group("b*s", {.lr = 0.25});
  sgd.step();
  CHECK(m.part(m.parameters, m.parameter_table[0])[3] == -1);
  CHECK(m.part(m.parameters, m.parameter_table[1])[4] == -0.25F);
  CHECK(sgd.param_groups()[0].parameters == std::vector<std::size_t>{0});
  CHECK(sgd.param_groups()[1].parameters == std::vector<std::size_t>{1});
  CHECK_THROWS_AS(sgd.add_param_group("*.gamma", {}), KeyError);
}

TEST_CASE("an optimizer continues from saved states") {
  MockModel<double> one, two;
  const auto feed = [](MockModel<double>& m, int step) {
    for (std::size_t i = 0; i < m.gradients.size(); ++i)
      m.gradients[i] = std::sin(static_cast<double>(i) + step);
  };
  optim::Adam first{one};
  for (int step = 0; step < 3; ++step) feed(one, step), first.step();

  two.parameters = one.parameters;
  optim::Adam second{two};
  second.allocate_states();
  second.set_steps(first.steps());
  for (const char* name : {"exp_avg", "exp_avg_sq"})
    std::ranges::copy(first.state(name), second.state(name).begin());
  feed(one, 3), feed(two, 3);
  first.step(), second.step();
  CHECK(one.parameters == two.parameters);
  CHECK_THROWS_AS(first.state("momentum_buffer"), KeyError);
}

TEST_CASE("steps after the first allocate nothing, large arenas are shared among threads") {
  LargeModel model;
  optim::Adam adam{model, {.amsgrad = true}};
  adam.step();
  const auto before = test::allocations();
  adam.step();
  CHECK(test::allocations() == before);
  CHECK(std::ranges::count(model.parameters, model.parameters[0]) == 300'000);
  CHECK(model.parameters[0] < 1);
}
