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

namespace {
using O = nn::InstanceNormOptions;
template<template<O> class Norm>
void check_instance_norm(const std::string& name, auto x) {
  check_layer<Norm<O{}>>(name + ".default", x);
  check_layer<Norm<O{.eps = 1e-3, .affine = true}>>(name + ".affine", x);
  check_layer<Norm<O{.momentum = 0.3, .track_running_stats = true}>>(name + ".running_stats.train", x);
  using Both = Norm<O{.affine = true, .track_running_stats = true}>;
  check_layer<Both>(name + ".running_stats_affine.train", x);
  check_layer<Both, false>(name + ".running_stats.eval", x);
}
template<O Options>
using Norm1d = nn::InstanceNorm1d<3, Options>;
template<O Options>
using Norm2d = nn::InstanceNorm2d<3, Options>;
template<O Options>
using Norm3d = nn::InstanceNorm3d<3, Options>;
} // namespace

TEST_CASE("InstanceNorm agrees with PyTorch, in training and evaluation, buffers as well") {
  check_instance_norm<Norm1d>("InstanceNorm1d", In<2, 3, 6>{});
  check_instance_norm<Norm2d>("InstanceNorm2d", In<2, 3, 3, 4>{});
  check_instance_norm<Norm3d>("InstanceNorm3d", In<2, 3, 2, 3, 2>{});
}

TEST_CASE("running statistics of instances are the same with a batch known at run time") {
  Model<Norm1d<O{.track_running_stats = true}>> model;
  auto other = model;
  Variable<float, 2, 3, 2> x{1, 7, -2, 5, 4, 4, 0, 2, 3, 1, -3, 2};
  Variable<float, dynamic, 3, 2> y{1, 7, -2, 5, 4, 4, 0, 2, 3, 1, -3, 2};
  (void)model(x).value();
  (void)other(y).value();
  test::check_close(model->running_mean.values(), other->running_mean.values(), 1e-6);
  test::check_close(model->running_var.values(), other->running_var.values(), 1e-6);
}
