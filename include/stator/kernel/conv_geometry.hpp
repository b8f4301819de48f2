// SPDX-License-Identifier: BSL-1.0
// What a convolution is: extents and options, as a template argument. Channels first, as in PyTorch.
#pragma once

#include "stator/core/shape.hpp"

#include <array>
#include <cstddef>

namespace stator::kernel {

namespace detail {
template<std::size_t D>
constexpr std::array<Index, D> filled(Index value) {
  std::array<Index, D> a{};
  for (Index& x : a) x = value;
  return a;
}
template<std::size_t D>
constexpr Index product(const std::array<Index, D>& a) {
  Index n = 1;
  for (const Index x : a) n *= x;
  return n;
}
} // namespace detail

/// A convolution over D axes of x [batch, in_channels, input...] with w [out_channels, in_channels / groups,
/// kernel...].
template<std::size_t D>
struct ConvGeometry {
  static constexpr std::size_t axes = D; ///< number of spatial dimensions

  Index in_channels = 1, out_channels = 1, groups = 1; ///< all channels, in so many groups
  std::array<Index, D> input{};                        ///< spatial extents
  std::array<Index, D> kernel = detail::filled<D>(1);  ///< spatial extents
  std::array<Index, D> stride = detail::filled<D>(1);  ///< steps between windows
  /// Zeros around the input.
  std::array<Index, D> padding_begin{}, padding_end{};
  std::array<Index, D> dilation = detail::filled<D>(1); ///< steps between elements of the kernel

  /// Spatial extents of the result.
  constexpr std::array<Index, D> output() const {
    std::array<Index, D> out{};
    for (std::size_t d = 0; d < D; ++d)
      out[d] =
          (input[d] + padding_begin[d] + padding_end[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d] + 1;
    return out;
  }
  /// Elements of the kernel for one pair of channels.
  constexpr Index taps() const { return detail::product(kernel); }
  /// Elements of a channel of the input.
  constexpr Index input_plane() const { return detail::product(input); }
  /// Elements of a channel of the result.
  constexpr Index output_plane() const { return detail::product(output()); }
  /// Elements of the weight.
  constexpr Index weights() const { return out_channels * (in_channels / groups) * taps(); }

  constexpr bool operator==(const ConvGeometry&) const = default;
};

} // namespace stator::kernel
