// SPDX-License-Identifier: BSL-1.0
#include "stator/wall/define.hpp"

#include "catch.hpp"
#include "files.hpp"

using namespace stator;

namespace {

struct Net {
  nn::Linear<3, 2> fc;
  constexpr auto forward(auto x) const { return fc(x); }
};

/// Two results, one of them of another element type.
struct Actor {
  nn::Linear<3, 2> fc;
  constexpr auto forward(auto x) const {
    const auto logits = fc(x);
    return std::tuple(logits, argmax<1>(logits));
  }
};

Network make() {
  manual_seed(0);
  return wall::define<Net, Tensor<float, dynamic, 3>, Tensor<float, dynamic, 2>>(
      [](auto& model) { return optim::SGD{model, {.lr = 0.1}}; },
      [](const auto& output, const auto& target) { return nn::mse_loss(output, target); });
}

const Tensor<float, 2, 3> x{1, 2, 3, 4, 5, 6};
const Tensor<float, 2, 2> target{1, 0, 0, 1};

} // namespace

TEST_CASE("A network behind a wall computes and trains as its Model") {
  Network network = make();
  manual_seed(0);
  Model<Net> model;
  optim::SGD optimizer{model, {.lr = 0.1}};
  for (int step = 0; step < 3; ++step) {
    const auto loss = nn::mse_loss(model(x), target);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    CHECK(network.step(x, target) == static_cast<double>(loss.item()));
  }
  Tensor<float, 2, 2> output;
  network(x, output);
  const auto expected = model.eval()(x).value();
  CHECK(std::equal(output.begin(), output.end(), expected.begin()));
  CHECK(network.bytes() == Model<Net>::parameter_bytes + Model<Net>::gradient_bytes);
}

TEST_CASE("A network behind a wall lists its parameters with their memory") {
  Network network = make();
  network.step(x, target);
  std::vector<std::string> names;
  for (const auto [name, values, grad] : network.named_parameters()) {
    names.emplace_back(name);
    CHECK(values.type() == "float32");
    CHECK(grad != nullptr);
    std::fill_n(static_cast<float*>(values.data()), values.numel(), 0.5F);
  }
  CHECK(names == std::vector<std::string>{"fc.weight", "fc.bias"});
  CHECK((*network.named_parameters().begin()).values[1] == 3);
  Tensor<float, 1, 2> output;
  network(Tensor<float, 1, 3>{1, 1, 1}, output);
  CHECK(output(0, 1) == 2.0F);
}

TEST_CASE("A network behind a wall refuses other shapes and other types of numbers") {
  Network network = make();
  float two[2] = {};
  CHECK_THROWS_WITH(network({two, 1, 2}, {two, 1, 2}),
                    "stator: network(input, output): input: found shape [1, 2], expected [?, 3]");
  CHECK_THROWS_WITH(network(x, {two, 2, 1}),
                    "stator: network(input, output): output: found shape [2, 1], expected [?, 2]");
  const std::int64_t labels[2] = {};
  CHECK_THROWS_WITH(network.step(x, {labels, 2}), "stator: network.step(input, target): target: found "
                                                  "numbers of type int64, expected float32");
  // Twice as many rows as the output has place for.
  CHECK_THROWS_AS(network(Tensor<float, 4, 3>{}, Tensor<float, 2, 2>{}), ShapeError);
}

TEST_CASE("A network behind a wall saves and loads, moves, and changes its learning rate") {
  const test::TemporaryDirectory directory;
  Network network = make();
  network.set_learning_rate(0);
  CHECK(network.learning_rate() == 0);
  const double loss = network.step(x, target);
  CHECK(network.step(x, target) == loss);
  const std::string path = (directory / "net.safetensors").string();
  network.save(path);
  Network other = make();
  other.step(x, target);
  other.load(path);
  Network moved = std::move(other);
  CHECK(moved.step(x, target) == loss);
}

TEST_CASE("A network behind a wall gives several results, and a loss of them") {
  manual_seed(0);
  Network network = wall::define<Actor, Tensor<float, dynamic, 3>, Tensor<float, dynamic, 2>>(
      [](auto& model) { return optim::SGD{model, {.lr = 0.1}}; },
      [](const auto& output, const auto& t) { return nn::mse_loss(std::get<0>(output), t); });
  Network single = make();
  CHECK(network.step(x, target) == single.step(x, target));
  Tensor<float, 2, 2> logits, expected;
  Tensor<std::int64_t, 2> action;
  network(x, logits, action);
  single(x, expected);
  CHECK(std::equal(logits.begin(), logits.end(), expected.begin()));
  CHECK(action(1) == (logits(1, 1) > logits(1, 0)));
  std::int64_t one[1] = {};
  CHECK_THROWS_WITH(network(x, logits), "stator: network(input, output): found 1 outputs, expected 2");
  CHECK_THROWS_WITH(network(x, logits, logits), "stator: network(input, outputs...): output 2: found numbers "
                                                "of type float32, expected int64");
  CHECK_THROWS_WITH(network(x, logits, MutableNumbers{one, 1}),
                    "stator: values_into: the output has shape [2], the tensor [1]");
}
