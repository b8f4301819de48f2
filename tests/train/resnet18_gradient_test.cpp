// SPDX-License-Identifier: BSL-1.0
#include "module/networks.hpp"
#include "train/checkpoint.hpp"

using namespace stator;

TEST_CASE("ResNet-18 from a file of an independent writer gives PyTorch's gradients and running statistics") {
  const auto model = test::load_checkpoint<Model<corpus::ResNet18Of<8, 10>>>("resnet18");
  manual_seed(1);
  Tensor<float, 8, 3, 32, 32> images;
  Tensor<std::int64_t, 8> labels;
  uniform_(images.values());
  random_(labels.values(), 0, 10);
  test::check_gradients("resnet18", model, nn::cross_entropy(model(images), labels));
}
