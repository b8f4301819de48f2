// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/optim/check.hpp"
#include "stator/optim/for_each_element.hpp"
#include "stator/optim/optimizer.hpp"

#include <array>
#include <type_traits>

namespace stator::optim {

/// Options of Lion, with the names of Adam's.
struct LionOptions {
  double lr = 1e-4;                       ///< learning rate: of an element, what it moves in a step
  std::array<double, 2> betas{0.9, 0.99}; ///< the average's part in the direction, and in the next average
  double weight_decay = 0;                ///< parameters shrink by lr * weight_decay in each step
  bool maximize = false;                  ///< gradient ascent, not descent
};

/// p *= 1 - lr weight_decay; p -= lr sign(b1 m + (1 - b1) g); m = b2 m + (1 - b2) g.
/// Source: Chen et al. 2023, algorithm 2. PyTorch has no Lion.
struct LionRule {
  using Options = LionOptions;
  static constexpr std::string_view name = "Lion";
  static constexpr std::array state_names{"exp_avg"};
  static constexpr std::array<bool, 1> uses(const Options&) { return {true}; }

  static void check(const Options& o) {
    detail::check_not_negative("learning rate", o.lr);
    detail::check_betas(o.betas);
    detail::check_not_negative("weight_decay value", o.weight_decay);
  }
  static bool keeps_zero(const Options&) { return true; }

  void begin(const Options&, Index) {}

  template<class T>
  void update(const Options& o, std::span<T> param, std::span<const T> grad,
              const std::array<T*, 1>& state) const {
    const T flip = o.maximize ? T{-1} : T{1};
    const T beta1 = static_cast<T>(o.betas[0]), rest1 = static_cast<T>(1 - o.betas[0]);
    const T beta2 = static_cast<T>(o.betas[1]), rest2 = static_cast<T>(1 - o.betas[1]);
    const T keep = static_cast<T>(1 - kernel::rounded(o.lr * o.weight_decay)), size = static_cast<T>(o.lr);
    detail::for_each_element(
        param.size(),
        [=](auto& p, auto& g, auto& m) {
          using V = std::remove_reference_t<decltype(p)>;
          const V zero(T{}), up{size}, down{-size};
          g *= flip;
          const V direction = kernel::mul_add(g, rest1, kernel::rounded(m * beta1));
          p = kernel::rounded(p * keep);
          p -= select(direction > zero, up, select(direction < zero, down, zero));
          m = kernel::mul_add(g, rest2, kernel::rounded(m * beta2));
        },
        param.data(), grad.data(), state[0]);
  }
};

/// Moves every element by the same amount, in the direction of the averaged gradient's sign. Throws
/// ValueError for options out of range.
template<class M>
class Lion : public Optimizer<LionRule, M> {
public:
  explicit Lion(M& model, const LionOptions& options = {}) : Optimizer<LionRule, M>(model, options) {}
};
/// What is no model is refused in words.
template<class Other>
Lion(const Other&, const LionOptions& = {}) -> Lion<const Other>;

} // namespace stator::optim
