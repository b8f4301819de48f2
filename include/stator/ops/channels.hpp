// SPDX-License-Identifier: BSL-1.0
// Compositions that mix channels or features: local_response_norm, channel_shuffle, bilinear.
#pragma once

#include "stator/ops/matmul.hpp"
#include "stator/ops/permute.hpp"
#include "stator/ops/pow.hpp"
#include "stator/ops/resample.hpp"
#include "stator/ops/slicing.hpp"
#include "stator/ops/strided.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// x / (K + Alpha / Size * s)^Beta, s the sum of the squares of Size neighbouring channels.
template<Index Size, double Alpha, double Beta, double K>
struct LocalResponse {
  static constexpr std::string_view name = "LocalResponseNorm";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    constexpr Extents e = X::extents;
    if constexpr (e.rank < 3) {
      x.builder->fail(
          text("local_response_norm: input ", e, ", expected [N, C, ...] with 3 dimensions or more"));
      return x;
    } else {
      const auto flat = reshape_to<Extents(e[0], e[1], e.product(2, e.rank))>(mul(x, x));
      const auto padded =
          operation<Resample<PadRule<nn::PaddingMode::constant, 0.0, 0, 0, Size / 2, Size - 1 - Size / 2>>>{}(
              flat);
      const auto sums = operation<Sum<false, -1>>{}(operation<Windows<1, Size, 1>>{}(padded));
      const auto scale = add(mul(reshape_to<e>(sums), Alpha / static_cast<double>(Size)), K);
      return div(x, operation<Pow>{}(scale, Beta));
    }
  }
};

/// x [N, G * K, ...] with channel g * K + k moved to k * G + g.
template<Index Groups>
struct ChannelShuffle {
  static_assert(Groups > 0, "stator: channel_shuffle: the number of groups is positive");
  static constexpr std::string_view name = "ChannelShuffle";
  static constexpr bool is_composite = true;
  template<class X>
  static constexpr auto compose(X x) {
    constexpr Extents e = X::extents;
    if constexpr (e.rank < 3 || e[1] % Groups != 0) {
      x.builder->fail(text("channel_shuffle: input ", e, ", expected [N, C, ...] with C a multiple of the ",
                           Groups, " groups"));
      return x;
    } else {
      const auto cut = reshape_to<Extents(e[0], Groups, e[1] / Groups, e.product(2, e.rank))>(x);
      return reshape_to<e>(operation<Transpose<1, 2>>{}(cut));
    }
  }
};

/// y[..., o] = x1[..., i] weight[o, i, j] x2[..., j] + bias[o]
struct Bilinear {
  static constexpr std::string_view name = "Bilinear";
  static constexpr Promotion promotion = Promotion::floats;
  static constexpr bool is_composite = true;
  template<class A, class B, class W, class... Bias>
    requires(sizeof...(Bias) < 2)
  static constexpr auto compose(A x1, B x2, W weight, Bias... bias) {
    constexpr Extents a = A::extents, w = W::extents;
    if constexpr (fits(a, B::extents, w)) {
      const auto outer = mul(operation<Unsqueeze<-1>>{}(x1), operation<Unsqueeze<-2>>{}(x2));
      return operation<Linear>{}(reshape_to<joined(a, w[1] * w[2])>(outer),
                                 reshape_to<Extents(w[0], w[1] * w[2])>(weight), bias...);
    } else {
      x1.builder->fail(text("bilinear: inputs ", a, " and ", B::extents, " do not fit the weight ", w,
                            ", expected [..., ", w[1], "] and [..., ", w[2], "]"));
      return x1;
    }
  }

private:
  /// x with another last extent.
  static constexpr Extents joined(Extents x, Index last) {
    x[x.rank - 1] = last;
    return x;
  }
  static constexpr bool fits(const Extents& a, const Extents& b, const Extents& w) {
    return w.rank == 3 && a.rank > 0 && b.rank == a.rank && joined(a, w[1]) == a && joined(b, w[2]) == b &&
           joined(a, 1) == joined(b, 1);
  }
};

} // namespace ops

namespace nn {

/// `local_response_norm<Size, Alpha, Beta, K>(x)`: x [N, C, ...] divided by (K + Alpha * the mean of the
/// squares of Size neighbouring channels)^Beta. torch.nn.functional.local_response_norm. Source: Krizhevsky
/// et al. 2012.
template<Index Size, double Alpha = 1e-4, double Beta = 0.75, double K = 1.0>
inline constexpr operation<ops::LocalResponse<Size, Alpha, Beta, K>> local_response_norm;
/// `channel_shuffle<Groups>(x)`: the channels of x [N, C, ...], which are Groups groups, interleaved.
/// torch.nn.functional.channel_shuffle. Source: Zhang et al. 2018.
template<Index Groups>
inline constexpr operation<ops::ChannelShuffle<Groups>> channel_shuffle;
/// `bilinear(x1, x2, weight)` or with a bias: x1 [..., I], x2 [..., J], weight [O, I, J], bias [O], returns
/// [..., O]. torch.nn.functional.bilinear.
inline constexpr operation<ops::Bilinear> bilinear;

} // namespace nn

} // namespace stator::inline v0_2
