// SPDX-License-Identifier: BSL-1.0
// The derivatives of convolutions are right, with and without a bias, and so are those of their derivatives.
#include "ops/gradient_law.hpp"
#include "stator/ops/conv.hpp"

using namespace stator;
using ops::ConvSpec;
using test::check_gradient;
using test::variable;

namespace {

template<std::size_t D, ConvSpec<D> S>
void check_convolution(const auto& x, const auto&... wb) {
  check_gradient([](const auto&... a) { return operation<ops::Convolution<D, S>>{}(a...); }, x, wb...);
}
/// y is the result of the convolution with weight w, b a bias for inputs of extents X.
template<std::size_t D, ConvSpec<D> S, Extents X>
void check_transposed(const auto& y, const auto&... wb) {
  check_gradient([](const auto&... a) { return operation<ops::ConvolutionInput<D, S, X>>{}(a...); }, y,
                 wb...);
}

} // namespace

TEST_CASE("the derivatives of convolutions are those of central differences") {
  check_convolution<1, ConvSpec<1>{.padding_begin = 1, .padding_end = 2}>(variable<2, 2, 7>(),
                                                                          variable<3, 2, 4>(), variable<3>());
  check_convolution<
      2,
      ConvSpec<2>{.stride = {2, 1}, .padding_begin = 1, .padding_end = 1, .dilation = {1, 2}, .groups = 2}>(
      variable<2, 4, 5, 6>(), variable<2, 2, 3, 2>());
  check_convolution<3,
                    ConvSpec<3>{.stride = {1, 2, 1}, .padding_begin = {1, 0, 1}, .padding_end = {0, 1, 1}}>(
      variable<1, 2, 3, 4, 3>(), variable<2, 2, 2, 3, 2>(), variable<2>());
}

TEST_CASE("the derivatives of transposed convolutions are those of central differences") {
  check_transposed<1, ConvSpec<1>{.stride = 2, .padding_begin = 1, .padding_end = 0}, Extents(2, 3, 8)>(
      variable<2, 2, 4>(), variable<2, 3, 3>(), variable<3>());
  check_transposed<2, ConvSpec<2>{.stride = {1, 2}, .dilation = {2, 1}, .groups = 2}, Extents(1, 4, 5, 6)>(
      variable<1, 2, 3, 3>(), variable<2, 2, 2, 2>());
  check_transposed<3, ConvSpec<3>{.padding_begin = 1, .padding_end = 1}, Extents(1, 2, 3, 2, 3)>(
      variable<1, 2, 3, 2, 3>(), variable<2, 2, 3, 3, 3>(), variable<2>());
}

TEST_CASE("the derivative of a convolution's weight gradient is that of central differences") {
  using Weight = ops::ConvolutionWeight<2, ConvSpec<2>{.stride = 2, .padding_begin = 1, .padding_end = 1},
                                        Extents(3, 2, 3, 2)>;
  check_gradient([](const auto& x, const auto& g) { return operation<Weight>{}(x, g); },
                 variable<2, 2, 5, 4>(), variable<2, 3, 3, 3>());
  check_gradient([](const auto& g) { return square(operation<ops::ChannelSum>{}(g)); }, variable<2, 3, 2>());
}
