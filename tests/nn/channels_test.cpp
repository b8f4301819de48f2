// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/channels.hpp"
#include "stator/nn/fold.hpp"
#include "stator/nn/rms_norm.hpp"

#include "nn/layer_law.hpp"

using namespace stator;
using test::check_layer;
using test::In;

TEST_CASE("Bilinear and layers across channels agree with PyTorch") {
  check_layer<nn::Bilinear<3, 4, 5>>("Bilinear.default", In<2, 3>{}, In<2, 4>{"x2"});
  check_layer<nn::Bilinear<3, 4, 5, nn::BilinearOptions{.bias = false}>>("Bilinear.no_bias", In<2, 2, 3>{},
                                                                         In<2, 2, 4>{"x2"});
  check_layer<nn::Bilinear<2, 1, 3>>("Bilinear.narrow", In<4, 2>{}, In<4, 1>{"x2"});
  check_layer<nn::ChannelShuffle<2>>("ChannelShuffle.two", In<2, 6, 3>{});
  check_layer<nn::ChannelShuffle<3>>("ChannelShuffle.three", In<1, 6, 2, 2>{});
  check_layer<nn::ChannelShuffle<6>>("ChannelShuffle.all", In<1, 6, 2, 2>{});
  check_layer<nn::LocalResponseNorm<5, 0.2, 0.5>>("LocalResponseNorm.images", In<1, 6, 2, 2>{});
  check_layer<nn::LocalResponseNorm<3>>("LocalResponseNorm.default", In<2, 5, 3>{});
  check_layer<nn::LocalResponseNorm<2, 0.5, 1.5, 2.0>>("LocalResponseNorm.even", In<2, 5, 3>{});
}

TEST_CASE("Fold and Unfold agree with PyTorch") {
  constexpr nn::FoldOptions options{.dilation = {1, 2}, .padding = {0, 1}, .stride = {1, 2}};
  check_layer<nn::Unfold<2, nn::FoldOptions{.padding = 1, .stride = 2}>>("Unfold.default", In<1, 2, 4, 5>{});
  check_layer<nn::Unfold<Dims<2>(3, 2), options>>("Unfold.options", In<1, 2, 4, 5>{});
  constexpr nn::FoldOptions dilated{.dilation = 2, .padding = 1};
  check_layer<nn::Unfold<2, dilated>>("Unfold.dilation", In<1, 2, 4, 5>{});
  check_layer<nn::Fold<Dims<2>(4, 5), 2, dilated>>("Fold.dilation", In<1, 4, 20>{});
  check_layer<nn::Fold<Dims<2>(4, 5), 2>>("Fold.default", In<1, 8, 12>{});
  check_layer<nn::Fold<Dims<2>(4, 5), Dims<2>(3, 2), options>>("Fold.options", In<1, 12, 6>{});
}

TEST_CASE("rms_norm and RMSNorm agree with their definition, RMSNorm begins with ones") {
  test::check_function(
      "rms_norm.default", [](const auto& x, const auto& w) { return nn::rms_norm<>(x, w); }, In<3, 6>{},
      In<6>{"weight"});
  check_layer<nn::RMSNorm<6>>("RMSNorm.default", In<3, 6>{});
  check_layer<nn::RMSNorm<Extents(3, 4), nn::RMSNormOptions{.eps = 1e-2}>>("RMSNorm.eps", In<2, 3, 4>{});
  check_layer<nn::RMSNorm<Extents(2, 3), nn::RMSNormOptions{.eps = 0.1, .elementwise_affine = false}>>(
      "RMSNorm.no_affine", In<2, 2, 3>{});
  const Model<nn::RMSNorm<6>> affine;
  CHECK(affine->weight.data()[2] == 1);
}
