// SPDX-License-Identifier: BSL-1.0
// Bilinear, ChannelShuffle, LocalResponseNorm.
#pragma once

#include "stator/nn/extra_repr.hpp"
#include "stator/nn/init.hpp"
#include "stator/ops/channels.hpp"
#include "stator/trace/call.hpp"

#include <cmath>
#include <string>

namespace stator::nn {

/// Options of Bilinear.
struct BilinearOptions {
  bool bias = true; ///< adds a learned number to each feature
};

/// x1 [..., In1] and x2 [..., In2] to [..., Out], a bilinear form for each feature of the result.
/// weight [Out, In1, In2] and bias [Out] start uniform in +-1/sqrt(In1), torch.nn.Bilinear.
template<Index In1, Index In2, Index Out, BilinearOptions Options = BilinearOptions{}, class T = float>
struct Bilinear {
  Parameter<T, Out, In1, In2> weight; ///< a form for each feature
  /// [Out]
  std::conditional_t<Options.bias, Parameter<T, Out>, Absent> bias;

  constexpr auto forward(auto x1, auto x2) const {
    if constexpr (Options.bias)
      return bilinear(x1, x2, weight, bias);
    else
      return bilinear(x1, x2, weight);
  }
  constexpr auto operator()(auto&&... x) const { return call(*this, std::forward<decltype(x)>(x)...); }

  void reset_parameters() {
    const double bound = 1 / std::sqrt(static_cast<double>(In1));
    init::uniform_(weight, -bound, bound);
    if constexpr (Options.bias) init::uniform_(bias, -bound, bound);
  }
  static std::string extra_repr() {
    return "in1_features=" + std::to_string(In1) + ", in2_features=" + std::to_string(In2) +
           ", out_features=" + std::to_string(Out) + ", bias=" + (Options.bias ? "True" : "False");
  }
};

/// torch.nn.ChannelShuffle: x [N, C, ...], see nn::channel_shuffle.
template<Index Groups>
struct ChannelShuffle {
  constexpr auto forward(auto x) const { return channel_shuffle<Groups>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return "groups=" + std::to_string(Groups); }
};

/// torch.nn.LocalResponseNorm: x [N, C, ...], see nn::local_response_norm.
template<Index Size, double Alpha = 1e-4, double Beta = 0.75, double K = 1.0>
struct LocalResponseNorm {
  constexpr auto forward(auto x) const { return local_response_norm<Size, Alpha, Beta, K>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() {
    return std::to_string(Size) + ", alpha=" + python_float(Alpha) + ", beta=" + python_float(Beta) +
           ", k=" + python_float(K);
  }
};

} // namespace stator::nn
