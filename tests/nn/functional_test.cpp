// SPDX-License-Identifier: BSL-1.0
// Functions of torch.nn.functional that no layer has: PyTorch's values and gradients, central differences.
#include "ops/tensor_ops.hpp"

#include "stator/nn/functional.hpp"

using namespace stator;
using test::joined;
using test::operand;

TEST_CASE("convolutions with weights as operands are PyTorch's") {
  auto x1 = operand<2, 4, 5>("conv", 0);
  auto w1 = operand<2, 2, 3>("conv", 1);
  auto b1 = operand<2>("conv", 2);
  auto x2 = operand<2, 2, 4, 3>("conv", 3);
  auto w2 = operand<3, 2, 3, 2>("conv", 4);
  auto t2 = operand<2, 1, 2, 2>("conv", 5);
  auto x3 = operand<1, 1, 2, 3, 2>("conv", 6);
  auto w3 = operand<1, 1, 2, 2, 1>("conv", 7);
  test::check_family(
      "conv",
      [](const auto& a, const auto& u, const auto& bias, const auto& b, const auto& v, const auto& t,
         const auto& c, const auto& w) {
        return joined(
            nn::conv1d<nn::ConvOptions<1>{.stride = 2, .padding = 1, .groups = 2}>(a, u, bias),
            nn::conv2d<nn::ConvOptions<2>{.padding = "same"}>(b, v),
            nn::conv3d<nn::ConvOptions<3>{.padding = Dims<3>(1, 0, 0)}>(c, w),
            nn::conv_transpose1d<nn::ConvTransposeOptions<1>{.stride = 2, .dilation = 2}>(narrow<1, 0, 2>(a),
                                                                                          u),
            nn::conv_transpose2d<nn::ConvTransposeOptions<2>{.stride = 2, .output_padding = 1, .groups = 2}>(
                b, t, bias),
            nn::conv_tbc<1>(a, permute<1, 2, 0>(narrow<1, 0, 3>(a)), bias),
            nn::conv_transpose3d<nn::ConvTransposeOptions<3>{.padding = Dims<3>(1, 0, 0)}>(c, w));
      },
      x1, w1, b1, x2, w2, t2, x3, w3);
}

TEST_CASE("images at other places, and normalised ones, are PyTorch's") {
  auto theta = operand<2, 2, 3>("grid", 0);
  auto theta3 = operand<2, 3, 4>("grid", 1);
  auto x = operand<2, 2, 3, 4>("grid", 2);
  auto grid = operand<2, 3, 4, 2>("grid", 3);
  auto y = operand<1, 1, 2, 3, 2>("grid", 4);
  auto places = operand<1, 2, 2, 1, 3>("grid", 5);
  test::check_family(
      "grid",
      [](const auto& t, const auto& v, const auto& a, const auto& g, const auto& b, const auto& h) {
        using enum nn::SampleMode;
        using enum nn::SamplePadding;
        return joined(
            nn::affine_grid<false, 3, 4>(t), nn::affine_grid<true, 1, 3>(t),
            nn::affine_grid<false, 2, 3, 2>(narrow<0, 0, 1>(v)), nn::grid_sample<>(a, g),
            nn::grid_sample<bilinear, zeros, true>(a, g), nn::grid_sample<bilinear, border>(a, g),
            nn::grid_sample<bilinear, border, true>(a, g), nn::grid_sample<bilinear, reflection>(a, g),
            nn::grid_sample<bilinear, reflection, true>(a, g), nn::grid_sample<nearest>(a, g),
            nn::grid_sample<nearest, zeros, true>(a, g), nn::grid_sample<nearest, border>(a, g),
            nn::grid_sample<nearest, border, true>(a, g), nn::grid_sample<nearest, reflection>(a, g),
            nn::grid_sample<nearest, reflection, true>(a, g), nn::grid_sample<>(b, h), nn::normalize<>(a),
            nn::normalize<1.0, -1>(a), nn::normalize<3.0, 2>(a),
            nn::normalize<std::numeric_limits<double>::infinity(), 0>(a), nn::normalize<>(a * 0));
      },
      theta, theta3, x, grid, y, places);
}
