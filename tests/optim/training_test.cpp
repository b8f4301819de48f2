// SPDX-License-Identifier: BSL-1.0
// Twenty steps from manual_seed(0) on the batches of manual_seed(1), as in reference/training.py.
#include "stator/nn/conv.hpp"
#include "stator/nn/pooling.hpp"
#include "stator/optim/optim.hpp"
#include "stator/stator.hpp"

#include "catch.hpp"
#include "reference/reference.hpp"

#include <algorithm>
#include <cmath>

using namespace stator;
namespace nn = stator::nn;
using test::reference;

namespace {

struct Mlp {
  nn::Linear<784, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

struct Cnn {
  nn::Conv2d<1, 32, 3> conv1;
  nn::Conv2d<32, 64, 3> conv2;
  nn::Linear<9216, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const {
    auto features = x | conv1 | nn::relu | conv2 | nn::relu | nn::max_pool2d<2>;
    return features | stator::flatten<1> | fc1 | nn::relu | fc2;
  }
};

/// Trains as the script does, and compares each loss and the weights in the end.
template<class Net, class Images>
void check_training(const std::string& name, auto make_optimizer) {
  manual_seed(0);
  Model<Net> model;
  auto optimizer = make_optimizer(model);
  Generator data(1);
  Images images;
  Tensor<std::int64_t, 64> labels;
  for (const double expected : reference("training")[name + ".loss"].template as<double>()) {
    uniform_(images.values(), 0, 1, data);
    random_(labels.values(), 0, 10, data);
    auto loss = nn::cross_entropy(model(images), labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    CHECK(std::abs(loss.item() / expected - 1) < 1e-5);
  }
  for (auto [path, parameter] : model.named_parameters()) {
    const std::string key = name + "." + std::string(path);
    INFO(key);
    const auto values = parameter.template values<float>();
    const auto expected = reference("training")[key].template as<float>();
    const std::vector<double> sampled = test::doubles(values, expected.size() == values.size() ? 1 : 37);
    REQUIRE(sampled.size() == expected.size());
    // Where Adam magnifies rounding, PyTorch in float and in double differ by more than 1e-4 in a few
    // weights.
    const auto known = reference("training")[name + ".apart." + std::string(path)].template as<double>();
    double apart = 0;
    for (std::size_t i = 0; i < expected.size(); ++i)
      apart += std::abs(sampled[i] - static_cast<double>(expected[i])) > 1e-4 ? 1 : 0;
    CHECK(apart <= 2 * known[1]);
    test::check_close(sampled, expected, std::max(1e-4, 2 * known[0]));
  }
}

} // namespace

TEST_CASE("the MLP trains to PyTorch's losses and weights") {
  using Images = Tensor<float, 64, 784>;
  check_training<Mlp, Images>("mlp.sgd",
                              [](auto& m) { return optim::SGD{m, {.lr = 0.01, .momentum = 0.9}}; });
  check_training<Mlp, Images>("mlp.adam", [](auto& m) { return optim::Adam{m, {.lr = 1e-3}}; });
}

TEST_CASE("the CNN trains to PyTorch's losses and weights") {
  using Images = Tensor<float, 64, 1, 28, 28>;
  check_training<Cnn, Images>("cnn.sgd",
                              [](auto& m) { return optim::SGD{m, {.lr = 0.01, .momentum = 0.9}}; });
  check_training<Cnn, Images>("cnn.adam", [](auto& m) { return optim::Adam{m, {.lr = 1e-3}}; });
}
