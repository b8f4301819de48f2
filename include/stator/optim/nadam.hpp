// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/optim/check.hpp"
#include "stator/optim/for_each_element.hpp"
#include "stator/optim/optimizer.hpp"

#include <array>
#include <cmath>

namespace stator::optim {

/// Options of NAdam, those of torch.optim.NAdam.
struct NAdamOptions {
  double lr = 2e-3;                        ///< learning rate
  std::array<double, 2> betas{0.9, 0.999}; ///< decay of the averages of the gradient and of its square
  double eps = 1e-8;                       ///< added to the root in the denominator
  double weight_decay = 0;                 ///< L2 penalty
  double momentum_decay = 4e-3;            ///< how fast the momentum rises to betas[0]
};

/// g += weight_decay * p; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; d = sqrt(v / (1 - b2^t)) + eps;
/// with mu_t = b1 (1 - 0.96^(t momentum_decay) / 2) and the product M_t = mu_1 ... mu_t:
/// p -= lr (1 - mu_t) / (1 - M_t) * g / d + lr mu_(t+1) / (1 - M_(t+1)) * m / d.
/// Source: Dozat 2016. PyTorch takes M_t mu_t mu_(t+1) for M_(t+1), and so does this.
struct NAdamRule {
  using Options = NAdamOptions;
  static constexpr std::string_view name = "NAdam";
  static constexpr std::array state_names{"exp_avg", "exp_avg_sq"};
  static constexpr std::array<bool, 2> uses(const Options&) { return {true, true}; }

  static void check(const Options& o) {
    detail::check_adam_options(o);
    detail::check_not_negative("momentum_decay value", o.momentum_decay);
  }
  static bool keeps_zero(const Options& o) { return o.eps > 0; }

  void begin(const Options& o, Index step) {
    const auto t = static_cast<double>(step);
    const auto mu_at = [&](double s) {
      return o.betas[0] * (1. - 0.5 * std::pow(0.96, s * o.momentum_decay));
    };
    const double mu = mu_at(t), mu_next = mu_at(t + 1);
    mu_product *= static_cast<float>(mu);
    const float product_next = mu_product * static_cast<float>(mu) * static_cast<float>(mu_next);
    grad_size = -o.lr * (1. - mu) / (1. - static_cast<double>(mu_product));
    mean_size = -o.lr * mu_next / (1. - static_cast<double>(product_next));
    correction = 1 - std::pow(o.betas[1], t);
  }

  template<class T>
  void update(const Options& o, std::span<T> param, std::span<const T> grad,
              const std::array<T*, 2>& state) const {
    const T decay = static_cast<T>(o.weight_decay), eps = static_cast<T>(o.eps);
    const T beta1 = static_cast<T>(o.betas[0]), rest1 = static_cast<T>(1 - o.betas[0]);
    const T beta2 = static_cast<T>(o.betas[1]), rest2 = static_cast<T>(1 - o.betas[1]);
    const T by_grad = static_cast<T>(grad_size), by_mean = static_cast<T>(mean_size);
    const T divisor = static_cast<T>(correction);
    detail::for_each_element(
        param.size(),
        [=](auto& p, auto& g, auto& m, auto& v) {
          if (decay != 0) g = kernel::mul_add(p, decay, g);
          m = kernel::mul_add(g, rest1, kernel::rounded(m * beta1));
          v = kernel::mul_add(rest2 * g, g, kernel::rounded(v * beta2));
          const auto root = kernel::sqrt(v / divisor) + eps;
          p += by_grad * g / root;
          p += by_mean * m / root;
        },
        param.data(), grad.data(), state[0], state[1]);
  }

  /// What a checkpoint keeps besides the states.
  void for_each_number(auto&& f) { f("mu_product", mu_product); }
  bool operator==(const NAdamRule& other) const { return mu_product == other.mu_product; }

  float mu_product = 1;                                ///< PyTorch's state "mu_product", a float32 there
  double grad_size = 0, mean_size = 0, correction = 1; ///< in this step: factors of g and m, and 1 - b2^t
};

/// torch.optim.NAdam. Throws ValueError for options out of range.
template<class M>
class NAdam : public Optimizer<NAdamRule, M> {
public:
  explicit NAdam(M& model, const NAdamOptions& options = {}) : Optimizer<NAdamRule, M>(model, options) {}
};
/// What is no model is refused in words.
template<class Other>
NAdam(const Other&, const NAdamOptions& = {}) -> NAdam<const Other>;

} // namespace stator::optim
