// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/optim/check.hpp"
#include "stator/optim/for_each_element.hpp"
#include "stator/optim/optimizer.hpp"

#include <array>

namespace stator::optim {

/// Options of SGD, those of torch.optim.SGD.
struct SGDOptions {
  double lr = 1e-3;        ///< learning rate; PyTorch 1 has no default
  double momentum = 0;     ///< part of the last step that is kept; 0: none
  double dampening = 0;    ///< the part of a new gradient that the momentum does not take
  double weight_decay = 0; ///< L2 penalty
  bool nesterov = false;   ///< nesterov's variant of the momentum
  bool maximize = false;   ///< gradient ascent, not descent
};

/// g += weight_decay * p; b = momentum b + (1 - dampening) g (b = g at first); p -= lr * b,
/// with nesterov p -= lr * (g + momentum b).
/// Source: Sutskever et al. 2013, in the variant that PyTorch documents.
struct SGDRule {
  using Options = SGDOptions;
  static constexpr std::string_view name = "SGD";
  static constexpr std::array state_names{"momentum_buffer"};
  static constexpr std::array<bool, 1> uses(const Options& o) { return {o.momentum != 0}; }

  static void check(const Options& o) {
    detail::check_not_negative("learning rate", o.lr);
    detail::check_not_negative("momentum value", o.momentum);
    detail::check_finite("dampening value", o.dampening);
    detail::check_not_negative("weight_decay value", o.weight_decay);
    if (o.nesterov && (o.momentum <= 0 || o.dampening != 0))
      raise(ValueError("Nesterov momentum requires a momentum and zero dampening"));
  }
  static bool keeps_zero(const Options&) { return true; }

  void begin(const Options&, Index step) { first = step == 1; }

  template<class T>
  void update(const Options& o, std::span<T> param, std::span<const T> grad,
              const std::array<T*, 1>& state) const {
    const T flip = o.maximize ? T{-1} : T{1}, decay = static_cast<T>(o.weight_decay);
    const T momentum = static_cast<T>(o.momentum), size = static_cast<T>(-o.lr);
    const T keep = first ? T{0} : momentum, take = first ? T{1} : static_cast<T>(1 - o.dampening);
    const bool nesterov = o.nesterov;

    const auto direction = [=](const auto& p, auto g) {
      g *= flip;
      return decay != 0 ? kernel::mul_add(p, decay, g) : g;
    };
    if (o.momentum == 0 && decay == 0)
      detail::for_each_element(
          param.size(), [=](auto& p, auto& g) { p = kernel::mul_add(g, flip * size, p); }, param.data(),
          grad.data());
    else if (o.momentum == 0)
      detail::for_each_element(
          param.size(), [=](auto& p, auto& g) { p = kernel::mul_add(direction(p, g), size, p); },
          param.data(), grad.data());
    else
      detail::for_each_element(
          param.size(),
          [=](auto& p, auto& g, auto& buffer) {
            const auto d = direction(p, g);
            buffer = kernel::mul_add(d, take, kernel::rounded(buffer * keep));
            p = kernel::mul_add(nesterov ? kernel::mul_add(buffer, momentum, d) : buffer, size, p);
          },
          param.data(), grad.data(), state[0]);
  }

  bool first = true; ///< no step has been taken yet
};

/// torch.optim.SGD: `SGD optimizer{model, {.lr = 0.01, .momentum = 0.9}};`.
/// Throws ValueError for options out of range.
template<class M>
class SGD : public Optimizer<SGDRule, M> {
public:
  explicit SGD(M& model, const SGDOptions& options = {}) : Optimizer<SGDRule, M>(model, options) {}
};
/// What is no model is refused in words.
template<class Other>
SGD(const Other&, const SGDOptions& = {}) -> SGD<const Other>;

} // namespace stator::optim
