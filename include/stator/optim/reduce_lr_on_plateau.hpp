// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/core/error.hpp"
#include "stator/core/shape.hpp"
#include "stator/optim/scheduler.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

namespace stator::optim {

/// Options of ReduceLROnPlateau, those of torch.optim.lr_scheduler.ReduceLROnPlateau.
struct ReduceLROnPlateauOptions {
  std::string_view mode = "min";           ///< "min": smaller is better; or "max"
  double factor = 0.1;                     ///< of the rate that remains
  Index patience = 10;                     ///< epochs without progress before the rate is reduced
  double threshold = 1e-4;                 ///< progress smaller than this is none
  std::string_view threshold_mode = "rel"; ///< the threshold is relative to the best; or "abs"
  Index cooldown = 0;                      ///< epochs after a reduction in which nothing is counted
  double min_lr = 0;                       ///< the lowest rate
  double eps = 1e-8;                       ///< changes of the rate smaller than this are not made
};

/// Reduces the rate when a metric (the validation loss) has stopped improving: `scheduler.step(loss)`.
/// Throws ValueError for options out of range.
template<class O>
class ReduceLROnPlateau {
public:
  /// What must be remembered, besides the optimiser's options, to resume.
  struct State {
    double best = 0;      ///< the best metric so far
    Index bad_epochs = 0; ///< since it last improved
    Index cooldown = 0;   ///< epochs that are still not counted
    Index last_epoch = 0; ///< calls of `step`
  };

  explicit ReduceLROnPlateau(O& optimizer, const ReduceLROnPlateauOptions& options = {})
      : optimizer_(&optimizer), o_(options) {
    if (o_.factor >= 1.0) raise(ValueError("Factor should be < 1.0."));
    if (o_.mode != "min" && o_.mode != "max")
      raise(ValueError("mode " + std::string(o_.mode) + " is unknown!"));
    if (o_.threshold_mode != "rel" && o_.threshold_mode != "abs")
      raise(ValueError("threshold mode " + std::string(o_.threshold_mode) + " is unknown!"));
    const double infinity = std::numeric_limits<double>::infinity();
    state_.best = o_.mode == "min" ? infinity : -infinity;
  }

  /// Ends an epoch with this metric; reduces the rates of all groups when it is time.
  void step(double metric) {
    ++state_.last_epoch;
    if (is_better(metric)) {
      state_.best = metric;
      state_.bad_epochs = 0;
    } else {
      ++state_.bad_epochs;
    }
    if (state_.cooldown > 0) {
      --state_.cooldown;
      state_.bad_epochs = 0;
    }
    if (state_.bad_epochs > o_.patience) {
      for (auto& group : optimizer_->param_groups()) {
        const double reduced = std::max(group.options.lr * o_.factor, o_.min_lr);
        if (group.options.lr - reduced > o_.eps) group.options.lr = reduced;
      }
      state_.cooldown = o_.cooldown;
      state_.bad_epochs = 0;
    }
  }

  /// The rate of the first group.
  double get_last_lr() const { return optimizer_->options().lr; }
  /// How many times `step` was called.
  Index last_epoch() const { return state_.last_epoch; }

  /// The state, for checkpoints.
  void for_each_number(auto&& f) {
    f("best", state_.best);
    f("num_bad_epochs", state_.bad_epochs);
    f("cooldown_counter", state_.cooldown);
    f("last_epoch", state_.last_epoch);
  }
  /// Throws ValueError for numbers of a file that a schedule cannot go on from.
  void check_state() const {
    detail::check_epochs("last_epoch", state_.last_epoch);
    detail::check_epochs("num_bad_epochs", state_.bad_epochs);
    detail::check_epochs("cooldown_counter", state_.cooldown);
  }
  /// The state, for checkpoints.
  const State& state() const { return state_; }
  /// Goes on from a state that `state` returned.
  void set_state(const State& state) { state_ = state; }

private:
  bool is_better(double metric) const {
    const bool relative = o_.threshold_mode == "rel";
    if (o_.mode == "min")
      return metric < (relative ? state_.best * (1. - o_.threshold) : state_.best - o_.threshold);
    return metric > (relative ? state_.best * (o_.threshold + 1.) : state_.best + o_.threshold);
  }

  O* optimizer_;
  ReduceLROnPlateauOptions o_;
  State state_;
};

} // namespace stator::optim
