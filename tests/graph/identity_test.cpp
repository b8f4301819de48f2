// SPDX-License-Identifier: BSL-1.0
// A value that is used several times is one node: computed once, with the gradients of all its uses.
#include "catch.hpp"
#include "stator/stator.hpp"

#include <array>

using namespace stator;

namespace {

template<class E>
using Inference = run::Program<E, false>;
template<class E>
using Training = run::Program<E, true>;

/// Weights that are the same in PyTorch's runs of the same networks: w[i] = ((i * 7) % 11 - 5) / 10,
/// parameter by parameter with one running i.
void number_parameters(auto& model) {
  int i = 0;
  for (auto [name, parameter] : model.named_parameters())
    for (float& w : parameter.template values<float>()) w = static_cast<float>(i++ * 7 % 11 - 5) / 10;
}

const Tensor<float, 2, 3> input{1, -2, 3, 0.5f, 4, -1};

struct Twice {
  nn::Linear<3, 3> fc;
  constexpr auto forward(auto x) const {
    const auto h = x | fc;
    return h * h + x * x;
  }
};

struct Recomputed {
  nn::Linear<3, 3> fc;
  // The same operations written out again are found to be the same.
  constexpr auto forward(auto x) const { return (x | fc | nn::relu) + (x | fc | nn::relu); }
};

struct Block {
  nn::Linear<3, 3> fc1, fc2;
  constexpr auto forward(auto x) const { return x + (x | fc1 | nn::relu | fc2); }
};
struct Residual {
  std::array<Block, 4> blocks;
  constexpr auto forward(auto x) const {
    auto h = x;
    for (const Block& block : blocks) h = h | block;
    return h;
  }
};

struct TwoInputs {
  nn::Linear<3, 2> fc;
  constexpr auto forward(auto a, auto b) const { return (a | fc) * (b | fc); }
};

struct Tied {
  nn::Linear<3, 3> first, second;
  using ties = stator::ties<tie<"second.weight", "first.weight">>;
  constexpr auto forward(auto x) const { return x | first | nn::relu | second; }
};
struct SharedModule {
  nn::Linear<3, 3> first, second;
  using ties = stator::ties<tie<"second", "first">>;
  constexpr auto forward(auto x) const { return (x | first) - (x | second); }
};

struct Dead {
  nn::Linear<3, 3> used, unused;
  constexpr auto forward(auto x) const {
    const auto ignored = (x | unused | nn::relu) * 3;
    static_cast<void>(ignored);
    return x | used;
  }
};

struct Pointwise {
  Parameter<float, 3> a, b;
  constexpr auto forward(auto x) const { return nn::relu(x * a + b) * 2 - nn::relu(x * a - b) / 3; }
};

float weight_gradient(const auto& loss, auto& model) {
  model.zero_grad();
  loss.backward();
  return model->fc.weight.grad()(1, 2);
}

void check_same(const auto& y) { CHECK(std::ranges::equal(y.values(), input.values())); }

} // namespace

TEST_CASE("a value that is used twice is computed once") {
  Model<Twice> model;
  number_parameters(model);
  const auto loss = sum(model(input));
  using Y = decltype(model(input));
  STATIC_REQUIRE(Inference<Y>::count("Addmm") == 1);
  STATIC_REQUIRE(Inference<Y>::computed_nodes == 4); // Addmm, h * h, x * x, +
  loss.backward();
  CHECK(loss.item() == Approx(36.705f)); // PyTorch
  CHECK(model->fc.weight.grad()(0, 0) == Approx(-1.35f));
  CHECK(model->fc.weight.grad()(2, 1) == Approx(6));
  CHECK(model->fc.bias.grad()(1) == Approx(0.3f));
}

TEST_CASE("equal operations on equal operands are one node") {
  Model<Recomputed> model;
  number_parameters(model);
  using Y = decltype(model(input));
  STATIC_REQUIRE(Inference<Y>::count("Addmm") == 1);
  STATIC_REQUIRE(Inference<Y>::count("Relu") == 1);
  STATIC_REQUIRE(Inference<Y>::computed_nodes == 3);
  using L = decltype(sum(model(input)));
  STATIC_REQUIRE(Training<L>::count("Mm") == 1); // the weight's gradient; the input wants none
  const auto loss = sum(model(input));
  loss.backward();
  CHECK(loss.item() == Approx(4)); // PyTorch
  CHECK(model->fc.weight.grad()(1, 1) == Approx(8));
  CHECK(model->fc.bias.grad()(0) == Approx(2));
}

TEST_CASE("blocks of an array with residuals are as many nodes as they do operations") {
  Model<Residual> model;
  number_parameters(model);
  using Y = decltype(model(input));
  STATIC_REQUIRE(Inference<Y>::count("Addmm") == 8);
  STATIC_REQUIRE(Inference<Y>::computed_nodes == 16); // Addmm, Relu, Addmm, + of each block
  STATIC_REQUIRE(Inference<Y>::units.size() == 16);
  using L = decltype(sum(model(input)));
  // Each product has the gradients of its weight and of its input; the input of the first block wants none.
  STATIC_REQUIRE(Training<L>::count("Mm") == 8 + 7);
  const auto loss = sum(model(input));
  loss.backward();
  CHECK(loss.item() == Approx(6.66792f)); // PyTorch
  CHECK(model.get<"blocks.0.fc1.weight">().grad()(1, 1) == Approx(-4.82624f));
  CHECK(model.get<"blocks.2.fc2.weight">().grad()(2, 0) == Approx(2.86f));
  CHECK(model.get<"blocks.3.fc2.bias">().grad()(0) == Approx(2));
}

TEST_CASE("one module on two inputs has one gradient, the sum of both uses") {
  Model<TwoInputs> model;
  number_parameters(model);
  const Tensor<float, 2, 3> other{2, 1, 0, -1, 3, 2};
  using Y = decltype(model(input, other));
  STATIC_REQUIRE(Inference<Y>::count("Addmm") == 2);
  using L = decltype(sum(model(input, other)));
  STATIC_REQUIRE(Training<L>::count("Mm") == 2);
  STATIC_REQUIRE(Training<L>::count("AccumulateGrad") == 2); // weight and bias, once each
  const auto loss = sum(model(input, other));
  loss.backward();
  CHECK(loss.item() == Approx(0.285f)); // PyTorch
  CHECK(model->fc.weight.grad()(0, 0) == Approx(-3.2f));
  CHECK(model->fc.bias.grad()(1) == Approx(0.65f));
}

TEST_CASE("a model that is called twice in one expression adds both gradients") {
  Model<Twice> model;
  number_parameters(model);
  const Tensor<float, 2, 3> other{2, 1, 0, -1, 3, 2};
  const float first = weight_gradient(sum(model(input)), model),
              second = weight_gradient(sum(model(other)), model);
  CHECK(weight_gradient(sum(model(input) + model(other)), model) == Approx(first + second));
}

TEST_CASE("tied weights are one leaf with the gradients of both uses") {
  Model<Tied> model;
  number_parameters(model);
  using L = decltype(sum(model(input)));
  STATIC_REQUIRE(Training<L>::count("Addmm") == 2);
  STATIC_REQUIRE(Training<L>::count("AccumulateGrad") == 3); // one weight, two biases
  CHECK(model.get<"second.weight">().data() == model.get<"first.weight">().data());
  const auto loss = sum(model(input));
  loss.backward();
  CHECK(loss.item() == Approx(1.585f)); // PyTorch
  CHECK(model->first.weight.grad()(1, 1) == Approx(2.05f));
  CHECK(model->second.weight.grad()(1, 1) == Approx(2.05f));
  CHECK(model->second.bias.grad()(2) == Approx(2));
}

TEST_CASE("a tied module on one input is one product") {
  const Model<SharedModule> model;
  using Y = decltype(model(input));
  STATIC_REQUIRE(Inference<Y>::count("Addmm") == 1);
  for (const float y : model(input).value()) CHECK(y == 0);
}

TEST_CASE("what the result does not need is recorded and dropped") {
  Model<Dead> model;
  using L = decltype(sum(model(input)));
  STATIC_REQUIRE(Training<L>::count("Relu") == 0);
  STATIC_REQUIRE(Training<L>::count("Addmm") == 1);
  STATIC_REQUIRE(Training<L>::recorded_nodes > static_cast<int>(Training<L>::nodes.size()));
  model->unused.weight.grad().fill_(5);
  sum(model(input)).backward();
  CHECK(model->unused.weight.grad()(0, 0) == 5); // not even written
}

TEST_CASE("elementwise operations of one shape are one region") {
  const Model<Pointwise> model;
  using Y = decltype(model(input));
  STATIC_REQUIRE(Inference<Y>::computed_nodes == 8); // x * a once
  STATIC_REQUIRE(Inference<Y>::units.size() == 1);
  STATIC_REQUIRE(Inference<Y>::workspace == Bytes{}); // nothing is kept between
}

TEST_CASE("a network that returns its input, or a view of it, copies it") {
  check_same(stator::view<6>(input).value());
  check_same(stator::view<3, 2>(input).value());
  Tensor<float, dynamic, 3> batch{1, -2, 3, 0.5f, 4, -1};
  check_same(stator::view<-1, 3, 1>(batch).value());
  check_same(flatten<1>(stator::view<-1, 3, 1>(batch * 1)).value());
}
