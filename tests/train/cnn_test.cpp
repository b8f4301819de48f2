// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/conv.hpp"
#include "stator/nn/pooling.hpp"
#include "train/training.hpp"

using namespace stator;

namespace {
struct Cnn {
  nn::Conv2d<1, 32, 3> conv1;
  nn::Conv2d<32, 64, 3> conv2;
  nn::Linear<9216, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const {
    const auto features = x | conv1 | nn::relu | conv2 | nn::relu | nn::max_pool2d<2>;
    return features | flatten<1> | fc1 | nn::relu | fc2;
  }
};

void train(const std::string& run, auto make_optimizer) {
  test::train_as_pytorch<Cnn, Tensor<float, dynamic, 1, 28, 28>, Tensor<std::int64_t, dynamic>>(
      run, make_optimizer);
}
} // namespace

TEST_CASE("the CNN trains with PyTorch's numbers: SGD with momentum") {
  train("cnn.sgd", [](auto& model) { return optim::SGD(model, {.lr = 0.01, .momentum = 0.9}); });
}

TEST_CASE("the CNN trains with PyTorch's numbers: Adam") {
  train("cnn.adam", [](auto& model) { return optim::Adam(model, {.lr = 1e-3}); });
}
