// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/optim/check.hpp"
#include "stator/optim/for_each_element.hpp"
#include "stator/optim/optimizer.hpp"

#include <array>
#include <cmath>

namespace stator::optim {

/// Options of RAdam, those of torch.optim.RAdam.
struct RAdamOptions {
  double lr = 1e-3;                        ///< learning rate
  std::array<double, 2> betas{0.9, 0.999}; ///< decay of the averages of the gradient and of its square
  double eps = 1e-8;                       ///< added to the root in the denominator
  double weight_decay = 0;                 ///< L2 penalty
};

/// g += weight_decay * p; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; d = lr * m / (1 - b1^t);
/// p -= d while the variance of the step cannot be known (the first steps), then
/// p -= d * r_t * sqrt(1 - b2^t) / (sqrt(v) + eps).
/// Source: Liu et al. 2020, algorithm 2.
struct RAdamRule {
  using Options = RAdamOptions;
  static constexpr std::string_view name = "RAdam";
  static constexpr std::array state_names{"exp_avg", "exp_avg_sq"};
  static constexpr std::array<bool, 2> uses(const Options&) { return {true, true}; }

  static void check(const Options& o) { detail::check_adam_options(o); }
  static bool keeps_zero(const Options& o) { return o.eps > 0; }

  void begin(const Options& o, Index step) {
    const auto t = static_cast<double>(step);
    const double power2 = std::pow(o.betas[1], t);
    correction1 = 1 - std::pow(o.betas[0], t);
    const double correction2 = 1 - power2;
    root_correction = std::sqrt(correction2);
    const double rho_inf = 2 / (1 - o.betas[1]) - 1;
    const double rho = rho_inf - 2 * t * power2 / correction2;
    rectified = rho > 5.;
    if (rectified)
      rectification = std::sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho));
  }

  template<class T>
  void update(const Options& o, std::span<T> param, std::span<const T> grad,
              const std::array<T*, 2>& state) const {
    const T decay = static_cast<T>(o.weight_decay), eps = static_cast<T>(o.eps), lr = static_cast<T>(o.lr);
    const T beta1 = static_cast<T>(o.betas[0]), rest1 = static_cast<T>(1 - o.betas[0]);
    const T beta2 = static_cast<T>(o.betas[1]), rest2 = static_cast<T>(1 - o.betas[1]);
    const T divisor = static_cast<T>(correction1), root = static_cast<T>(root_correction);
    const T rect = static_cast<T>(rectification);
    const bool adapt = rectified;
    detail::for_each_element(
        param.size(),
        [=](auto& p, auto& g, auto& m, auto& v) {
          if (decay != 0) g = kernel::mul_add(p, decay, g);
          m = kernel::mul_add(g, rest1, kernel::rounded(m * beta1));
          v = kernel::mul_add(rest2 * g, g, kernel::rounded(v * beta2));
          const auto step = m / divisor * lr;
          if (adapt)
            p -= kernel::rounded(step * (T{1} / (kernel::sqrt(v) + eps) * root) * rect);
          else
            p -= kernel::rounded(step);
        },
        param.data(), grad.data(), state[0], state[1]);
  }

  /// In this step: 1 - b1^t, sqrt(1 - b2^t), r_t.
  double correction1 = 1, root_correction = 1, rectification = 1;
  bool rectified = false; ///< whether r_t is known
};

/// torch.optim.RAdam. Throws ValueError for options out of range.
template<class M>
class RAdam : public Optimizer<RAdamRule, M> {
public:
  explicit RAdam(M& model, const RAdamOptions& options = {}) : Optimizer<RAdamRule, M>(model, options) {}
};
/// What is no model is refused in words.
template<class Other>
RAdam(const Other&, const RAdamOptions& = {}) -> RAdam<const Other>;

} // namespace stator::optim
