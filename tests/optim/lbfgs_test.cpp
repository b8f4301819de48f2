// SPDX-License-Identifier: BSL-1.0
#include "stator/optim/lbfgs.hpp"
#include "stator/optim/lr_scheduler.hpp"

#include "catch.hpp"
#include "optim/mock_model.hpp"
#include "reference/reference.hpp"

#include <cmath>

using namespace stator;
using namespace stator::optim;
using test::reference;

namespace {

using Mock = test::MockModel<double>;

/// The chained Rosenbrock function of all elements with a gentle valley, and its gradient, as in
/// reference/optim.py.
double banana(Mock& model) {
  std::vector<double> x, g;
  for (const auto& e : model.parameter_table)
    for (const double p : model.part(model.parameters, e)) x.push_back(p);
  g.resize(x.size());
  double f = 0;
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    const double bend = x[i + 1] - x[i] * x[i];
    f += 3 * bend * bend + (1 - x[i]) * (1 - x[i]);
    g[i] += -12 * x[i] * bend - 2 * (1 - x[i]);
    g[i + 1] += 6 * bend;
  }
  auto next = g.begin();
  for (const auto& e : model.parameter_table)
    for (double& to : model.part(model.gradients, e)) to = *next++;
  return f;
}

Mock at_the_start() {
  Mock model;
  for (const auto& e : model.parameter_table) {
    const auto from = reference("optim")["initial." + std::string(e.name) + ".float64"].as<double>();
    std::ranges::transform(from, model.part(model.parameters, e).begin(), [](double v) { return v / 4; });
  }
  return model;
}

/// 50 steps.
void check_steps(const std::string& name, const LBFGSOptions& options) {
  INFO(name);
  Mock model = at_the_start();
  LBFGS optimizer{model, options};
  const auto losses = reference("optim")["LBFGS." + name + ".loss"].as<double>();
  const auto evaluations = reference("optim")["LBFGS." + name + ".func_evals"].as<std::int64_t>();
  const auto parameters = reference("optim")["LBFGS." + name + ".param"].as<double>();
  std::size_t kept = 0;
  for (std::size_t step = 0; step < 50; ++step) {
    INFO("step " << step + 1);
    CHECK(std::abs(optimizer.step([&] { return banana(model); }) - losses[step]) <=
          1e-10 * std::max(1.0, losses[step]));
    // At the minimum roundings decide when the search ends.
    if (losses[step] > 1e-6) CHECK(optimizer.func_evals() == evaluations[step]);
    if (std::ranges::count(std::array<std::size_t, 6>{1, 2, 5, 10, 20, 50}, step + 1) == 0) continue;
    std::vector<double> found;
    for (const auto& e : model.parameter_table)
      for (const double p : model.part(model.parameters, e)) found.push_back(p);
    test::check_close(std::span<const double>(found), parameters.subspan(kept++ * 40, 40), 1e-10);
  }
  for (const double p : model.padding(model.parameters)) CHECK(p == 0);
}

} // namespace

TEST_CASE("LBFGS takes PyTorch's steps") {
  check_steps("default", {.lr = 0.01, .max_iter = 3});
  check_steps("history", {.lr = 0.3, .max_iter = 2, .history_size = 5, .line_search_fn = "strong_wolfe"});
  check_steps("strong_wolfe", {.max_iter = 10, .line_search_fn = "strong_wolfe"});
  check_steps("max_eval", {.max_iter = 10, .max_eval = 6, .line_search_fn = "strong_wolfe"});
  check_steps(
      "tolerance",
      {.max_iter = 10, .tolerance_grad = 3, .tolerance_change = 1e-3, .line_search_fn = "strong_wolfe"});
}

TEST_CASE("LBFGS continues bit for bit from its saved numbers, and a scheduler sets its rate") {
  const LBFGSOptions options{.lr = 0.5, .max_iter = 3, .history_size = 4, .line_search_fn = "strong_wolfe"};
  Mock one = at_the_start(), two;
  LBFGS whole{one, options}, rest{two, {.line_search_fn = "strong_wolfe"}};
  ExponentialLR rate{whole, {.gamma = 0.9}};
  for (int step = 0; step < 5; ++step) whole.step([&] { return banana(one); }), rate.step();
  CHECK(whole.options().lr == Approx(0.5 * std::pow(0.9, 5)));

  std::vector<std::vector<double>> saved;
  whole.for_each_number([&](std::string_view, auto& value) {
    if constexpr (std::is_arithmetic_v<std::remove_cvref_t<decltype(value)>>)
      saved.push_back({static_cast<double>(value)});
    else
      saved.emplace_back(value.begin(), value.end());
  });
  auto next = saved.begin();
  rest.for_each_number([&](std::string_view, auto& value) {
    using V = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::is_arithmetic_v<V>)
      value = static_cast<V>((next++)->front());
    else
      value = *next++;
  });
  rest.check_state();
  two.parameters = one.parameters;
  for (int step = 0; step < 5; ++step)
    CHECK(whole.step([&] { return banana(one); }) == rest.step([&] { return banana(two); }));
  CHECK(one.parameters == two.parameters);

  rest.for_each_number([](std::string_view name, auto& value) {
    if constexpr (requires { value.pop_back(); })
      if (name == "state.ro") value.pop_back();
  });
  CHECK(test::thrown<ValueError>([&] { rest.check_state(); }) ==
        "stator: LBFGS: the saved directions do not fit this model and history_size");
}

TEST_CASE("LBFGS remembers more when history_size is raised") {
  Mock one = at_the_start();
  LBFGS optimizer{one, {.max_iter = 7, .history_size = 3, .line_search_fn = "strong_wolfe"}};
  for (int step = 0; step < 2; ++step) optimizer.step([&] { return banana(one); });
  optimizer.options().history_size = 20;
  for (int step = 0; step < 30; ++step) optimizer.step([&] { return banana(one); });
  CHECK(banana(one) < 1e-8);
}

TEST_CASE("LBFGS refuses options out of range") {
  Mock m;
  const auto text = [](auto make) { return test::thrown<ValueError>(make); };
  CHECK(text([&] { LBFGS{m, {.lr = -1}}; }) == "stator: Invalid learning rate: -1");
  CHECK(text([&] { LBFGS{m, {.max_iter = 0}}; }) == "stator: Invalid max_iter value: 0");
  CHECK(text([&] { LBFGS{m, {.history_size = 0}}; }) == "stator: Invalid history_size value: 0");
  CHECK(text([&] { LBFGS{m, {.line_search_fn = "armijo"}}; }) ==
        "stator: LBFGS: line_search_fn is 'armijo', only 'strong_wolfe' is supported");
}
