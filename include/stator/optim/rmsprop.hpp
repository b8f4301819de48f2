// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/optim/check.hpp"
#include "stator/optim/for_each_element.hpp"
#include "stator/optim/optimizer.hpp"

#include <array>

namespace stator::optim {

/// Options of RMSprop, those of torch.optim.RMSprop.
struct RMSpropOptions {
  double lr = 1e-2;        ///< learning rate
  double alpha = 0.99;     ///< decay of the average of the squared gradient
  double eps = 1e-8;       ///< added to the root in the denominator
  double weight_decay = 0; ///< L2 penalty
  double momentum = 0;     ///< of the steps; 0: none
  bool centered = false;   ///< divide by the deviation, not by the root of the mean square
  bool maximize = false;   ///< gradient ascent, not descent
};

/// g += weight_decay * p; s = alpha s + (1 - alpha) g^2; d = g / (sqrt(s) + eps), with centered
/// d = g / (sqrt(s - mean(g)^2) + eps); p -= lr * d, with momentum b = momentum b + d; p -= lr * b.
/// Source: Hinton 2012, lecture 6e; centered: Graves 2013.
struct RMSpropRule {
  using Options = RMSpropOptions;
  static constexpr std::string_view name = "RMSprop";
  static constexpr std::array state_names{"square_avg", "momentum_buffer", "grad_avg"};
  static constexpr std::array<bool, 3> uses(const Options& o) { return {true, o.momentum > 0, o.centered}; }

  static void check(const Options& o) {
    detail::check_not_negative("learning rate", o.lr);
    detail::check_not_negative("epsilon value", o.eps);
    detail::check_not_negative("momentum value", o.momentum);
    detail::check_not_negative("weight_decay value", o.weight_decay);
    detail::check(o.alpha >= 0 && o.alpha <= 1, "alpha value", o.alpha);
  }
  static bool keeps_zero(const Options& o) { return o.eps > 0; }

  void begin(const Options&, Index) {}

  template<class T>
  void update(const Options& o, std::span<T> param, std::span<const T> grad,
              const std::array<T*, 3>& state) const {
    const T flip = o.maximize ? T{-1} : T{1}, decay = static_cast<T>(o.weight_decay);
    const T alpha = static_cast<T>(o.alpha), rest = static_cast<T>(1 - o.alpha);
    const T eps = static_cast<T>(o.eps), momentum = static_cast<T>(o.momentum), size = static_cast<T>(-o.lr);

    const auto average = [=](const auto& p, auto& g, auto& squares) {
      g *= flip;
      if (decay != 0) g = kernel::mul_add(p, decay, g);
      squares = kernel::mul_add(rest * g, g, kernel::rounded(squares * alpha));
    };
    const auto centred = [=](const auto& g, const auto& squares, auto& means) {
      means = kernel::mul_add(g, rest, kernel::rounded(means * alpha));
      return kernel::mul_add(-means, means, squares);
    };
    const auto move = [=](auto& p, const auto& g, const auto& squares) {
      p += size * g / (kernel::sqrt(squares) + eps);
    };
    const auto move_with_momentum = [=](auto& p, const auto& g, const auto& squares, auto& buffer) {
      buffer = kernel::rounded(buffer * momentum) + g / (kernel::sqrt(squares) + eps);
      p = kernel::mul_add(buffer, size, p);
    };
    T *const p = param.data(), *const squares = state[0], *const buffer = state[1], *const means = state[2];
    const T* const g = grad.data();
    if (o.momentum > 0 && o.centered)
      detail::for_each_element(
          param.size(),
          [=](auto& x, auto& dx, auto& s, auto& m, auto& b) {
            average(x, dx, s);
            move_with_momentum(x, dx, centred(dx, s, m), b);
          },
          p, g, squares, means, buffer);
    else if (o.momentum > 0)
      detail::for_each_element(
          param.size(),
          [=](auto& x, auto& dx, auto& s, auto& b) {
            average(x, dx, s);
            move_with_momentum(x, dx, s, b);
          },
          p, g, squares, buffer);
    else if (o.centered)
      detail::for_each_element(
          param.size(),
          [=](auto& x, auto& dx, auto& s, auto& m) {
            average(x, dx, s);
            move(x, dx, centred(dx, s, m));
          },
          p, g, squares, means);
    else
      detail::for_each_element(
          param.size(),
          [=](auto& x, auto& dx, auto& s) {
            average(x, dx, s);
            move(x, dx, s);
          },
          p, g, squares);
  }
};

/// torch.optim.RMSprop. Throws ValueError for options out of range.
template<class M>
class RMSprop : public Optimizer<RMSpropRule, M> {
public:
  explicit RMSprop(M& model, const RMSpropOptions& options = {})
      : Optimizer<RMSpropRule, M>(model, options) {}
};
/// What is no model is refused in words.
template<class Other>
RMSprop(const Other&, const RMSpropOptions& = {}) -> RMSprop<const Other>;

} // namespace stator::optim
