// SPDX-License-Identifier: BSL-1.0
// Schedulers of schedulers. What they are given they refer to: it must live as long as they do.
//   LinearLR warm_up{optimizer, {.start_factor = 0.1, .total_iters = 5}};
//   CosineAnnealingLR decay{optimizer, {.T_max = 95}};
//   SequentialLR scheduler{optimizer, {.milestones = {5}}, warm_up, decay};
#pragma once

#include "stator/core/error.hpp"
#include "stator/core/shape.hpp"
#include "stator/optim/scheduler.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace stator::optim {

namespace detail {
/// Calls `f(key, number)` for the states of several schedulers: "schedulers.0.last_epoch", ...
void for_each_number_of(auto& f, auto&... schedulers) {
  std::size_t index = 0;
  const auto visit = [&](auto& scheduler) {
    const std::string prefix = "schedulers." + std::to_string(index++) + ".";
    scheduler.for_each_number(
        [&](std::string_view key, auto& value) { f(prefix + std::string(key), value); });
  };
  (visit(schedulers), ...);
}
} // namespace detail

/// Steps several schedulers at once: their factors multiply.
/// Throws ValueError when they belong to different optimisers.
template<class... Schedulers>
class ChainedScheduler {
  static_assert(sizeof...(Schedulers) > 0, "stator: ChainedScheduler needs a scheduler");

public:
  explicit ChainedScheduler(Schedulers&... schedulers) : schedulers_(&schedulers...) {
    std::size_t index = 0;
    const void* const first = &std::get<0>(schedulers_)->optimizer();
    const auto check = [&](const auto& scheduler) {
      if (&scheduler.optimizer() != first)
        raise(ValueError("ChainedScheduler expects all schedulers to belong to the same optimizer, but got "
                         "schedulers at index 0 and " +
                         std::to_string(index) + " to be different"));
      ++index;
    };
    (check(schedulers), ...);
  }

  /// Begins the next epoch, of each scheduler in their order.
  void step() {
    std::apply([](auto*... s) { (s->step(), ...); }, schedulers_);
  }
  /// The rate of the first group.
  double get_last_lr() const { return optimizer().options().lr; }
  /// The optimiser whose rate is changed.
  auto& optimizer() const { return std::get<0>(schedulers_)->optimizer(); }

  /// The state of all schedulers, for checkpoints.
  void for_each_number(auto&& f) {
    std::apply([&](auto*... s) { detail::for_each_number_of(f, *s...); }, schedulers_);
  }
  /// Throws ValueError for numbers of a file that a schedule cannot go on from.
  void check_state() const {
    std::apply([](auto*... s) { (s->check_state(), ...); }, schedulers_);
  }

private:
  std::tuple<Schedulers*...> schedulers_;
};

/// Options of SequentialLR.
struct SequentialLROptions {
  std::vector<Index> milestones; ///< epochs, rising, at which the next scheduler takes over
};

/// One scheduler after the other. Each begins with its epoch 0 at its milestone: from the rate that the
/// optimiser began with (MultiplicativeLR and SWALR: from the one that it has).
/// Throws ValueError when a scheduler belongs to another optimiser, and for milestones that do not fit.
template<class O, class... Schedulers>
class SequentialLR {
  static_assert(sizeof...(Schedulers) > 0, "stator: SequentialLR needs a scheduler");

public:
  SequentialLR(O& optimizer, SequentialLROptions options, Schedulers&... schedulers)
      : optimizer_(&optimizer), o_(std::move(options)), schedulers_(&schedulers...) {
    std::size_t index = 0;
    const auto check = [&](const auto& scheduler) {
      if (&scheduler.optimizer() != &optimizer)
        raise(ValueError("Sequential Schedulers expects all schedulers to belong to the same optimizer, but "
                         "got schedulers at index " +
                         std::to_string(index) + " to be different than the optimizer passed in."));
      ++index;
    };
    (check(schedulers), ...);
    if (o_.milestones.size() + 1 != sizeof...(Schedulers))
      raise(ValueError("Sequential Schedulers expects number of schedulers provided to be one more than the "
                       "number of milestone points, but got number of schedulers " +
                       std::to_string(sizeof...(Schedulers)) +
                       " and the number of milestones to be equal to " +
                       std::to_string(o_.milestones.size())));
    for (std::size_t i = 0; i < o_.milestones.size(); ++i)
      if (o_.milestones[i] <= (i == 0 ? 0 : o_.milestones[i - 1]))
        raise(ValueError("SequentialLR: milestone " + std::to_string(i) + " is " +
                         std::to_string(o_.milestones[i]) + ", expected epochs above 0 that rise"));
    for (auto& group : optimizer.param_groups()) group.options.lr = group.initial_lr;
    std::get<0>(schedulers_)->restart();
  }

  /// Begins the next epoch.
  void step() {
    ++last_epoch_;
    std::size_t now = 0;
    while (now < o_.milestones.size() && o_.milestones[now] <= last_epoch_) ++now;
    const bool begins = now > 0 && o_.milestones[now - 1] == last_epoch_;
    std::size_t index = 0;
    const auto visit = [&](auto& scheduler) {
      if (index++ != now) return;
      if (begins)
        scheduler.restart();
      else
        scheduler.step();
    };
    std::apply([&](auto*... s) { (visit(*s), ...); }, schedulers_);
  }

  /// The rate of the first group.
  double get_last_lr() const { return optimizer_->options().lr; }
  /// The epoch that the rate is of, counted from 0.
  Index last_epoch() const { return last_epoch_; }
  /// The optimiser whose rate is changed.
  O& optimizer() const { return *optimizer_; }

  /// The state, that of all schedulers included, for checkpoints.
  void for_each_number(auto&& f) {
    f("last_epoch", last_epoch_);
    std::apply([&](auto*... s) { detail::for_each_number_of(f, *s...); }, schedulers_);
  }
  /// Throws ValueError for numbers of a file that a schedule cannot go on from.
  void check_state() const {
    detail::check_epochs("last_epoch", last_epoch_);
    std::apply([](auto*... s) { (s->check_state(), ...); }, schedulers_);
  }

private:
  O* optimizer_;
  SequentialLROptions o_;
  std::tuple<Schedulers*...> schedulers_;
  Index last_epoch_ = 0;
};

} // namespace stator::optim
