// SPDX-License-Identifier: BSL-1.0
// Networks of random structure, compiled and run, against a straightforward evaluation. Few, since each takes
// seconds to compile; random_program_test.cpp has thousands.
#include "catch.hpp"
#include "graph/random_network.hpp"

#include <random>

using namespace stator;
using namespace stator::test;

namespace {

template<Recipe R>
struct RandomNet {
  Parameter<double, features, features> weight;
  Parameter<double, features> bias;
  Parameter<double, 2, features / 2> scale;
  constexpr auto forward(auto x) const {
    return build(Symbolic<decltype(weight), decltype(bias), decltype(scale)>{weight, bias, scale}, x, R);
  }
};

template<class T>
T make() {
  if constexpr (T::shape_type::is_dynamic)
    return T(samples);
  else
    return T();
}

template<Recipe R, Index Batch>
void compare() {
  Model<RandomNet<R>> model;
  auto x = make<Variable<double, Batch, features>>();
  auto mix = make<Tensor<double, Batch, features>>();
  std::mt19937 generator(R.seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  const auto randomise = [&](std::span<double> values) {
    for (double& v : values) v = uniform(generator);
  };
  randomise(x.values());
  randomise(mix.values());
  for (auto [name, parameter] : model.named_parameters()) randomise(parameter.template values<double>());

  Tape tape;
  const std::size_t rows = samples, columns = features;
  const Straight straight{tape, tape.leaf(columns, columns, model->weight.values()),
                          tape.leaf(1, columns, model->bias.values()),
                          tape.leaf(1, columns, model->scale.values())};
  const Taped input = tape.leaf(rows, columns, x.values());
  const Taped y = build(straight, input, R);
  const Taped loss = tape.sum_to(tape.mul(y, tape.leaf(rows, columns, mix.values())), 1, 1);
  tape.backward(loss);

  CHECK(agree(model(x).value().values(), y->value));
  const auto expression = sum(model(x) * mix);
  expression.backward();
  CHECK(agree({{expression.item()}}, loss->value));
  CHECK(agree(x.grad().values(), input->grad));
  CHECK(agree(model->weight.grad().values(), straight.weight->grad));
  CHECK(agree(model->bias.grad().values(), straight.bias->grad));
  CHECK(agree(model->scale.grad().values(), straight.scale->grad));
}

} // namespace

TEST_CASE("a random network of kernels and elementwise operations, batch known to the compiler") {
  compare<Recipe{.seed = 1, .steps = 30}, samples>();
}

TEST_CASE("a random network of kernels and elementwise operations, dynamic batch") {
  compare<Recipe{.seed = 2, .steps = 30, .reach = 30}, dynamic>();
}

TEST_CASE("a random network with regions beyond their limit") {
  compare<Recipe{.seed = 3, .steps = 60, .kernels = 1, .reach = 3}, dynamic>();
}
