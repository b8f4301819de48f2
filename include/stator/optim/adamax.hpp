// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/optim/check.hpp"
#include "stator/optim/for_each_element.hpp"
#include "stator/optim/optimizer.hpp"

#include <array>
#include <cmath>

namespace stator::optim {

/// Options of Adamax, those of torch.optim.Adamax.
struct AdamaxOptions {
  double lr = 2e-3;                        ///< learning rate
  std::array<double, 2> betas{0.9, 0.999}; ///< decay of the average and of the largest gradient
  double eps = 1e-8;                       ///< added to the size of the gradient
  double weight_decay = 0;                 ///< L2 penalty
  bool maximize = false;                   ///< gradient ascent, not descent
};

/// g += weight_decay * p; m = b1 m + (1 - b1) g; u = max(b2 u, |g| + eps); p -= lr / (1 - b1^t) * m / u.
/// Source: Kingma and Ba 2015, section 7.1.
struct AdamaxRule {
  using Options = AdamaxOptions;
  static constexpr std::string_view name = "Adamax";
  static constexpr std::array state_names{"exp_avg", "exp_inf"};
  static constexpr std::array<bool, 2> uses(const Options&) { return {true, true}; }

  static void check(const Options& o) { detail::check_adam_options(o); }
  static bool keeps_zero(const Options& o) { return o.eps > 0; }

  void begin(const Options& o, Index step) {
    lr = o.lr / (1 - std::pow(o.betas[0], static_cast<double>(step)));
  }

  template<class T>
  void update(const Options& o, std::span<T> param, std::span<const T> grad,
              const std::array<T*, 2>& state) const {
    const T flip = o.maximize ? T{-1} : T{1}, decay = static_cast<T>(o.weight_decay);
    const T beta1 = static_cast<T>(o.betas[0]), rest1 = static_cast<T>(1 - o.betas[0]);
    const T beta2 = static_cast<T>(o.betas[1]), eps = static_cast<T>(o.eps), size = static_cast<T>(-lr);
    detail::for_each_element(
        param.size(),
        [=](auto& p, auto& g, auto& m, auto& u) {
          g *= flip;
          if (decay != 0) g = kernel::mul_add(p, decay, g);
          m = kernel::mul_add(g, rest1, kernel::rounded(m * beta1));
          u = kernel::maximum(kernel::rounded(u * beta2), kernel::abs(g) + eps);
          p += size * m / u;
        },
        param.data(), grad.data(), state[0], state[1]);
  }

  double lr = 0; ///< in this step: lr / (1 - b1^t)
};

/// torch.optim.Adamax. Throws ValueError for options out of range.
template<class M>
class Adamax : public Optimizer<AdamaxRule, M> {
public:
  explicit Adamax(M& model, const AdamaxOptions& options = {}) : Optimizer<AdamaxRule, M>(model, options) {}
};
/// What is no model is refused in words.
template<class Other>
Adamax(const Other&, const AdamaxOptions& = {}) -> Adamax<const Other>;

} // namespace stator::optim
