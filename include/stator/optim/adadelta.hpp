// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/optim/check.hpp"
#include "stator/optim/for_each_element.hpp"
#include "stator/optim/optimizer.hpp"

#include <array>

namespace stator::optim {

/// Options of Adadelta, those of torch.optim.Adadelta.
struct AdadeltaOptions {
  double lr = 1.0;         ///< factor of each change
  double rho = 0.9;        ///< decay of the two averages
  double eps = 1e-6;       ///< added below the roots
  double weight_decay = 0; ///< L2 penalty
  bool maximize = false;   ///< gradient ascent, not descent
};

/// g += weight_decay * p; s = rho s + (1 - rho) g^2; d = sqrt(a + eps) / sqrt(s + eps) * g;
/// a = rho a + (1 - rho) d^2; p -= lr * d.
/// Source: Zeiler 2012.
struct AdadeltaRule {
  using Options = AdadeltaOptions;
  static constexpr std::string_view name = "Adadelta";
  static constexpr std::array state_names{"square_avg", "acc_delta"};
  static constexpr std::array<bool, 2> uses(const Options&) { return {true, true}; }

  static void check(const Options& o) {
    detail::check_not_negative("learning rate", o.lr);
    detail::check(o.rho >= 0 && o.rho <= 1, "rho value", o.rho);
    detail::check_not_negative("epsilon value", o.eps);
    detail::check_not_negative("weight_decay value", o.weight_decay);
  }
  static bool keeps_zero(const Options& o) { return o.eps > 0; }

  void begin(const Options&, Index) {}

  template<class T>
  void update(const Options& o, std::span<T> param, std::span<const T> grad,
              const std::array<T*, 2>& state) const {
    const T flip = o.maximize ? T{-1} : T{1}, decay = static_cast<T>(o.weight_decay);
    const T rho = static_cast<T>(o.rho), rest = static_cast<T>(1 - o.rho);
    const T eps = static_cast<T>(o.eps), size = static_cast<T>(-o.lr);
    detail::for_each_element(
        param.size(),
        [=](auto& p, auto& g, auto& s, auto& a) {
          g *= flip;
          if (decay != 0) g = kernel::mul_add(p, decay, g);
          s = kernel::mul_add(rest * g, g, kernel::rounded(s * rho));
          const auto delta = kernel::rounded(kernel::sqrt(a + eps) / kernel::sqrt(s + eps) * g);
          a = kernel::mul_add(rest * delta, delta, kernel::rounded(a * rho));
          p = kernel::mul_add(delta, size, p);
        },
        param.data(), grad.data(), state[0], state[1]);
  }
};

/// torch.optim.Adadelta. Throws ValueError for options out of range.
template<class M>
class Adadelta : public Optimizer<AdadeltaRule, M> {
public:
  explicit Adadelta(M& model, const AdadeltaOptions& options = {})
      : Optimizer<AdadeltaRule, M>(model, options) {}
};
/// What is no model is refused in words.
template<class Other>
Adadelta(const Other&, const AdadeltaOptions& = {}) -> Adadelta<const Other>;

} // namespace stator::optim
