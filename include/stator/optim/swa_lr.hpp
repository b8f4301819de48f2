// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/core/error.hpp"
#include "stator/optim/scheduler.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <string_view>

namespace stator::optim {

/// Options of SWALR, those of torch.optim.swa_utils.SWALR.
struct SWALROptions {
  double swa_lr = 0;                        ///< the rate in the end, of all groups
  Index anneal_epochs = 10;                 ///< epochs until it is reached
  std::string_view anneal_strategy = "cos"; ///< or "linear"
};

/// The rule of SWALR.
struct SWALRRule {
  using Options = SWALROptions;
  static constexpr bool from_current_lr = true; ///< see LRScheduler::restart
  Options o;

  explicit SWALRRule(const Options& options) : o(options) {
    if (o.anneal_strategy != "cos" && o.anneal_strategy != "linear")
      raise(ValueError("anneal_strategy must by one of 'cos' or 'linear', instead got " +
                       std::string(o.anneal_strategy)));
    if (o.anneal_epochs < 0)
      raise(ValueError("anneal_epochs must be equal or greater than 0, got " +
                       std::to_string(o.anneal_epochs)));
  }
  double next(double lr, double, Index epoch) const {
    if (o.anneal_epochs == 0) epoch = std::max(epoch, Index{1});
    const double before = part(epoch - 1), now = part(epoch);
    // What the rate was at first follows from what it is: another scheduler may have changed it in between.
    const double first = before == 1 ? o.swa_lr : (lr - before * o.swa_lr) / (1 - before);
    return o.swa_lr * now + first * (1 - now);
  }

private:
  double part(Index epoch) const {
    const double t = std::clamp(
        static_cast<double>(epoch) / static_cast<double>(std::max(o.anneal_epochs, Index{1})), 0.0, 1.0);
    return o.anneal_strategy == "linear" ? t : (1 - std::cos(std::numbers::pi * t)) / 2;
  }
};

/// From the rate that the optimiser has to `swa_lr`, and constant from there on: for averages of the weights
/// (AveragedModel). Throws ValueError for options out of range. Source: Izmailov et al. 2018.
template<class O>
class SWALR : public LRScheduler<SWALRRule, O> {
public:
  SWALR(O& optimizer, SWALROptions options) : LRScheduler<SWALRRule, O>(optimizer, options) {}
};

} // namespace stator::optim
