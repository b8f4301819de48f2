// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/activation.hpp"

#include "nn/layer_law.hpp"

using namespace stator;
using test::check_layer;
using test::In;

namespace {
template<class Layer>
void check_activation(const std::string& name) {
  check_layer<Layer>(name, In<3, 7>{});
  check_layer<Layer>(name + ".rank4", In<2, 3, 2, 2>{});
  // The references are in double, where 0.1 is not a kink of a threshold at 0.1.
  if (name != "Threshold.default" && name.find(".lambd") == std::string::npos)
    check_layer<Layer>(name + ".edges", In<17>{});
}
} // namespace

TEST_CASE("activation layers agree with PyTorch") {
  check_activation<nn::ReLU>("ReLU.default");
  check_activation<nn::LeakyReLU<>>("LeakyReLU.default");
  check_activation<nn::LeakyReLU<0.2>>("LeakyReLU.slope");
  check_activation<nn::ReLU6>("ReLU6.default");
  check_activation<nn::Hardtanh<>>("Hardtanh.default");
  check_activation<nn::Hardtanh<-0.5, 3.0>>("Hardtanh.range");
  check_activation<nn::Hardswish>("Hardswish.default");
  check_activation<nn::Hardsigmoid>("Hardsigmoid.default");
  check_activation<nn::Threshold<0.1, 20.0>>("Threshold.default");
  check_activation<nn::Threshold<-1.0, -0.5>>("Threshold.negative");
  check_activation<nn::Softshrink<>>("Softshrink.default");
  check_activation<nn::Softshrink<0.1>>("Softshrink.lambd");
  check_activation<nn::Hardshrink<>>("Hardshrink.default");
  check_activation<nn::Hardshrink<0.1>>("Hardshrink.lambd");
  check_activation<nn::PReLU<>>("PReLU.default");
  check_layer<nn::PReLU<3, 0.1>>("PReLU.channels", In<2, 3, 4>{});
}
