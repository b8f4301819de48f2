// SPDX-License-Identifier: BSL-1.0
// What the learning rate schedulers share. A scheduler's own part is its rule: `next(lr, base_lr, epoch)`,
// the rate in an epoch from the rate that the optimiser has now and from the one that it began with; `o`, its
// options; where more than the rate is scheduled, `adjust(optimiser_options, epoch)`; and where the first
// rate is not the optimiser's, `begin(optimiser_options)`. As in PyTorch the rate that is changed is the
// optimiser's own, so several schedulers on one optimiser multiply.
#pragma once

#include "stator/core/error.hpp"
#include "stator/core/shape.hpp"

#include <string>
#include <utility>
#include <vector>

namespace stator::optim {

/// What a scheduler must remember, besides the optimiser's options, to be resumed.
struct SchedulerState {
  Index last_epoch = -1;        ///< counted from 0
  std::vector<double> base_lrs; ///< one for each group
};

namespace detail {
/// Throws ValueError for a count of epochs, from a file, that no training has reached.
inline void check_epochs(const char* what, Index epochs) {
  if (epochs < 0 || epochs > Index{1} << (sizeof(Index) * 8 - 11))
    raise(ValueError(std::string("lr_scheduler: ") + what + " is " + std::to_string(epochs) +
                     ", not a number of epochs"));
}
} // namespace detail

/// `Rule`: `Options`, a constructor from them that throws ValueError, `next(lr, base_lr, epoch)`.
/// `O`: an Optimizer.
template<class Rule, class O>
class LRScheduler {
  static_assert(
      requires(O& o) { o.param_groups(); }, "stator: a scheduler changes the rates of an optimizer: StepLR "
                                            "scheduler{optimizer, {.step_size = 10}}, "
                                            "not of a model");

public:
  LRScheduler(O& optimizer, typename Rule::Options options)
      : optimizer_(&optimizer), rule_(std::move(options)) {
    for (auto& group : optimizer.param_groups()) {
      if constexpr (requires { rule_.begin(group.options); }) rule_.begin(group.options);
      // As in PyTorch: a warm-up that came first has already changed the rate.
      if (group.initial_lr < 0) group.initial_lr = group.options.lr;
      state_.base_lrs.push_back(group.initial_lr);
    }
    step();
  }

  /// Begins the next epoch (or batch, for schedules that count batches): after `optimizer.step()`.
  void step() {
    ++state_.last_epoch;
    for (std::size_t g = 0; g < state_.base_lrs.size(); ++g) {
      auto& options = optimizer_->param_groups()[g].options;
      options.lr = rule_.next(options.lr, state_.base_lrs[g], state_.last_epoch);
      if constexpr (requires { rule_.adjust(options, state_.last_epoch); })
        rule_.adjust(options, state_.last_epoch);
    }
  }

  /// Back to epoch 0 of the schedule, as SequentialLR does when it comes to it: from the rate that the
  /// optimiser began with, or from the one that it has if the rule says `from_current_lr`.
  void restart() {
    state_.last_epoch = -1;
    if constexpr (!requires { Rule::from_current_lr; })
      for (std::size_t g = 0; g < state_.base_lrs.size(); ++g)
        optimizer_->param_groups()[g].options.lr = state_.base_lrs[g];
    step();
  }

  /// The optimiser whose rate is changed.
  O& optimizer() const { return *optimizer_; }
  /// The rate of the first group.
  double get_last_lr() const { return optimizer_->options().lr; }
  /// The epoch that the rate is of, counted from 0.
  Index last_epoch() const { return state_.last_epoch; }

  /// The state, for checkpoints.
  void for_each_number(auto&& f) {
    f("last_epoch", state_.last_epoch);
    for (std::size_t g = 0; g < state_.base_lrs.size(); ++g)
      f("base_lrs." + std::to_string(g), state_.base_lrs[g]);
  }
  /// Throws ValueError for numbers of a file that a schedule cannot go on from.
  void check_state() const { detail::check_epochs("last_epoch", state_.last_epoch); }
  /// The state, for checkpoints.
  const SchedulerState& state() const { return state_; }
  /// Goes on from a state that `state` returned.
  void set_state(SchedulerState state) { state_ = std::move(state); }

private:
  O* optimizer_;
  Rule rule_;
  SchedulerState state_;
};

} // namespace stator::optim
