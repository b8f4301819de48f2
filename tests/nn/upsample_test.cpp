// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/upsample.hpp"

#include "nn/layer_law.hpp"

#include "stator/nn/flatten.hpp"

using namespace stator;
using test::check_layer;
using test::In;

namespace {
using Options = nn::InterpolateOptions;

template<nn::InterpolationMode M, bool Corners>
void check_images(const std::string& name) {
  const In<1, 2, 3, 4> x;
  check_layer<nn::Upsample<Options{.scale_factor = {2}, .mode = M, .align_corners = Corners}>>(
      name + "_scale", x);
  check_layer<nn::Upsample<Options{.size = {5, 7}, .mode = M, .align_corners = Corners}>>(name + "_size", x);
  check_layer<nn::Upsample<Options{.scale_factor = {1.5, 2.0}, .mode = M, .align_corners = Corners}>>(
      name + "_fraction", x);
}
} // namespace

TEST_CASE("Upsample agrees with PyTorch") {
  check_images<"nearest", false>("Upsample.nearest");
  check_images<"bilinear", false>("Upsample.bilinear");
  check_images<"bilinear", true>("Upsample.bilinear_corners");
  check_layer<nn::Upsample<Options{.scale_factor = {3}}>>("Upsample.nearest_1d", In<1, 2, 4>{});
  check_layer<nn::Upsample<Options{.scale_factor = {2}}>>("Upsample.nearest_3d", In<1, 2, 2, 3, 2>{});
  check_layer<nn::Upsample<Options{.scale_factor = {2}, .mode = "linear"}>>("Upsample.linear", In<1, 2, 4>{});
  check_layer<nn::Upsample<Options{.scale_factor = {2}, .mode = "trilinear"}>>("Upsample.trilinear",
                                                                               In<1, 2, 2, 3, 2>{});
  check_layer<nn::Upsample<Options{.scale_factor = {2}, .mode = "bicubic"}>>("Upsample.bicubic",
                                                                             In<1, 2, 3, 4>{});
}

TEST_CASE("layers that rearrange agree with PyTorch") {
  check_layer<nn::PixelShuffle<2>>("PixelShuffle.two", In<2, 8, 2, 3>{});
  check_layer<nn::PixelShuffle<3>>("PixelShuffle.three", In<1, 9, 2, 2>{});
  check_layer<nn::PixelUnshuffle<2>>("PixelUnshuffle.two", In<1, 2, 4, 6>{});
  check_layer<nn::Flatten<>>("Flatten.default", In<2, 3, 4>{});
  check_layer<nn::Flatten<0, 1>>("Flatten.range", In<2, 3, 4>{});
  check_layer<nn::Unflatten<1, 2, 3>>("Unflatten.default", In<2, 6>{});
}
