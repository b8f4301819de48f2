// SPDX-License-Identifier: BSL-1.0
#include "nn/layer_law.hpp"

#include "stator/nn/pooling.hpp"

using namespace stator;
using test::check_layer;
using test::In;

namespace {
template<std::size_t D, Dims<D> Whole>
void check_adaptive(const std::string& name, auto x) {
  check_layer<nn::AdaptiveMaxPoolNd<D, 1>>("AdaptiveMaxPool" + name + ".one", x);
  check_layer<nn::AdaptiveMaxPoolNd<D, 3>>("AdaptiveMaxPool" + name + ".uneven", x);
  check_layer<nn::AdaptiveMaxPoolNd<D, Whole>>("AdaptiveMaxPool" + name + ".dividing", x);
  check_layer<nn::AdaptiveAvgPoolNd<D, 1>>("AdaptiveAvgPool" + name + ".one", x);
  check_layer<nn::AdaptiveAvgPoolNd<D, 3>>("AdaptiveAvgPool" + name + ".uneven", x);
  check_layer<nn::AdaptiveAvgPoolNd<D, Whole>>("AdaptiveAvgPool" + name + ".dividing", x);
}
} // namespace

TEST_CASE("adaptive pooling agrees with PyTorch") {
  check_adaptive<1, 11>("1d", In<2, 2, 11>{});
  check_adaptive<2, Dims<2>{8, 7}>("2d", In<2, 2, 8, 7>{});
  check_adaptive<3, Dims<3>{6, 5, 6}>("3d", In<1, 2, 6, 5, 6>{});
  const In<1, 2, 5, 7> x;
  check_layer<nn::AdaptiveMaxPool2d<Dims<2>{2, 3}>>("AdaptiveMaxPool2d.rectangle", x);
  check_layer<nn::AdaptiveAvgPool2d<Dims<2>{2, 3}>>("AdaptiveAvgPool2d.rectangle", x);
  check_layer<nn::AdaptiveAvgPool2d<Dims<2>{0, 3}>>("AdaptiveAvgPool2d.as_input", x);
  check_layer<nn::AdaptiveMaxPool3d<Dims<3>{2, 0, 4}>>("AdaptiveMaxPool3d.as_input", In<1, 1, 3, 2, 5>{});
}
