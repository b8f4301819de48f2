// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/optim/check.hpp"
#include "stator/optim/for_each_element.hpp"
#include "stator/optim/optimizer.hpp"

#include <array>
#include <cmath>

namespace stator::optim {

/// Options of ASGD, those of torch.optim.ASGD.
struct ASGDOptions {
  double lr = 1e-2;        ///< learning rate
  double lambd = 1e-4;     ///< parameters shrink by lambd * eta in each step
  double alpha = 0.75;     ///< power with which the rate falls
  double t0 = 1e6;         ///< the step at which averaging begins
  double weight_decay = 0; ///< L2 penalty
  bool maximize = false;   ///< gradient ascent, not descent
};

/// g += weight_decay * p; p = (1 - lambd eta) p - eta g; a += mu (p - a); then for the next step
/// eta = lr / (1 + lambd lr t)^alpha and mu = 1 / max(1, t - t0). The state "ax" is the average a, which the
/// user takes when training has ended. Source: Polyak and Juditsky 1992.
struct ASGDRule {
  using Options = ASGDOptions;
  static constexpr std::string_view name = "ASGD";
  static constexpr std::array state_names{"ax"};
  static constexpr std::array<bool, 1> uses(const Options&) { return {true}; }

  /// PyTorch checks only the first and the last; what the others do not allow would end in a power of a
  /// negative number, or of one that is not finite.
  static void check(const Options& o) {
    detail::check_not_negative("learning rate", o.lr);
    detail::check_not_negative("lambd value", o.lambd);
    detail::check_finite("alpha value", o.alpha);
    detail::check(!std::isnan(o.t0), "t0 value", o.t0);
    detail::check_not_negative("weight_decay value", o.weight_decay);
  }
  static bool keeps_zero(const Options&) { return true; }

  void begin(const Options& o, Index step) {
    const auto t = static_cast<double>(step);
    eta_now = step == 1 ? static_cast<float>(o.lr) : eta;
    mu_now = step == 1 ? 1 : mu;
    eta = static_cast<float>(o.lr / std::pow(1 + kernel::rounded(o.lambd * o.lr * t), o.alpha));
    mu = static_cast<float>(1 / std::max(1.0, t - o.t0));
  }

  template<class T>
  void update(const Options& o, std::span<T> param, std::span<const T> grad,
              const std::array<T*, 1>& state) const {
    const T flip = o.maximize ? T{-1} : T{1}, decay = static_cast<T>(o.weight_decay);
    const double rate = static_cast<double>(eta_now);
    const T keep = static_cast<T>(1 - kernel::rounded(o.lambd * rate)), size = static_cast<T>(-rate);
    const T part = static_cast<T>(mu_now);
    detail::for_each_element(
        param.size(),
        [=](auto& p, auto& g, auto& a) {
          g *= flip;
          if (decay != 0) g = kernel::mul_add(p, decay, g);
          p = kernel::mul_add(g, size, kernel::rounded(p * keep));
          if (part == 1)
            a = p;
          else
            a += kernel::rounded((p - a) * part);
        },
        param.data(), grad.data(), state[0]);
  }

  /// What a checkpoint keeps besides the state.
  void for_each_number(auto&& f) {
    f("eta", eta);
    f("mu", mu);
  }
  bool operator==(const ASGDRule& other) const { return eta == other.eta && mu == other.mu; }

  float eta = 0, mu = 1;         ///< of the next step: the rate and the average's; float32 in PyTorch
  float eta_now = 0, mu_now = 1; ///< of this step
};

/// torch.optim.ASGD. Throws ValueError for options out of range.
template<class M>
class ASGD : public Optimizer<ASGDRule, M> {
public:
  explicit ASGD(M& model, const ASGDOptions& options = {}) : Optimizer<ASGDRule, M>(model, options) {}
};
/// What is no model is refused in words.
template<class Other>
ASGD(const Other&, const ASGDOptions& = {}) -> ASGD<const Other>;

} // namespace stator::optim
