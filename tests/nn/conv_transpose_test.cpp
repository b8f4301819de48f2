// SPDX-License-Identifier: BSL-1.0
#include "stator/nn/conv.hpp"

#include "nn/layer_law.hpp"

using namespace stator;
using test::check_layer;
using test::In;

namespace {
template<std::size_t D, Index C, Index O, Index K,
         nn::ConvTransposeOptions<D> Options = nn::ConvTransposeOptions<D>{}>
using Transposed = nn::ConvTransposeNd<D, C, O, K, Options, float>;

/// The sets of options that all three have; some are left to one and two dimensions.
template<std::size_t D, Index... S>
void check_transposed(const std::string& layer) {
  using O = nn::ConvTransposeOptions<D>;
  check_layer<Transposed<D, 2, 3, 3>>(layer + ".default", In<2, 2, S...>{});
  check_layer<Transposed<D, 2, 3, 3, O{.stride = 2, .padding = 1, .output_padding = 1}>>(
      layer + ".output_padding", In<1, 2, S...>{});
  check_layer<Transposed<D, 4, 6, 2, O{.stride = 2, .groups = 2}>>(layer + ".groups", In<1, 4, S...>{});
  check_layer<Transposed<D, 1, 2, 2, O{.padding = 1, .output_padding = 1, .dilation = 2}>>(
      layer + ".dilated_output_padding", In<1, 1, S...>{});
  if constexpr (D < 3) {
    check_layer<Transposed<D, 3, 2, 2, O{.bias = false}>>(layer + ".no_bias", In<1, 3, S...>{});
    check_layer<Transposed<D, 2, 3, 3, O{.stride = 2, .padding = 1}>>(layer + ".stride_padding",
                                                                      In<2, 2, S...>{});
    check_layer<Transposed<D, 2, 2, 2, O{.dilation = 2}>>(layer + ".dilation", In<1, 2, S...>{});
  }
  check_layer<Transposed<D, 2, 1, 2, O{.stride = 3, .padding = 2}>>(layer + ".padding_beyond_kernel",
                                                                    In<1, 2, S...>{});
}
} // namespace

TEST_CASE("transposed convolutions agree with PyTorch") {
  check_transposed<1, 5>("ConvTranspose1d");
  check_transposed<2, 4, 3>("ConvTranspose2d");
  check_transposed<3, 3, 2, 3>("ConvTranspose3d");
  constexpr nn::ConvTransposeOptions<2> uneven{.stride = {2, 3}, .padding = {1, 0}, .output_padding = {0, 1}};
  check_layer<nn::ConvTranspose2d<2, 3, Dims<2>{3, 2}, uneven>>("ConvTranspose2d.uneven", In<1, 2, 4, 3>{});
}

TEST_CASE("transposed convolutions have the output_size that is asked for") {
  // 9 to 10, 7 to 8 and 5 to 6, and 3 to 4, 5 to 6 and 3 to 4
  check_layer<
      Transposed<1, 2, 3, 3, nn::ConvTransposeOptions<1>{.stride = 2, .padding = 1, .output_size = 10}>>(
      "ConvTranspose1d.output_size", In<1, 2, 5>{});
  check_layer<
      Transposed<2, 2, 3, 3, nn::ConvTransposeOptions<2>{.stride = 2, .padding = 1, .output_size = {8, 5}}>>(
      "ConvTranspose2d.output_size", In<1, 2, 4, 3>{});
  check_layer<Transposed<3, 2, 3, 3,
                         nn::ConvTransposeOptions<3>{.stride = 2, .padding = 1, .output_size = {3, 6, 4}}>>(
      "ConvTranspose3d.output_size", In<1, 2, 2, 3, 2>{});
}
