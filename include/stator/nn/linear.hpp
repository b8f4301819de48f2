// SPDX-License-Identifier: BSL-1.0
// Linear: y = x W^T + b.
#pragma once

#include "stator/nn/init.hpp"
#include "stator/ops/half_linear.hpp"
#include "stator/trace/call.hpp"

#include <string>

namespace stator::nn {

/// Options of Linear.
struct LinearOptions {
  bool bias = true; ///< adds a learned number to each feature
};

/// Applies an affine map to the last dimension: x [..., In], returns [..., Out].
/// weight [Out, In] and bias [Out] start uniform in +-1/sqrt(In), torch.nn.Linear.
template<Index In, Index Out, LinearOptions Options = LinearOptions{}, class T = float>
struct Linear {
  static_assert(In > 0 && Out > 0, "stator: Linear needs positive numbers of features");

  Parameter<T, Out, In> weight; ///< transposed, as in PyTorch
  /// [Out]
  std::conditional_t<Options.bias, Parameter<T, Out>, Absent> bias;

  constexpr auto forward(auto x) const {
    constexpr auto product = [] {
      if constexpr (ops::HalfLinear::suits<decltype(x), Typed<T, Shape<Out, In>>>)
        return half_linear;
      else
        return linear;
    }();
    if constexpr (Options.bias)
      return product(x, weight, bias);
    else
      return product(x, weight);
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }

  void reset_parameters() { init::reset_weight_and_bias_(weight, bias); }
  static std::string extra_repr() {
    return "in_features=" + std::to_string(In) + ", out_features=" + std::to_string(Out) +
           ", bias=" + (Options.bias ? "True" : "False");
  }
};

} // namespace stator::nn
