// SPDX-License-Identifier: BSL-1.0
#include "stator/module/average.hpp"

#include "module/nets.hpp"
#include "stator/module/vector.hpp"

#include "catch.hpp"

#include <algorithm>

using namespace stator;
using namespace stator::test;

TEST_CASE("parameters_to_vector and back") {
  Model<Tied> model;
  const std::vector<float> all = nn::parameters_to_vector(model);
  CHECK(all.size() == static_cast<std::size_t>(Model<Tied>::parameter_count));
  CHECK(all.back() == model->first.bias(3));
  std::vector<float> other(all.size());
  for (std::size_t i = 0; i < other.size(); ++i) other[i] = static_cast<float>(i);
  nn::vector_to_parameters(std::span<const float>(other), model);
  CHECK(model->wte.weight(1, 0) == 4);
  CHECK(model->lm_head.weight(1, 0) == 4);
  CHECK(model->second.weight(0, 0) == 24);
  CHECK(nn::parameters_to_vector(model) == other);
  other.pop_back();
  CHECK_THROWS_AS(nn::vector_to_parameters(std::span<const float>(other), model), ValueError);
}

TEST_CASE("AveragedModel is the mean of the updates") {
  Model<Block> model;
  optim::AveragedModel average{model};
  for (const float value : {1.0f, 2.0f, 6.0f}) {
    std::ranges::fill(model.parameter_arena(), value);
    average.update_parameters(model);
  }
  CHECK(average.n_averaged() == 3);
  CHECK(average.module()->fc.weight(0, 0) == Approx(3));
  CHECK(model->fc.weight(0, 0) == 6);
}

TEST_CASE("AveragedModel with a decay is an exponential moving average") {
  Model<Block> model;
  optim::AveragedModel average{model, {.decay = 0.75, .use_buffers = true}};
  for (const float value : {4.0f, 8.0f}) {
    std::ranges::fill(model.parameter_arena(), value);
    std::ranges::fill(model->scale.running, value);
    average.update_parameters(model);
  }
  CHECK(average.module()->fc.bias(2) == Approx(5));
  CHECK(average.module()->scale.running(1) == Approx(5));
  CHECK_THROWS_AS((optim::AveragedModel{model, {.decay = 1}}), ValueError);
}
