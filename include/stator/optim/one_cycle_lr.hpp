// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/optim/check.hpp"
#include "stator/optim/scheduler.hpp"

#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <string_view>

namespace stator::optim {

/// Options of OneCycleLR, those of torch.optim.lr_scheduler.OneCycleLR.
struct OneCycleLROptions {
  double max_lr = 0;                                ///< the highest rate
  Index total_steps = 0;                            ///< or epochs and steps_per_epoch
  Index epochs = 0, steps_per_epoch = 0;            ///< instead of total_steps
  double pct_start = 0.3;                           ///< the part of the steps in which the rate rises
  std::string_view anneal_strategy = "cos";         ///< or "linear"
  bool cycle_momentum = true;                       ///< momentum (Adam: betas[0]) goes the other way
  double base_momentum = 0.85, max_momentum = 0.95; ///< the momentum at the highest rate, and at the ends
  double div_factor = 25.;                          ///< the first rate is max_lr / div_factor
  double final_div_factor = 1e4;                    ///< the last rate is the first / final_div_factor
  bool three_phase = false; ///< down to the first rate as long as up, then on to the last one
};

/// The rule of OneCycleLR.
struct OneCycleLRRule {
  using Options = OneCycleLROptions;

  explicit OneCycleLRRule(Options options) : o(options) {
    if (o.total_steps == 0 && o.epochs == 0 && o.steps_per_epoch == 0)
      raise(ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)"));
    if (o.total_steps == 0) {
      if (o.epochs <= 0)
        raise(ValueError("Expected positive integer epochs, but got " + std::to_string(o.epochs)));
      if (o.steps_per_epoch <= 0)
        raise(ValueError("Expected positive integer steps_per_epoch, but got " +
                         std::to_string(o.steps_per_epoch)));
      o.total_steps = o.epochs * o.steps_per_epoch;
    }
    if (o.total_steps <= 0)
      raise(ValueError("Expected positive integer total_steps, but got " + std::to_string(o.total_steps)));
    if (!(o.pct_start >= 0 && o.pct_start <= 1))
      raise(ValueError("Expected float between 0 and 1 pct_start, but got " +
                       detail::number_text(o.pct_start)));
    if (o.anneal_strategy != "cos" && o.anneal_strategy != "linear")
      raise(ValueError("anneal_strategy must by one of 'cos' or 'linear', instead got " +
                       std::string(o.anneal_strategy)));
  }

  double next(double, double, Index step) const {
    const double first = o.max_lr / o.div_factor, last = first / o.final_div_factor;
    if (o.three_phase) return anneal(step, {first, o.max_lr, first, last});
    return anneal(step, {first, o.max_lr, last, last});
  }

  template<class O>
  void adjust(O& options, Index step) const {
    if (!o.cycle_momentum) return;
    static_assert(
        requires { options.betas; } || requires { options.momentum; },
        "stator: OneCycleLR cycles the momentum, which this optimizer does not have");
    const double high = o.max_momentum, low = o.base_momentum;
    const double value = anneal(step, {high, low, high, high});
    if constexpr (requires { options.betas; })
      options.betas[0] = value;
    else
      options.momentum = value;
  }

  Options o;

private:
  /// From each of the values to the next in one of the phases (two of them, or three).
  double anneal(Index step, const std::array<double, 4>& values) const {
    if (step > o.total_steps)
      raise(ValueError("Tried to step " + std::to_string(step + 1) +
                       " times. The specified number of total steps is " + std::to_string(o.total_steps)));
    const auto total = static_cast<double>(o.total_steps), now = static_cast<double>(step);
    const double up = o.pct_start * total - 1, down = o.three_phase ? 2 * o.pct_start * total - 2 : total - 1;
    if (now <= up) return between(values[0], values[1], now / up);
    if (now <= down || !o.three_phase) return between(values[1], values[2], (now - up) / (down - up));
    return between(values[2], values[3], (now - down) / (total - 1 - down));
  }
  double between(double start, double end, double part) const {
    if (o.anneal_strategy == "linear") return (end - start) * part + start;
    return end + (start - end) / 2.0 * (std::cos(std::numbers::pi * part) + 1);
  }
};

/// Up to `max_lr` and down again, once in the whole training; `step()` after every batch.
/// Throws ValueError for options out of range and when stepped too often.
/// Source: Smith and Topin 2018, with fastai's cosine.
template<class O>
class OneCycleLR : public LRScheduler<OneCycleLRRule, O> {
public:
  OneCycleLR(O& optimizer, OneCycleLROptions options) : LRScheduler<OneCycleLRRule, O>(optimizer, options) {}
};

} // namespace stator::optim
