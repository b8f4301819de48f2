// SPDX-License-Identifier: BSL-1.0
// Conv3d, and what all convolutions pad with.
#include "stator/nn/conv.hpp"

#include "nn/layer_law.hpp"

using namespace stator;
using test::check_layer;
using test::In;

namespace {
template<std::size_t D>
void check_padding_modes(const std::string& layer, auto x) {
  using O = nn::ConvOptions<D>;
  check_layer<nn::ConvNd<D, 2, 2, 3, O{.padding = 1, .padding_mode = "reflect"}, float>>(layer + ".reflect",
                                                                                         x);
  check_layer<nn::ConvNd<D, 2, 2, 3, O{.padding = 1, .padding_mode = "replicate"}, float>>(
      layer + ".replicate", x);
  check_layer<nn::ConvNd<D, 2, 2, 3, O{.padding = 1, .padding_mode = "circular"}, float>>(layer + ".circular",
                                                                                          x);
}
} // namespace

TEST_CASE("Conv3d agrees with PyTorch") {
  using O = nn::ConvOptions<3>;
  const In<1, 2, 5, 4, 6> x;
  check_layer<nn::Conv3d<2, 3, 3>>("Conv3d.default", x);
  check_layer<nn::Conv3d<3, 2, 2, O{.bias = false}>>("Conv3d.no_bias", In<1, 3, 5, 4, 6>{});
  check_layer<nn::Conv3d<2, 3, 3, O{.stride = 2, .padding = 1}>>("Conv3d.stride_padding", x);
  check_layer<nn::Conv3d<2, 3, 2, O{.padding = 1, .dilation = 2}>>("Conv3d.dilation", x);
  check_layer<nn::Conv3d<4, 6, 3, O{.padding = 1, .groups = 2}>>("Conv3d.groups", In<1, 4, 5, 4, 6>{});
  check_layer<nn::Conv3d<2, 2, 4, O{.padding = "same"}>>("Conv3d.same_even", x);
  check_layer<nn::Conv3d<2, 1, 2, O{.padding = "same", .dilation = 3}>>("Conv3d.same_dilated", x);
}

TEST_CASE("every padding_mode of convolutions agrees with PyTorch") {
  check_padding_modes<1>("Conv1d", In<1, 2, 9>{});
  check_padding_modes<2>("Conv2d", In<1, 2, 7, 6>{});
  check_padding_modes<3>("Conv3d", In<1, 2, 5, 4, 6>{});
  check_layer<nn::Conv1d<2, 2, 4, nn::ConvOptions<1>{.padding = "same", .padding_mode = "circular"}>>(
      "Conv1d.circular_same", In<1, 2, 9>{});
}

TEST_CASE("options that differ between the dimensions agree with PyTorch") {
  using O = nn::ConvOptions<2>;
  constexpr O reflect{.stride = {2, 1},
                      .padding = Dims<2>{2, 1},
                      .dilation = {1, 2},
                      .groups = 2,
                      .bias = false,
                      .padding_mode = "reflect"};
  check_layer<nn::Conv2d<2, 4, Dims<2>{3, 2}, reflect>>("Conv2d.reflect_options", In<2, 2, 5, 6>{});
  constexpr O uneven{.stride = {2, 1}, .padding = Dims<2>{0, 1}, .dilation = {1, 2}};
  check_layer<nn::Conv2d<2, 3, Dims<2>{3, 2}, uneven>>("Conv2d.uneven", In<2, 2, 7, 6>{});
  check_layer<nn::Conv2d<2, 3, Dims<2>{4, 3}, O{.padding = "same", .dilation = {1, 2}}>>("Conv2d.uneven_same",
                                                                                         In<1, 2, 7, 8>{});
}
