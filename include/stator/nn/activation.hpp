// SPDX-License-Identifier: BSL-1.0
// Activation functions as modules. Functions are nn::relu, nn::gelu; modules nn::ReLU, nn::GELU.
#pragma once

#include "stator/core/fixed_string.hpp"
#include "stator/nn/extra_repr.hpp"
#include "stator/nn/init.hpp"
#include "stator/ops/activation.hpp"
#include "stator/ops/gelu.hpp"
#include "stator/ops/reduce.hpp"
#include "stator/ops/slicing.hpp"
#include "stator/ops/smooth_activation.hpp"
#include "stator/ops/softmax.hpp"
#include "stator/trace/assign.hpp"
#include "stator/trace/call.hpp"

namespace stator::nn {

/// A module without parameters and options: `Op` of its input, printed as PyTorch's `Name`.
template<fixed_string Name, class Op>
struct Activation {
  static constexpr std::string_view class_name() { return Name.view(); }
  constexpr auto forward(auto x) const { return operation<Op>{}(x); }
  constexpr auto operator()(auto&&... x) const { return call(*this, std::forward<decltype(x)>(x)...); }
};

/// max(x, 0)
using ReLU = Activation<"ReLU", ops::Relu>;
/// min(max(x, 0), 6)
using ReLU6 = Activation<"ReLU6", ops::Relu6>;
/// torch.nn.Sigmoid: 1 / (1 + exp(-x)).
using Sigmoid = Activation<"Sigmoid", ops::Sigmoid>;
/// torch.nn.Tanh.
using Tanh = Activation<"Tanh", ops::Tanh>;
/// x sigmoid(x)
using SiLU = Activation<"SiLU", ops::Silu>;
/// x tanh(softplus(x))
using Mish = Activation<"Mish", ops::Mish>;
/// torch.nn.SELU. Source: Klambauer et al. 2017.
using SELU = Activation<"SELU", ops::Selu>;
/// torch.nn.Softsign: x / (1 + |x|).
using Softsign = Activation<"Softsign", ops::Softsign>;
/// torch.nn.LogSigmoid: log(1 / (1 + exp(-x))).
using LogSigmoid = Activation<"LogSigmoid", ops::LogSigmoid>;
/// torch.nn.Tanhshrink: x - tanh(x).
using Tanhshrink = Activation<"Tanhshrink", ops::Tanhshrink>;
/// torch.nn.Hardswish: x relu6(x + 3) / 6.
using Hardswish = Activation<"Hardswish", ops::Hardswish>;
/// torch.nn.Hardsigmoid: relu6(x + 3) / 6.
using Hardsigmoid = Activation<"Hardsigmoid", ops::Hardsigmoid>;

/// x Phi(x) with the error function.
struct GELU {
  constexpr auto forward(auto x) const { return gelu(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return "approximate='none'"; }
};

/// nn.GELU(approximate="tanh")
struct GELUTanh {
  static constexpr std::string_view class_name() { return "GELU"; }
  constexpr auto forward(auto x) const { return gelu_tanh(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return "approximate='tanh'"; }
};

/// x where x > 0, otherwise NegativeSlope * x.
template<double NegativeSlope = 0.01>
struct LeakyReLU {
  constexpr auto forward(auto x) const { return leaky_relu(x, NegativeSlope); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return "negative_slope=" + python_float(NegativeSlope); }
};

/// Alpha (exp(x) - 1) below 0, x above.
template<double Alpha = 1.0>
struct ELU {
  constexpr auto forward(auto x) const { return elu(x, Alpha); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return "alpha=" + python_float(Alpha); }
};

/// Alpha (exp(x / Alpha) - 1) below 0, x above.
template<double Alpha = 1.0>
struct CELU {
  constexpr auto forward(auto x) const { return celu(x, Alpha); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return "alpha=" + python_float(Alpha); }
};

/// x clamped to [Min, Max].
template<double Min = -1.0, double Max = 1.0>
struct Hardtanh {
  static_assert(Max > Min, "stator: Hardtanh: the upper bound must be above the lower one");
  constexpr auto forward(auto x) const { return hardtanh(x, Min, Max); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() {
    return "min_val=" + python_float(Min) + ", max_val=" + python_float(Max);
  }
};

/// log(1 + exp(Beta x)) / Beta; x itself where Beta x > Limit.
template<double Beta = 1.0, double Limit = 20.0>
struct Softplus {
  constexpr auto forward(auto x) const { return softplus(x, Beta, Limit); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() {
    return "beta=" + python_number(Beta) + ", threshold=" + python_number(Limit);
  }
};

/// torch.nn.Softshrink: moves x by Lambd towards 0, and what is nearer than that to 0.
template<double Lambd = 0.5>
struct Softshrink {
  static_assert(Lambd >= 0, "stator: Softshrink: lambd must not be negative");
  constexpr auto forward(auto x) const { return softshrink(x, Lambd); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return python_float(Lambd); }
};

/// torch.nn.Hardshrink: x where |x| > Lambd, otherwise 0.
template<double Lambd = 0.5>
struct Hardshrink {
  constexpr auto forward(auto x) const { return hardshrink(x, Lambd); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return python_float(Lambd); }
};

/// x where x > Limit, otherwise Value.
template<double Limit, double Value>
struct Threshold {
  constexpr auto forward(auto x) const { return threshold(x, Limit, Value); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() {
    return "threshold=" + python_float(Limit) + ", value=" + python_float(Value);
  }
};

/// A learned slope below 0: one for all, or one for each of the Count channels (dimension 1).
template<Index Count = 1, double Init = 0.25, class T = float>
struct PReLU {
  Parameter<T, Count> weight; ///< the slope for x < 0, [Count]

  constexpr auto forward(auto x) const {
    using X = decltype(x);
    // [Count] lies along dimension 1: [Count, 1, ...] broadcasts so.
    constexpr Extents along = [] {
      Extents e(Count);
      for (std::size_t d = 2; d < X::extents.rank; ++d) e.push_back(1);
      return e;
    }();
    if constexpr (along.rank == 1)
      return prelu(x, weight);
    else
      return prelu(x, ops::reshape_to<along>(ops::symbol(x, weight)));
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }

  void reset_parameters() { init::constant_(weight, Init); }
  static std::string extra_repr() { return "num_parameters=" + std::to_string(Count); }
};

/// torch.nn.Softmax along dimension Dim, negative from the end.
template<Index Dim>
struct Softmax {
  constexpr auto forward(auto x) const { return softmax<Dim>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return "dim=" + std::to_string(Dim); }
};

/// torch.nn.LogSoftmax along dimension Dim, negative from the end.
template<Index Dim>
struct LogSoftmax {
  constexpr auto forward(auto x) const { return log_softmax<Dim>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return "dim=" + std::to_string(Dim); }
};

/// softmax(-x)
template<Index Dim>
struct Softmin {
  constexpr auto forward(auto x) const { return softmax<Dim>(neg(x)); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return "dim=" + std::to_string(Dim); }
};

/// Softmax over the channels of x [N, C, H, W].
struct Softmax2d {
  constexpr auto forward(auto x) const { return softmax<-3>(x); }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
};

/// a sigmoid(b), where a and b are the halves of x along Dim.
template<Index Dim = -1>
struct GLU {
  constexpr auto forward(auto x) const {
    const auto [a, b] = chunk<2, Dim>(x);
    return mul(a, sigmoid(b));
  }
  constexpr auto operator()(auto&& x) const { return call(*this, std::forward<decltype(x)>(x)); }
  static std::string extra_repr() { return "dim=" + std::to_string(Dim); }
};

} // namespace stator::nn
