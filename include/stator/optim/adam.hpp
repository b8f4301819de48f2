// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/optim/bias_correction.hpp"
#include "stator/optim/check.hpp"
#include "stator/optim/for_each_element.hpp"
#include "stator/optim/optimizer.hpp"

#include <array>
#include <cmath>

namespace stator::optim {

/// Options of Adam, those of torch.optim.Adam.
struct AdamOptions {
  double lr = 1e-3;                        ///< learning rate
  std::array<double, 2> betas{0.9, 0.999}; ///< decay of the averages of the gradient and of its square
  double eps = 1e-8;                       ///< added to the root in the denominator
  double weight_decay = 0;                 ///< L2 penalty
  bool amsgrad = false;                    ///< divide by the largest average so far
  bool maximize = false;                   ///< gradient ascent, not descent
};

/// What Adam and AdamW share; they differ in where the weight decay goes.
template<class OptionsType, bool Decoupled>
struct AdamLikeRule {
  using Options = OptionsType;
  static constexpr std::string_view name = Decoupled ? "AdamW" : "Adam";
  static constexpr std::array state_names{"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
  static constexpr std::array<bool, 3> uses(const Options& o) { return {true, true, o.amsgrad}; }

  static void check(const Options& o) { detail::check_adam_options(o); }
  /// Whether an element that is 0 and has gradient 0 stays 0: padding.
  static bool keeps_zero(const Options& o) { return o.eps > 0; }

  void begin(const Options& o, Index step) {
    step_size = o.lr / corrections[0](o.betas[0], step);
    root_correction = std::sqrt(corrections[1](o.betas[1], step));
  }

  template<class T>
  void update(const Options& o, std::span<T> param, std::span<const T> grad,
              const std::array<T*, 3>& state) const {
    const T beta1 = static_cast<T>(o.betas[0]), rest1 = static_cast<T>(1 - o.betas[0]);
    const T beta2 = static_cast<T>(o.betas[1]), rest2 = static_cast<T>(1 - o.betas[1]);
    const T flip = o.maximize ? T{-1} : T{1};
    const T decay = static_cast<T>(Decoupled ? 1 - kernel::rounded(o.lr * o.weight_decay) : o.weight_decay);
    const T root = static_cast<T>(root_correction), eps = static_cast<T>(o.eps);
    const T size = static_cast<T>(-step_size);

    const auto averages = [=](auto& p, auto g, auto& m, auto& v) {
      g *= flip;
      if constexpr (Decoupled)
        p = kernel::rounded(p * decay);
      else if (decay != 0)
        g = kernel::mul_add(p, decay, g);
      m = kernel::mul_add(g, rest1, kernel::rounded(m * beta1));
      v = kernel::mul_add(rest2 * g, g, kernel::rounded(v * beta2));
    };
    const auto move = [=](auto& p, const auto& m, const auto& v) {
      p += size * m / (kernel::sqrt(v) / root + eps);
    };
    if (o.amsgrad)
      detail::for_each_element(
          param.size(),
          [=](auto& p, auto& g, auto& m, auto& v, auto& largest) {
            averages(p, g, m, v);
            largest = kernel::maximum(largest, v);
            move(p, m, largest);
          },
          param.data(), grad.data(), state[0], state[1], state[2]);
    else
      detail::for_each_element(
          param.size(),
          [=](auto& p, auto& g, auto& m, auto& v) {
            averages(p, g, m, v);
            move(p, m, v);
          },
          param.data(), grad.data(), state[0], state[1]);
  }

  double step_size = 0, root_correction = 1;         ///< in this step: lr / (1 - b1^t) and sqrt(1 - b2^t)
  std::array<detail::BiasCorrection, 2> corrections; ///< 1 - b1^t and 1 - b2^t
};

/// g += weight_decay * p; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
/// p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps).
/// Source: Kingma and Ba 2015; amsgrad: Reddi et al. 2018.
using AdamRule = AdamLikeRule<AdamOptions, false>;

/// torch.optim.Adam: `Adam optimizer{model, {.lr = 1e-3}};`. Throws ValueError for options out of range.
template<class M>
class Adam : public Optimizer<AdamRule, M> {
public:
  explicit Adam(M& model, const AdamOptions& options = {}) : Optimizer<AdamRule, M>(model, options) {}
};
/// What is no model is refused in words.
template<class Other>
Adam(const Other&, const AdamOptions& = {}) -> Adam<const Other>;

} // namespace stator::optim
