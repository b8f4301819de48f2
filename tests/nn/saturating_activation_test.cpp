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
  check_layer<Layer>(name + ".edges", In<17>{});
  check_layer<Layer>(name + ".rank4", In<2, 3, 2, 2>{});
}
} // namespace

TEST_CASE("activation layers with exponentials agree with PyTorch") {
  check_activation<nn::SiLU>("SiLU.default");
  check_activation<nn::Mish>("Mish.default");
  check_activation<nn::Softplus<>>("Softplus.default");
  check_activation<nn::Softplus<2.0, 5.0>>("Softplus.options");
  check_activation<nn::Softsign>("Softsign.default");
  check_activation<nn::Tanh>("Tanh.default");
  check_activation<nn::Sigmoid>("Sigmoid.default");
  check_activation<nn::LogSigmoid>("LogSigmoid.default");
  check_activation<nn::Tanhshrink>("Tanhshrink.default");
}
