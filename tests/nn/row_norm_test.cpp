// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/row_norm.hpp"

#include "nn/layer_law.hpp"

using namespace stator;
using test::check_layer;
using test::In;

TEST_CASE("LayerNorm agrees with PyTorch") {
  check_layer<nn::LayerNorm<6>>("LayerNorm.default", In<3, 6>{});
  check_layer<nn::LayerNorm<Extents(3, 4), nn::LayerNormOptions{.eps = 1e-3}>>("LayerNorm.two_dimensions",
                                                                               In<2, 3, 4>{});
  check_layer<nn::LayerNorm<5, nn::LayerNormOptions{.elementwise_affine = false}>>("LayerNorm.no_affine",
                                                                                   In<2, 3, 5>{});
}

TEST_CASE("GroupNorm agrees with PyTorch") {
  check_layer<nn::GroupNorm<2, 4>>("GroupNorm.default", In<2, 4, 3>{});
  check_layer<nn::GroupNorm<3, 6, nn::GroupNormOptions{.eps = 1e-3}>>("GroupNorm.images", In<2, 6, 2, 3>{});
  check_layer<nn::GroupNorm<1, 4, nn::GroupNormOptions{.affine = false}>>("GroupNorm.no_affine", In<3, 4>{});
}

TEST_CASE("InstanceNorm agrees with PyTorch") {
  constexpr nn::InstanceNormOptions affine{.eps = 1e-3, .affine = true};
  check_layer<nn::InstanceNorm1d<3>>("InstanceNorm1d.default", In<2, 3, 6>{});
  check_layer<nn::InstanceNorm1d<3, affine>>("InstanceNorm1d.affine", In<2, 3, 6>{});
  check_layer<nn::InstanceNorm2d<3>>("InstanceNorm2d.default", In<2, 3, 3, 4>{});
  check_layer<nn::InstanceNorm2d<3, affine>>("InstanceNorm2d.affine", In<2, 3, 3, 4>{});
  check_layer<nn::InstanceNorm3d<3>>("InstanceNorm3d.default", In<2, 3, 2, 3, 2>{});
  check_layer<nn::InstanceNorm3d<3, affine>>("InstanceNorm3d.affine", In<2, 3, 2, 3, 2>{});
}
