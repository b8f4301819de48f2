// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/conv.hpp"

#include "nn/layer_law.hpp"

using namespace stator;
using test::check_layer;
using test::In;

namespace {
template<std::size_t D, Index C, Index O, Index K, nn::ConvOptions<D> Options = nn::ConvOptions<D>{}>
using Conv = nn::ConvNd<D, C, O, K, Options, float>;

/// The sets of options that all three have; x and y: inputs of 2 and 3 channels.
template<std::size_t D>
void check_conv(const std::string& layer, auto x, auto y) {
  using O = nn::ConvOptions<D>;
  check_layer<Conv<D, 2, 3, 3>>(layer + ".default", x);
  check_layer<Conv<D, 3, 2, 2, O{.bias = false}>>(layer + ".no_bias", y);
  check_layer<Conv<D, 2, 3, 3, O{.stride = 2, .padding = 1}>>(layer + ".stride_padding", x);
  check_layer<Conv<D, 2, 3, 2, O{.padding = 1, .dilation = 2}>>(layer + ".dilation", x);
  check_layer<Conv<D, 3, 4, 1>>(layer + ".pointwise", y);
  check_layer<Conv<D, 2, 2, 3, O{.padding = "same"}>>(layer + ".same", x);
}
/// With one sample; x, y, z: inputs of 2, 3 and 4 channels.
template<std::size_t D>
void check_conv_of_one(const std::string& layer, auto x, auto y, auto z) {
  using O = nn::ConvOptions<D>;
  check_layer<Conv<D, 4, 6, 3, O{.padding = 1, .groups = 2}>>(layer + ".groups", z);
  check_layer<Conv<D, 3, 6, 2, O{.groups = 3}>>(layer + ".depthwise", y);
  check_layer<Conv<D, 2, 2, 4, O{.padding = "same"}>>(layer + ".same_even", x);
  check_layer<Conv<D, 2, 1, 2, O{.padding = "same", .dilation = 3}>>(layer + ".same_dilated", x);
  check_layer<Conv<D, 2, 2, 2, O{.padding = "valid"}>>(layer + ".valid", x);
}
} // namespace

TEST_CASE("Conv1d agrees with PyTorch") {
  check_conv<1>("Conv1d", In<2, 2, 9>{}, In<2, 3, 9>{});
  check_conv_of_one<1>("Conv1d", In<1, 2, 9>{}, In<1, 3, 9>{}, In<1, 4, 9>{});
}

TEST_CASE("Conv2d agrees with PyTorch") {
  check_conv<2>("Conv2d", In<2, 2, 7, 6>{}, In<2, 3, 7, 6>{});
  check_conv_of_one<2>("Conv2d", In<1, 2, 7, 6>{}, In<1, 3, 7, 6>{}, In<1, 4, 7, 6>{});
}
