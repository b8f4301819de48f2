// SPDX-License-Identifier: BSL-1.0
// Convolutions whose weights are operands, and normalize.
#pragma once

#include "stator/nn/conv.hpp"
#include "stator/ops/extremum.hpp"
#include "stator/ops/permute.hpp"
#include "stator/ops/pow.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// A convolution with the weight's extents for its geometry.
template<std::size_t D, nn::ConvOptions<D> Options>
struct ConvolutionBy {
  static constexpr std::string_view name = "Convolution";
  static constexpr bool is_composite = true;
  static_assert(Options.padding_mode == nn::ConvPaddingMode(),
                "stator: conv: only zeros are padded, for other modes use nn::pad before");
  template<class X, class W, class... B>
  static constexpr auto compose(X x, W w, B... b) {
    static_assert(
        W::extents.rank == D + 2 && sizeof...(B) < 2,
        "stator: conv: expected an input, a weight [out, in / groups, kernel...] and at most one bias");
    constexpr Dims<D> kernel = [] {
      Dims<D> k{1};
      for (std::size_t d = 0; d < D; ++d) k.value[d] = W::extents[2 + d];
      return k;
    }();
    return operation<Convolution<D, nn::detail::conv_spec<D>(kernel, Options)>>{}(x, w, b...);
  }
};

/// A transposed convolution, likewise.
template<std::size_t D, nn::ConvTransposeOptions<D> Options>
struct TransposedConvolutionBy {
  static constexpr std::string_view name = "ConvTranspose";
  static constexpr bool is_composite = true;
  template<class X, class W, class... B>
  static constexpr auto compose(X x, W w, B... b) {
    static_assert(X::extents.rank == D + 2 && W::extents.rank == D + 2 && sizeof...(B) < 2,
                  "stator: conv_transpose: expected an input, a weight [in, out / groups, kernel...] and at "
                  "most one bias");
    constexpr Dims<D> kernel = [] {
      Dims<D> k{1};
      for (std::size_t d = 0; d < D; ++d) k.value[d] = W::extents[2 + d];
      return k;
    }();
    constexpr nn::detail::transposed_conv<D> geometry{Options, X::extents, kernel};
    constexpr Index out = W::extents[1] * Options.groups;
    if constexpr (geometry.fits()) {
      return operation<ConvolutionInput<D, geometry.spec(), geometry.output(out)>>{}(x, w, b...);
    } else {
      x.builder->fail(text("conv_transpose: ", geometry.requirement()));
      return x;
    }
  }
};

/// A convolution of [T, B, C], with a weight [kernel, in, out].
template<Index Padding>
struct ConvolutionTbc {
  static constexpr std::string_view name = "ConvTbc";
  static constexpr bool is_composite = true;
  template<class X, class W, class B>
  static constexpr auto compose(X x, W w, B b) {
    static_assert(X::extents.rank == 3 && W::extents.rank == 3,
                  "stator: conv_tbc: expected an input [T, B, in] and a weight [kernel, in, out]");
    constexpr operation<ConvolutionBy<1, nn::ConvOptions<1>{.padding = Padding}>> convolution;
    return operation<Permute<2, 0, 1>>{}(
        convolution(operation<Permute<1, 2, 0>>{}(x), operation<Permute<2, 1, 0>>{}(w), b));
  }
};

/// x divided by its P-norm along a dimension, which counts as Epsilon where it is less.
template<double P, Index Dim, double Epsilon>
struct Normalize {
  static constexpr std::string_view name = "Normalize";
  static constexpr bool is_composite = true;
  static_assert(P > 0, "stator: normalize: expected a norm with p > 0");
  template<class X>
  static constexpr auto compose(X x) {
    constexpr operation<Sum<true, Dim>> sum;
    if constexpr (P == 2) {
      // The larger of the squares has a gradient at zero.
      return mul(x, operation<Rsqrt>{}(maximum(sum(mul(x, x)), Epsilon * Epsilon)));
    } else {
      const auto size = operation<Abs>{}(x);
      if constexpr (P == 1)
        return div(x, maximum(sum(size), Epsilon));
      else if constexpr (P == std::numeric_limits<double>::infinity())
        return div(x, maximum(operation<Amax<true, true, Dim>>{}(size), Epsilon));
      else
        return div(x, operation<Pow>{}(maximum(sum(operation<Pow>{}(size, P)), power), 1 / P));
    }
  }
  /// A sum of powers that stands for Epsilon; in float32 it must not be zero.
  static constexpr double power = 1e-37;
};

} // namespace ops

namespace nn {

/// `nn::conv1d<nn::ConvOptions<1>{.stride = 2}>(x, weight, bias)`: x [N, in, L], weight [out, in / groups,
/// kernel], bias [out] or none. Of the options `bias` has no meaning here. torch.nn.functional.conv1d.
template<ConvOptions<1> Options = ConvOptions<1>{}>
inline constexpr operation<ops::ConvolutionBy<1, Options>> conv1d;
/// torch.nn.functional.conv2d: as conv1d, x [N, in, H, W].
template<ConvOptions<2> Options = ConvOptions<2>{}>
inline constexpr operation<ops::ConvolutionBy<2, Options>> conv2d;
/// torch.nn.functional.conv3d: as conv1d, x [N, in, D, H, W].
template<ConvOptions<3> Options = ConvOptions<3>{}>
inline constexpr operation<ops::ConvolutionBy<3, Options>> conv3d;
/// `nn::conv_transpose1d<nn::ConvTransposeOptions<1>{.stride = 2}>(x, weight, bias)`: x [N, in, L], weight
/// [in, out / groups, kernel], bias [out] or none. torch.nn.functional.conv_transpose1d.
template<ConvTransposeOptions<1> Options = ConvTransposeOptions<1>{}>
inline constexpr operation<ops::TransposedConvolutionBy<1, Options>> conv_transpose1d;
/// torch.nn.functional.conv_transpose2d: as conv_transpose1d, x [N, in, H, W].
template<ConvTransposeOptions<2> Options = ConvTransposeOptions<2>{}>
inline constexpr operation<ops::TransposedConvolutionBy<2, Options>> conv_transpose2d;
/// torch.nn.functional.conv_transpose3d: as conv_transpose1d, x [N, in, D, H, W].
template<ConvTransposeOptions<3> Options = ConvTransposeOptions<3>{}>
inline constexpr operation<ops::TransposedConvolutionBy<3, Options>> conv_transpose3d;

/// `nn::conv_tbc<Padding>(x, weight, bias)`: x [T, B, in], weight [kernel, in, out], bias [out]; [T', B,
/// out]. torch.nn.functional.conv_tbc.
template<Index Padding = 0>
inline constexpr operation<ops::ConvolutionTbc<Padding>> conv_tbc;

/// `nn::normalize<P, Dim>(x)`: x divided by its P-norms along a dimension; norms less than Epsilon count as
/// Epsilon (with P other than 1, 2 and infinity: as 1e-37^(1/P)). torch.nn.functional.normalize.
template<double P = 2.0, Index Dim = 1, double Epsilon = 1e-12>
inline constexpr operation<ops::Normalize<P, Dim, Epsilon>> normalize;

} // namespace nn

} // namespace stator::inline v0_2
