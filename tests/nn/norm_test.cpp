// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/norm.hpp"

#include "nn/layer_law.hpp"

using namespace stator;
using nn::BatchNormOptions;
using test::check_layer;
using test::In;

namespace {
/// Both modes with five sets of options.
template<template<BatchNormOptions> class Norm, Index... E>
void check_batch_norm(const std::string& name, In<E...> x) {
  check_layer<Norm<BatchNormOptions{}>>(name + ".default.train", x);
  check_layer<Norm<BatchNormOptions{}>, false>(name + ".default.eval", x);
  using Options = Norm<BatchNormOptions{.eps = 1e-2, .momentum = 0.3}>;
  check_layer<Options>(name + ".options.train", x);
  check_layer<Options, false>(name + ".options.eval", x);
  using Plain = Norm<BatchNormOptions{.affine = false}>;
  check_layer<Plain>(name + ".no_affine.train", x);
  check_layer<Plain, false>(name + ".no_affine.eval", x);
  using Forgetful = Norm<BatchNormOptions{.track_running_stats = false}>;
  check_layer<Forgetful>(name + ".no_running_stats.train", x);
  check_layer<Forgetful, false>(name + ".no_running_stats.eval", x);
  using Average = Norm<BatchNormOptions{.momentum = nn::cumulative_average}>;
  check_layer<Average>(name + ".cumulative.train", x);
  check_layer<Average, false>(name + ".cumulative.eval", x);
}
template<BatchNormOptions O>
using Norm1d = nn::BatchNorm1d<3, O>;
template<BatchNormOptions O>
using Norm2d = nn::BatchNorm2d<3, O>;
template<BatchNormOptions O>
using Norm3d = nn::BatchNorm3d<3, O>;

struct Twice {
  nn::BatchNorm1d<2> norm;
  constexpr auto forward(auto x) const { return norm(norm(x)); }
};
} // namespace

TEST_CASE("batch normalisation agrees with PyTorch, buffers as well") {
  check_batch_norm<Norm1d>("BatchNorm1d", In<4, 3, 5>{});
  check_batch_norm<Norm2d>("BatchNorm2d", In<4, 3, 3, 4>{});
  check_batch_norm<Norm3d>("BatchNorm3d", In<4, 3, 2, 3, 2>{});
  check_layer<nn::BatchNorm1d<4>>("BatchNorm1d.rank2.train", In<6, 4>{});
  check_layer<nn::BatchNorm1d<4>, false>("BatchNorm1d.rank2.eval", In<6, 4>{});
}

TEST_CASE("running statistics change once a forward, and twice when the module is used twice") {
  Model<Twice> model;
  Variable<float, 3, 2> x{1, 2, 3, 5, 8, 13};
  auto loss = sum(model(x));
  CHECK(loss.item() == loss.item());
  loss.backward();
  CHECK(*model->norm.num_batches_tracked.data() == 2);
  // 0.9 * (0.1 * 4) + 0.1 * 0, the second mean being 0
  CHECK(std::abs(model->norm.running_mean.data()[0] - 0.36F) < 1e-6F);
  (void)model.eval()(x).value();
  CHECK(*model->norm.num_batches_tracked.data() == 2);
}

TEST_CASE("batch normalisation refuses a batch of one value for each channel") {
  Model<nn::BatchNorm1d<2>> model;
  Tensor<float, dynamic, 2> one(1);
  CHECK_THROWS_AS(model(one).value(), ValueError);
  CHECK_NOTHROW(model.eval()(one).value());
}
