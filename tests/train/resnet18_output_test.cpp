// SPDX-License-Identifier: BSL-1.0
#include "module/networks.hpp"
#include "train/checkpoint.hpp"

using namespace stator;

TEST_CASE("ResNet-18 from a file of an independent writer gives PyTorch's outputs") {
  const auto model = test::load_checkpoint<Model<corpus::ResNet18Of<8, 10>>>("resnet18");
  manual_seed(1);
  Tensor<float, 8, 3, 32, 32> images;
  uniform_(images.values());
  test::check_output("resnet18", model, images);
}

// Hidden: `train_test "[interchange]"`.
TEST_CASE("ResNet-18 for PyTorch", "[.interchange]") {
  manual_seed(8);
  Tensor<float, 8, 3, 32, 32> images;
  uniform_(images.values());
  test::write_for_pytorch<Model<corpus::ResNet18Of<8, 10>>>("resnet18", images);
}
