// SPDX-License-Identifier: BSL-1.0
#include "stator/optim/clip.hpp"

#include "stator/model/model.hpp"
#include "stator/nn/linear.hpp"
#include "stator/optim/adafactor.hpp"
#include "stator/optim/adamw.hpp"
#include "stator/optim/sgd.hpp"

#include "catch.hpp"
#include "optim/mock_model.hpp"
#include "reference/reference.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace stator;
using namespace stator::optim;
using Mock = test::MockModel<double>;

namespace {

Mock with_gradients() {
  Mock model;
  for (const auto& e : Mock::parameter_table)
    std::ranges::copy(test::reference("clip")["grad." + std::string(e.name)].as<double>(),
                      Mock::part(model.gradients, e).begin());
  return model;
}

void check_gradients(Mock& model, const std::string& key) {
  for (const auto& e : Mock::parameter_table) {
    const auto expected = test::reference("clip")[key + "." + std::string(e.name)].as<double>();
    const auto found = Mock::part(model.gradients, e);
    INFO(e.name);
    test::check_close(found, expected, 1e-14, {.relative_to = std::numeric_limits<double>::min()});
  }
  for (const double g : model.padding(model.gradients)) CHECK(g == 0);
}

} // namespace

namespace {

using Net = nn::Linear<50, 41>;

/// Three steps of one optimiser with the calls one by one, and of another with `step(options)`, on equal
/// models: everything stays equal to the bit. `alter(gradients, step)` changes the gradients of both.
template<template<class> class Optimizer>
void check_steps(const StepOptions& options, const auto& alter) {
  CAPTURE(options.max_norm, options.norm_type, options.zero_grad);
  const auto bits = [](std::span<const float> x) {
    const auto bytes = std::as_bytes(x);
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  Model<Net> separate, fused(separate);
  Optimizer optimizer{separate, {.lr = 0.01}}, other{fused, {.lr = 0.01}};
  for (int step = 0; step < 3; ++step) {
    for (Model<Net>* const model : {&separate, &fused})
      for (auto&& [name, parameter] : model->named_parameters()) {
        if (step == 1 && name == "bias") continue; // has no gradient after zero_grad()
        const auto gradient = parameter.template grad<float>();
        for (std::size_t i = 0; i < gradient.size(); ++i)
          gradient[i] += static_cast<float>(std::sin(static_cast<double>(i) + step));
        alter(gradient, step);
      }
    double norm = 0;
    if (options.clips())
      norm = clip_grad_norm_(separate, options.max_norm, {options.norm_type, options.error_if_nonfinite});
    optimizer.step();
    if (options.zero_grad) optimizer.zero_grad();
    const double found = other.step(options);
    CHECK((found == norm || (std::isnan(found) && std::isnan(norm))));
    CHECK(bits(fused.parameter_arena()) == bits(separate.parameter_arena()));
    CHECK(bits(fused.gradient_arena()) == bits(separate.gradient_arena()));
    for (std::size_t i = 0; i < Model<Net>::parameter_table.size(); ++i)
      CHECK(fused.has_grad(i) == separate.has_grad(i));
    for (const auto& state : Optimizer<Model<Net>>::state_names)
      CHECK(bits(other.state(state)) == bits(optimizer.state(state)));
  }
}

} // namespace

TEST_CASE("step with options is clip_grad_norm_, step and zero_grad, to the bit") {
  const auto leave = [](auto, int) {};
  for (const bool zero : {true, false})
    for (const double max_norm : {0.25, 1e3, std::numeric_limits<double>::infinity()}) {
      check_steps<AdamW>({.max_norm = max_norm, .zero_grad = zero}, leave);
      check_steps<SGD>({.max_norm = max_norm, .norm_type = 1, .zero_grad = zero}, leave);
      check_steps<Adafactor>({.max_norm = max_norm, .zero_grad = zero}, leave);
    }
  // A norm that is not a number is in all gradients, but not in what lies between parameters.
  check_steps<SGD>({.max_norm = 1}, [](std::span<float> gradient, int step) {
    if (step == 2) gradient[0] = std::numeric_limits<float>::quiet_NaN();
  });
}

TEST_CASE("a step that refuses a norm has changed nothing") {
  Model<Net> model;
  SGD optimizer{model, {.lr = 1}};
  model.gradient_arena()[3] = std::numeric_limits<float>::infinity();
  const std::vector<float> before(model.parameter_arena().begin(), model.parameter_arena().end());
  CHECK_THROWS_AS(optimizer.step({.max_norm = 1, .error_if_nonfinite = true, .zero_grad = true}), ValueError);
  CHECK(std::ranges::equal(model.parameter_arena(), before));
  CHECK(model.gradient_arena()[3] == std::numeric_limits<float>::infinity());
  CHECK_THROWS_AS(optimizer.step({.max_norm = 1, .norm_type = 0}), ValueError);
}

TEST_CASE("clip_grad_norm_ returns and limits PyTorch's norms") {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const auto& [text, order] : {std::pair{"1", 1.0}, {"2", 2.0}, {"3.5", 3.5}, {"inf", infinity}})
    for (const auto& [max_text, max_norm] : {std::pair{"0.5", 0.5}, {"100", 100.0}}) {
      const std::string key = std::string("norm.") + text + "." + max_text;
      INFO(key);
      Mock model = with_gradients();
      const double norm = clip_grad_norm_(model, max_norm, {.norm_type = order});
      CHECK(norm == Approx(test::reference("clip")[key].as<double>()[0]).epsilon(1e-14));
      check_gradients(model, key);
    }
}

TEST_CASE("clip_grad_value_ limits each gradient") {
  Mock model = with_gradients();
  clip_grad_value_(model, 0.7);
  check_gradients(model, "value.0.7");
}

TEST_CASE("a norm that is not finite is an error if asked for") {
  for (const double order : {1.0, 2.0, 3.0, std::numeric_limits<double>::infinity()})
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      std::vector<float> gradients{1, bad, 2};
      CHECK(test::thrown<ValueError>([&] {
              (void)clip_grad_norm_(std::span(gradients), 1,
                                    {.norm_type = order, .error_if_nonfinite = true});
            }).starts_with("stator: The total norm of order "));
      CHECK(gradients[2] == 2);
      CHECK(!std::isfinite(clip_grad_norm_(std::span(gradients), 1, {.norm_type = order})));
    }
  std::vector<float> gradients{1};
  CHECK_THROWS_AS(clip_grad_norm_(std::span(gradients), 1, {.norm_type = 0}), ValueError);
}
