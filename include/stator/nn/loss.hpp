// SPDX-License-Identifier: BSL-1.0
// Losses as modules: `loss(model(x), y)` with `nn::MSELoss<> loss;`, or as parts of a network.
#pragma once

#include "stator/nn/extra_repr.hpp"
#include "stator/ops/cross_entropy.hpp"
#include "stator/trace/call.hpp"

namespace stator::nn {

namespace detail {
/// A loss module called with tensors needs no program of its own: it is the loss function.
template<class L>
constexpr auto apply_loss(const L& loss, auto&&... x) {
  if constexpr ((AnySymbol<decltype(x)> || ...))
    return call(loss, std::forward<decltype(x)>(x)...);
  else
    return loss.forward(std::forward<decltype(x)>(x)...);
}
} // namespace detail

/// torch.nn.MSELoss: (x - y)^2, see nn::mse_loss.
template<Reduction R = Reduction::mean>
struct MSELoss {
  constexpr auto forward(auto&& x, auto&& target) const {
    return mse_loss<R>(std::forward<decltype(x)>(x), std::forward<decltype(target)>(target));
  }
  constexpr auto operator()(auto&&... x) const {
    return detail::apply_loss(*this, std::forward<decltype(x)>(x)...);
  }
};

/// torch.nn.L1Loss: |x - y|, see nn::l1_loss.
template<Reduction R = Reduction::mean>
struct L1Loss {
  constexpr auto forward(auto&& x, auto&& target) const {
    return l1_loss<R>(std::forward<decltype(x)>(x), std::forward<decltype(target)>(target));
  }
  constexpr auto operator()(auto&&... x) const {
    return detail::apply_loss(*this, std::forward<decltype(x)>(x)...);
  }
};

/// torch.nn.SmoothL1Loss, see nn::smooth_l1_loss.
template<Reduction R = Reduction::mean, double Beta = 1.0>
struct SmoothL1Loss {
  constexpr auto forward(auto&& x, auto&& target) const {
    return smooth_l1_loss<R, Beta>(std::forward<decltype(x)>(x), std::forward<decltype(target)>(target));
  }
  constexpr auto operator()(auto&&... x) const {
    return detail::apply_loss(*this, std::forward<decltype(x)>(x)...);
  }
};

/// torch.nn.HuberLoss, see nn::huber_loss.
template<Reduction R = Reduction::mean, double Delta = 1.0>
struct HuberLoss {
  constexpr auto forward(auto&& x, auto&& target) const {
    return huber_loss<R, Delta>(std::forward<decltype(x)>(x), std::forward<decltype(target)>(target));
  }
  constexpr auto operator()(auto&&... x) const {
    return detail::apply_loss(*this, std::forward<decltype(x)>(x)...);
  }
};

/// Of probabilities; a third operand multiplies the elements.
template<Reduction R = Reduction::mean>
struct BCELoss {
  constexpr auto forward(auto&& x, auto&& target, auto&&... weight) const {
    return binary_cross_entropy<R>(std::forward<decltype(x)>(x), std::forward<decltype(target)>(target),
                                   std::forward<decltype(weight)>(weight)...);
  }
  constexpr auto operator()(auto&&... x) const {
    return detail::apply_loss(*this, std::forward<decltype(x)>(x)...);
  }
};

/// Of logits; a third operand is pos_weight, a fourth multiplies the elements.
template<Reduction R = Reduction::mean>
struct BCEWithLogitsLoss {
  constexpr auto forward(auto&& x, auto&& target, auto&&... more) const {
    return binary_cross_entropy_with_logits<R>(std::forward<decltype(x)>(x),
                                               std::forward<decltype(target)>(target),
                                               std::forward<decltype(more)>(more)...);
  }
  constexpr auto operator()(auto&&... x) const {
    return detail::apply_loss(*this, std::forward<decltype(x)>(x)...);
  }
};

/// torch.nn.KLDivLoss, see nn::kl_div.
template<Reduction R = Reduction::mean, bool LogTarget = false>
struct KLDivLoss {
  constexpr auto forward(auto&& x, auto&& target) const {
    return kl_div<R, LogTarget>(std::forward<decltype(x)>(x), std::forward<decltype(target)>(target));
  }
  constexpr auto operator()(auto&&... x) const {
    return detail::apply_loss(*this, std::forward<decltype(x)>(x)...);
  }
};

/// Of log-probabilities; the weight of the classes is a third operand.
template<CrossEntropyOptions Options = CrossEntropyOptions{}>
struct NLLLoss {
  constexpr auto forward(auto&& x, auto&& target, auto&&... weight) const {
    return nll_loss<Options>(std::forward<decltype(x)>(x), std::forward<decltype(target)>(target),
                             std::forward<decltype(weight)>(weight)...);
  }
  constexpr auto operator()(auto&&... x) const {
    return detail::apply_loss(*this, std::forward<decltype(x)>(x)...);
  }
};

/// Of logits; the weight of the classes is a third operand.
template<CrossEntropyOptions Options = CrossEntropyOptions{}>
struct CrossEntropyLoss {
  constexpr auto forward(auto&& x, auto&& target, auto&&... weight) const {
    return cross_entropy<Options>(std::forward<decltype(x)>(x), std::forward<decltype(target)>(target),
                                  std::forward<decltype(weight)>(weight)...);
  }
  constexpr auto operator()(auto&&... x) const {
    return detail::apply_loss(*this, std::forward<decltype(x)>(x)...);
  }
};

} // namespace stator::nn
