// SPDX-License-Identifier: BSL-1.0
// Losses as modules: `loss(model(x), y)` with `nn::MSELoss<> loss;`, or as parts of a network.
#pragma once

#include "stator/nn/extra_repr.hpp"
#include "stator/ops/call.hpp"
#include "stator/ops/cross_entropy.hpp"

namespace stator::nn {

namespace detail {
/// A loss module called with tensors needs no program of its own: it is the loss function.
template<class L>
constexpr auto apply_loss(const L& loss, const auto&... x) {
  if constexpr ((AnySymbol<decltype(x)> || ...))
    return call(loss, x...);
  else
    return loss.forward(x...);
}
} // namespace detail

template<Reduction R = Reduction::mean>
struct MSELoss {
  constexpr auto forward(const auto& x, const auto& target) const { return mse_loss<R>(x, target); }
  constexpr auto operator()(const auto&... x) const { return detail::apply_loss(*this, x...); }
};

template<Reduction R = Reduction::mean>
struct L1Loss {
  constexpr auto forward(const auto& x, const auto& target) const { return l1_loss<R>(x, target); }
  constexpr auto operator()(const auto&... x) const { return detail::apply_loss(*this, x...); }
};

template<Reduction R = Reduction::mean, double Beta = 1.0>
struct SmoothL1Loss {
  constexpr auto forward(const auto& x, const auto& target) const {
    return smooth_l1_loss<R, Beta>(x, target);
  }
  constexpr auto operator()(const auto&... x) const { return detail::apply_loss(*this, x...); }
};

template<Reduction R = Reduction::mean, double Delta = 1.0>
struct HuberLoss {
  constexpr auto forward(const auto& x, const auto& target) const { return huber_loss<R, Delta>(x, target); }
  constexpr auto operator()(const auto&... x) const { return detail::apply_loss(*this, x...); }
};

/// Of probabilities; a third operand multiplies the elements.
template<Reduction R = Reduction::mean>
struct BCELoss {
  constexpr auto forward(const auto& x, const auto& target, const auto&... weight) const {
    return binary_cross_entropy<R>(x, target, weight...);
  }
  constexpr auto operator()(const auto&... x) const { return detail::apply_loss(*this, x...); }
};

/// Of logits; a third operand is pos_weight, a fourth multiplies the elements.
template<Reduction R = Reduction::mean>
struct BCEWithLogitsLoss {
  constexpr auto forward(const auto& x, const auto& target, const auto&... more) const {
    return binary_cross_entropy_with_logits<R>(x, target, more...);
  }
  constexpr auto operator()(const auto&... x) const { return detail::apply_loss(*this, x...); }
};

template<Reduction R = Reduction::mean, bool LogTarget = false>
struct KLDivLoss {
  constexpr auto forward(const auto& x, const auto& target) const { return kl_div<R, LogTarget>(x, target); }
  constexpr auto operator()(const auto&... x) const { return detail::apply_loss(*this, x...); }
};

/// Of log-probabilities; the weight of the classes is a third operand.
template<CrossEntropyOptions Options = CrossEntropyOptions{}>
struct NLLLoss {
  constexpr auto forward(const auto& x, const auto& target, const auto&... weight) const {
    return nll_loss<Options>(x, target, weight...);
  }
  constexpr auto operator()(const auto&... x) const { return detail::apply_loss(*this, x...); }
};

/// Of logits; the weight of the classes is a third operand.
template<CrossEntropyOptions Options = CrossEntropyOptions{}>
struct CrossEntropyLoss {
  constexpr auto forward(const auto& x, const auto& target, const auto&... weight) const {
    return cross_entropy<Options>(x, target, weight...);
  }
  constexpr auto operator()(const auto&... x) const { return detail::apply_loss(*this, x...); }
};

} // namespace stator::nn
