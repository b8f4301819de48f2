// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/optim/check.hpp"
#include "stator/optim/for_each_element.hpp"
#include "stator/optim/optimizer.hpp"

#include <array>

namespace stator::optim {

/// Options of Adagrad, those of torch.optim.Adagrad.
struct AdagradOptions {
  double lr = 1e-2;                     ///< learning rate
  double lr_decay = 0;                  ///< lr / (1 + (step - 1) * lr_decay)
  double weight_decay = 0;              ///< L2 penalty
  double initial_accumulator_value = 0; ///< the sum of squares begins with this
  double eps = 1e-10;                   ///< added to the root in the denominator
  bool maximize = false;                ///< gradient ascent, not descent
};

/// g += weight_decay * p; s += g^2; p -= lr / (1 + (t - 1) lr_decay) * g / (sqrt(s) + eps).
/// Source: Duchi et al. 2011.
struct AdagradRule {
  using Options = AdagradOptions;
  static constexpr std::string_view name = "Adagrad";
  static constexpr std::array state_names{"sum"};
  static constexpr std::array<bool, 1> uses(const Options&) { return {true}; }
  static constexpr bool state_from_the_start = true;
  static double initial(const Options& o, std::size_t) { return o.initial_accumulator_value; }

  static void check(const Options& o) {
    detail::check_not_negative("learning rate", o.lr);
    detail::check_not_negative("lr_decay value", o.lr_decay);
    detail::check_not_negative("weight_decay value", o.weight_decay);
    detail::check_not_negative("initial_accumulator_value value", o.initial_accumulator_value);
    detail::check_not_negative("epsilon value", o.eps);
  }
  static bool keeps_zero(const Options& o) { return o.eps > 0; }

  void begin(const Options& o, Index step) {
    lr = o.lr / (1 + kernel::rounded(static_cast<double>(step - 1) * o.lr_decay));
  }

  template<class T>
  void update(const Options& o, std::span<T> param, std::span<const T> grad,
              const std::array<T*, 1>& state) const {
    const T flip = o.maximize ? T{-1} : T{1}, decay = static_cast<T>(o.weight_decay);
    const T eps = static_cast<T>(o.eps), size = static_cast<T>(-lr);
    detail::for_each_element(
        param.size(),
        [=](auto& p, auto& g, auto& s) {
          g *= flip;
          if (decay != 0) g = kernel::mul_add(p, decay, g);
          s = kernel::mul_add(g, g, s);
          p += size * g / (kernel::sqrt(s) + eps);
        },
        param.data(), grad.data(), state[0]);
  }

  double lr = 0; ///< in this step
};

/// torch.optim.Adagrad. Throws ValueError for options out of range.
template<class M>
class Adagrad : public Optimizer<AdagradRule, M> {
public:
  explicit Adagrad(M& model, const AdagradOptions& options = {})
      : Optimizer<AdagradRule, M>(model, options) {}
};
/// What is no model is refused in words.
template<class Other>
Adagrad(const Other&, const AdagradOptions& = {}) -> Adagrad<const Other>;

} // namespace stator::optim
