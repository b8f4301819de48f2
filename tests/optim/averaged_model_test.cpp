// SPDX-License-Identifier: BSL-1.0
#include "stator/optim/averaged_model.hpp"
#include "stator/optim/update_bn.hpp"

#include "module/nets.hpp"
#include "stator/model/parameters_to_vector.hpp"

#include "catch.hpp"
#include "compare.hpp"

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

TEST_CASE("whole numbers are averaged as PyTorch does it, rounded towards zero") {
  struct Counts {
    Parameter<float, 1> weight;
    Buffer<std::int64_t> steps;
    Buffer<bool> done;
    Buffer<std::uint8_t> small;
  };
  Model<Counts> model;
  optim::AveragedModel plain{model, {.use_buffers = true}};
  optim::AveragedModel moving{model, {.decay = 0.5, .use_buffers = true}};
  for (const int value : {3, 6, 200}) {
    model->steps() = -value;
    model->small() = static_cast<std::uint8_t>(value);
    model->done() = value > 5;
    plain.update_parameters(model);
    moving.update_parameters(model);
  }
  CHECK(plain.module()->steps() == -69); // -3, trunc(-4.5) = -4, -4 - 196 / 3
  CHECK(plain.module()->small() == 69);
  CHECK(plain.module()->done());
  CHECK(moving.module()->steps() == -102);
}

TEST_CASE("an average goes on from its saved state, with PyTorch's keys") {
  Model<Block> model;
  const auto update = [&](auto& average, float value) {
    for (float& p : model->fc.weight.values()) p = value;
    average.update_parameters(model);
  };
  optim::AveragedModel whole{model}, half{model};
  update(whole, 1), update(half, 1);
  update(whole, 2), update(half, 2);
  const StateDict state = state_dict(half);
  std::string names;
  for (const auto& [name, tensor] : state) names += name + ' ';
  CHECK(names == "n_averaged module.fc.weight module.fc.bias module.scale.gain module.scale.shift "
                 "module.scale.running ");
  optim::AveragedModel rest{model};
  CHECK(load_state_dict(rest, state).empty());
  CHECK(rest.n_averaged() == 2);
  update(whole, 6), update(rest, 6);
  CHECK(rest.module()->fc.weight(0, 0) == whole.module()->fc.weight(0, 0));
  CHECK(rest.module()->fc.weight(0, 0) == Approx(3));
  CHECK_THROWS_AS(load_state_dict(rest, model.state_dict()), StateDictError);
  CHECK(load_state_dict(rest, model.state_dict(), {.into = "module"}).empty());
  CHECK(rest.module()->fc.weight(0, 0) == 6);
}

namespace {
struct Normed {
  nn::Linear<3, 4> fc;
  nn::BatchNorm1d<4> norm;
  nn::BatchNorm1d<4, {.momentum = nn::cumulative_average}> plain;
  constexpr auto forward(auto x) const { return x | fc | norm | plain; }
};
} // namespace

TEST_CASE("update_bn makes the running statistics the averages of the batches") {
  Model<Normed> model;
  std::vector<std::pair<Tensor<float, 8, 3>, int>> batches(3);
  Tensor<float, 4> means, variances;
  for (auto& [x, label] : batches) {
    uniform_(x.values(), -1, 2);
    const Tensor<float, 8, 4> y = model->fc(x).value();
    for (Index c = 0; c < 4; ++c) {
      float centre = 0, squares = 0;
      for (Index i = 0; i < 8; ++i) centre += y(i, c) / 8;
      for (Index i = 0; i < 8; ++i) squares += (y(i, c) - centre) * (y(i, c) - centre) / 7;
      means(c) += centre / 3, variances(c) += squares / 3;
    }
  }
  model->norm.running_mean(0) = 100;
  optim::update_bn(batches, model);
  check_close(std::span<const float>(model->norm.running_mean.values()),
              std::span<const float>(means.values()), 1e-5);
  check_close(std::span<const float>(model->norm.running_var.values()),
              std::span<const float>(variances.values()), 1e-5);
  CHECK(model->norm.num_batches_tracked() == 3);
  CHECK(model->plain.num_batches_tracked() == 3);
  CHECK(model->plain.running_var(2) == Approx(8.0 / 7).epsilon(1e-3)); // of what is normalised already
}
