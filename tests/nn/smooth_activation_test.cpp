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

TEST_CASE("smooth activation layers agree with PyTorch") {
  check_activation<nn::ELU<>>("ELU.default");
  check_activation<nn::ELU<0.5>>("ELU.alpha");
  check_activation<nn::SELU>("SELU.default");
  check_activation<nn::CELU<>>("CELU.default");
  check_activation<nn::CELU<2.0>>("CELU.alpha");
  check_activation<nn::GELU>("GELU.default");
  check_activation<nn::GELUTanh>("GELU.tanh");
}
