// SPDX-License-Identifier: BSL-1.0
// RReLU: active in training only, otherwise a LeakyReLU.
#pragma once

#include "stator/nn/extra_repr.hpp"
#include "stator/ops/rrelu.hpp"
#include "stator/trace/call.hpp"

namespace stator::nn {

/// torch.nn.RReLU: see nn::rrelu. Source: Xu et al. 2015.
template<double Lower = 1.0 / 8, double Upper = 1.0 / 3>
struct RReLU {
  constexpr auto forward(auto x) const { return rrelu<Lower, Upper>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() {
    return "lower=" + python_float(Lower) + ", upper=" + python_float(Upper);
  }
};

} // namespace stator::nn
