// SPDX-License-Identifier: BSL-1.0
#include "nn/layer_law.hpp"

#include "stator/nn/activation.hpp"

using namespace stator;
using test::check_layer;
using test::In;

TEST_CASE("softmax layers agree with PyTorch") {
  check_layer<nn::Softmax<-1>>("Softmax.last", In<3, 5>{});
  check_layer<nn::Softmax<0>>("Softmax.first", In<4, 3>{});
  check_layer<nn::Softmax<1>>("Softmax.middle", In<2, 3, 4>{});
  check_layer<nn::Softmax<0>>("Softmax.edges", In<17>{});
  check_layer<nn::LogSoftmax<-1>>("LogSoftmax.last", In<3, 5>{});
  check_layer<nn::LogSoftmax<0>>("LogSoftmax.first", In<4, 3>{});
  check_layer<nn::LogSoftmax<1>>("LogSoftmax.middle", In<2, 3, 4>{});
  check_layer<nn::LogSoftmax<0>>("LogSoftmax.edges", In<17>{});
  check_layer<nn::Softmin<1>>("Softmin.middle", In<2, 3, 4>{});
  check_layer<nn::Softmax2d>("Softmax2d.default", In<2, 3, 2, 2>{});
  check_layer<nn::GLU<>>("GLU.default", In<3, 6>{});
  check_layer<nn::GLU<0>>("GLU.first", In<4, 3>{});
  check_layer<nn::GLU<1>>("GLU.channels", In<2, 4, 3>{});
}
