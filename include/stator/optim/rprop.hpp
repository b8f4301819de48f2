// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/optim/check.hpp"
#include "stator/optim/for_each_element.hpp"
#include "stator/optim/optimizer.hpp"

#include <array>
#include <type_traits>

namespace stator::optim {

/// Options of Rprop, those of torch.optim.Rprop.
struct RpropOptions {
  double lr = 1e-2;                           ///< the first step size
  std::array<double, 2> etas{0.5, 1.2};       ///< factors when the sign of the gradient changes, and when not
  std::array<double, 2> step_sizes{1e-6, 50}; ///< smallest and largest step size
  bool maximize = false;                      ///< gradient ascent, not descent
};

/// Each element has a step size of its own, multiplied by etas[1] while the gradient keeps its sign and by
/// etas[0] when it changes (the gradient then counts as 0 once); p -= sign(g) * step size. Source: Riedmiller
/// and Braun 1993.
struct RpropRule {
  using Options = RpropOptions;
  static constexpr std::string_view name = "Rprop";
  static constexpr std::array state_names{"prev", "step_size"};
  static constexpr std::array<bool, 2> uses(const Options&) { return {true, true}; }
  static double initial(const Options& o, std::size_t state) { return state == 0 ? 0 : o.lr; }

  static void check(const Options& o) {
    detail::check_not_negative("learning rate", o.lr);
    if (!(o.etas[0] > 0 && o.etas[0] < 1 && o.etas[1] > 1 && std::isfinite(o.etas[1])))
      raise(ValueError("Invalid eta values: " + detail::number_text(o.etas[0]) + ", " +
                       detail::number_text(o.etas[1])));
    if (!(o.step_sizes[0] >= 0 && o.step_sizes[0] <= o.step_sizes[1] && std::isfinite(o.step_sizes[1])))
      raise(ValueError("Invalid step sizes: " + detail::number_text(o.step_sizes[0]) + ", " +
                       detail::number_text(o.step_sizes[1])));
  }
  static bool keeps_zero(const Options&) { return true; }

  void begin(const Options&, Index) {}

  template<class T>
  void update(const Options& o, std::span<T> param, std::span<const T> grad,
              const std::array<T*, 2>& state) const {
    const T flip = o.maximize ? T{-1} : T{1};
    const T minus = static_cast<T>(o.etas[0]), plus = static_cast<T>(o.etas[1]);
    const T least = static_cast<T>(o.step_sizes[0]), most = static_cast<T>(o.step_sizes[1]);
    detail::for_each_element(
        param.size(),
        [=](auto& p, auto& g, auto& previous, auto& size) {
          using V = std::remove_reference_t<decltype(p)>;
          const V zero(T{}), one(T{1});
          g *= flip;
          const V agreement = g * previous;
          const V factor = select(agreement > zero, V(plus), select(agreement < zero, V(minus), one));
          size = kernel::minimum(kernel::maximum(size * factor, V(least)), V(most));
          g = select(agreement < zero, zero, g);
          p -= select(g > zero, size, select(g < zero, -size, zero));
          previous = g;
        },
        param.data(), grad.data(), state[0], state[1]);
  }
};

/// torch.optim.Rprop. Throws ValueError for options out of range.
template<class M>
class Rprop : public Optimizer<RpropRule, M> {
public:
  explicit Rprop(M& model, const RpropOptions& options = {}) : Optimizer<RpropRule, M>(model, options) {}
};
/// What is no model is refused in words.
template<class Other>
Rprop(const Other&, const RpropOptions& = {}) -> Rprop<const Other>;

} // namespace stator::optim
