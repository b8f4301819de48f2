// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/core/error.hpp"
#include "stator/optim/scheduler.hpp"

#include <cmath>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace stator::optim {

/// Options of CyclicLR, those of torch.optim.lr_scheduler.CyclicLR.
struct CyclicLROptions {
  double base_lr = 0, max_lr = 0;           ///< the lowest and the highest rate, of all groups
  Index step_size_up = 2000;                ///< steps in which the rate rises
  Index step_size_down = 0;                 ///< and in which it falls; 0: as many
  std::string_view mode = "triangular";     ///< all cycles alike; "triangular2": each half as high as the
                                            ///< one before; "exp_range": the height is gamma^step
  double gamma = 1;                         ///< for "exp_range"
  std::function<double(double)> scale_fn{}; ///< instead of a mode: the factor of the height
  std::string_view scale_mode = "cycle";    ///< scale_fn is given the cycle, from 1; or "iterations"
  bool cycle_momentum = true;               ///< momentum (Adam: betas[0]) goes the other way
  double base_momentum = 0.8, max_momentum = 0.9; ///< the momentum at the highest and at the lowest rate
};

/// The rule of CyclicLR.
struct CyclicLRRule {
  using Options = CyclicLROptions;
  Options o;

  explicit CyclicLRRule(Options options) : o(std::move(options)) {
    if (!o.scale_fn && o.mode != "triangular" && o.mode != "triangular2" && o.mode != "exp_range")
      raise(ValueError("mode is invalid and scale_fn is None"));
    if (o.scale_mode != "cycle" && o.scale_mode != "iterations")
      raise(ValueError("CyclicLR: scale_mode is '" + std::string(o.scale_mode) +
                       "', expected 'cycle' or 'iterations'"));
    if (o.step_size_down == 0) o.step_size_down = o.step_size_up;
    if (o.step_size_up < 1 || o.step_size_down < 1)
      raise(ValueError("CyclicLR: step_size_up is " + std::to_string(o.step_size_up) +
                       " and step_size_down " + std::to_string(o.step_size_down) +
                       ", expected at least 1 step each"));
  }

  void begin(auto& options) const { options.lr = o.base_lr; }

  double next(double, double, Index step) const { return o.base_lr + (o.max_lr - o.base_lr) * height(step); }

  template<class O>
  void adjust(O& options, Index step) const {
    if (!o.cycle_momentum) return;
    static_assert(
        requires { options.betas; } || requires { options.momentum; },
        "stator: CyclicLR cycles the momentum, which this optimizer does not have");
    const double value = o.max_momentum - (o.max_momentum - o.base_momentum) * height(step);
    if constexpr (requires { options.betas; })
      options.betas[0] = value;
    else
      options.momentum = value;
  }

private:
  /// Where the rate is between the lowest and the highest one.
  double height(Index step) const {
    const double total = static_cast<double>(o.step_size_up) + static_cast<double>(o.step_size_down);
    const double top = static_cast<double>(o.step_size_up) / total, now = static_cast<double>(step);
    const double cycle = std::floor(1 + now / total), x = 1. + now / total - cycle;
    return (x <= top ? x / top : (x - 1) / (top - 1)) * scale(cycle, now);
  }
  double scale(double cycle, double step) const {
    if (o.scale_fn) return o.scale_fn(o.scale_mode == "cycle" ? cycle : step);
    if (o.mode == "triangular2") return 1 / std::pow(2., cycle - 1);
    return o.mode == "exp_range" ? std::pow(o.gamma, step) : 1;
  }
};

/// Up from `base_lr` to `max_lr` and down again, over and over; `step()` after every batch.
/// Throws ValueError for options out of range. Source: Smith 2017.
template<class O>
class CyclicLR : public LRScheduler<CyclicLRRule, O> {
public:
  CyclicLR(O& optimizer, CyclicLROptions options)
      : LRScheduler<CyclicLRRule, O>(optimizer, std::move(options)) {}
};

} // namespace stator::optim
