// SPDX-License-Identifier: BSL-1.0
#include "train/training.hpp"

using namespace stator;

namespace {
struct Mlp {
  nn::Linear<784, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto forward(auto x) const { return x | fc1 | nn::relu | fc2; }
};

template<Index Batch>
void train(const std::string& run, auto make_optimizer) {
  test::train_as_pytorch<Mlp, Tensor<float, Batch, 784>, Tensor<std::int64_t, Batch>>(run, make_optimizer);
}
} // namespace

TEST_CASE("the MLP trains with PyTorch's numbers: SGD with momentum") {
  const auto sgd = [](auto& model) { return optim::SGD(model, {.lr = 0.01, .momentum = 0.9}); };
  train<test::training_batch>("mlp.sgd", sgd);
  train<dynamic>("mlp.sgd", sgd);
}

TEST_CASE("the MLP trains with PyTorch's numbers: Adam") {
  const auto adam = [](auto& model) { return optim::Adam(model, {.lr = 1e-3}); };
  train<test::training_batch>("mlp.adam", adam);
  train<dynamic>("mlp.adam", adam);
}
