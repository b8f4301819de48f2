// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/pooling.hpp"

#include "nn/layer_law.hpp"

using namespace stator;
using test::check_layer;
using test::In;

namespace {
template<std::size_t D>
void check_pooling(const std::string& name, auto x) {
  using S = nn::PoolSettings<D>;
  constexpr S padded{.stride = 2, .padding = 1};
  const std::string max = "MaxPool" + name, avg = "AvgPool" + name;
  check_layer<nn::MaxPoolNd<D, 2, S{}>>(max + ".default", x);
  check_layer<nn::MaxPoolNd<D, 3, padded>>(max + ".stride_padding", x);
  check_layer<nn::MaxPoolNd<D, 2, S{.stride = 1, .dilation = 2}>>(max + ".dilation", x);
  check_layer<nn::MaxPoolNd<D, 3, S{.stride = 2, .ceil_mode = true}>>(max + ".ceil_mode", x);
  check_layer<nn::AvgPoolNd<D, 2, S{}>>(avg + ".default", x);
  check_layer<nn::AvgPoolNd<D, 3, padded>>(avg + ".stride_padding", x);
  constexpr S exclude{.stride = 2, .padding = 1, .count_include_pad = false};
  check_layer<nn::AvgPoolNd<D, 3, exclude>>(avg + ".exclude_pad", x);
  check_layer<nn::AvgPoolNd<D, 3, S{.stride = 2, .ceil_mode = true}>>(avg + ".ceil_mode", x);
  constexpr S both{.stride = 2, .padding = 1, .ceil_mode = true};
  check_layer<nn::AvgPoolNd<D, 2, both>>(avg + ".ceil_mode_padding", x);
}
} // namespace

TEST_CASE("MaxPool and AvgPool agree with PyTorch") {
  check_pooling<1>("1d", In<2, 2, 11>{});
  check_pooling<2>("2d", In<2, 2, 8, 7>{});
  check_pooling<3>("3d", In<1, 2, 6, 5, 6>{});
  constexpr nn::PoolSettings<2> uneven{.stride = {2, 1}, .padding = {1, 0}};
  check_layer<nn::MaxPool2d<Dims<2>{3, 2}, uneven>>("MaxPool2d.uneven", In<1, 2, 6, 5>{});
  check_layer<nn::AvgPool2d<Dims<2>{3, 2}, uneven>>("AvgPool2d.uneven", In<1, 2, 6, 5>{});
  check_layer<nn::AvgPool2d<2, nn::PoolSettings<2>{.divisor_override = 3}>>("AvgPool2d.divisor_override",
                                                                            In<1, 2, 6, 5>{});
}

TEST_CASE("LPPool agrees with PyTorch") {
  check_layer<nn::LPPool1d<2.0, 3>>("LPPool1d.default", In<2, 2, 8>{});
  check_layer<nn::LPPool1d<3.0, 3, nn::PoolSettings<1>{.stride = 2, .ceil_mode = true}>>("LPPool1d.ceil_mode",
                                                                                         In<1, 2, 8>{});
  check_layer<nn::LPPool2d<2.0, 2>>("LPPool2d.default", In<1, 2, 4, 5>{});
  check_layer<nn::LPPool2d<1.5, Dims<2>{3, 2}, nn::PoolSettings<2>{.stride = {2, 1}}>>("LPPool2d.uneven",
                                                                                       In<1, 2, 5, 4>{});
}

TEST_CASE("the gradient of LPPool is 0 where a window is 0") {
  Variable<float, 1, 1, 4> x{0, 0, 1, 1};
  sum(nn::lp_pool1d<2.0, 2>(x)).backward();
  CHECK(x.grad().data()[0] == 0);
  CHECK(x.grad().data()[1] == 0);
  CHECK(x.grad().data()[2] > 0);
}
