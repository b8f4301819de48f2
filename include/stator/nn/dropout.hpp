// SPDX-License-Identifier: BSL-1.0
// Dropout, Dropout1d, Dropout2d, Dropout3d, AlphaDropout, FeatureAlphaDropout: active in training only.
#pragma once

#include "stator/nn/extra_repr.hpp"
#include "stator/ops/dropout.hpp"
#include "stator/trace/call.hpp"

namespace stator::nn {

/// Each element is 0 with probability P, otherwise x / (1 - P). Source: Hinton et al. 2012.
template<double P = 0.5>
struct Dropout {
  constexpr auto forward(auto x) const { return dropout<P>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return "p=" + python_float(P) + ", inplace=False"; }
};

/// Whole channels of x [N, C, ...] with Dims dimensions after the channel dimension.
template<std::size_t Dims, double P>
struct FeatureDropout {
  static constexpr std::string_view class_name() {
    return Dims == 1 ? "Dropout1d" : Dims == 2 ? "Dropout2d" : "Dropout3d";
  }
  constexpr auto forward(auto x) const {
    if constexpr (decltype(x)::extents.rank != Dims + 2)
      x.builder->fail(text("input ", decltype(x)::extents, ", expected ", Dims + 2, " dimensions"));
    return feature_dropout<P>(x);
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return "p=" + python_float(P) + ", inplace=False"; }
};
/// torch.nn.Dropout1d: x [N, C, L], drops whole channels.
template<double P = 0.5>
using Dropout1d = FeatureDropout<1, P>;
/// torch.nn.Dropout2d: x [N, C, H, W], drops whole channels.
template<double P = 0.5>
using Dropout2d = FeatureDropout<2, P>;
/// torch.nn.Dropout3d: x [N, C, D, H, W], drops whole channels.
template<double P = 0.5>
using Dropout3d = FeatureDropout<3, P>;

/// Keeps mean and variance of what selu gives.
template<double P = 0.5>
struct AlphaDropout {
  constexpr auto forward(auto x) const { return alpha_dropout<P>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return "p=" + python_float(P) + ", inplace=False"; }
};

/// As AlphaDropout, of whole channels of x [N, C, ...].
template<double P = 0.5>
struct FeatureAlphaDropout {
  constexpr auto forward(auto x) const { return feature_alpha_dropout<P>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return "p=" + python_float(P) + ", inplace=False"; }
};

} // namespace stator::nn
