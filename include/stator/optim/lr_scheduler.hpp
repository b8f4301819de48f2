// SPDX-License-Identifier: BSL-1.0
// torch.optim.lr_scheduler: how the learning rate changes from epoch to epoch.
//   StepLR scheduler{optimizer, {.step_size = 30, .gamma = 0.1}};
//   for (...) { train(...); scheduler.step(); }
#pragma once

#include "stator/optim/cyclic_lr.hpp"
#include "stator/optim/one_cycle_lr.hpp"
#include "stator/optim/reduce_lr_on_plateau.hpp"
#include "stator/optim/scheduler.hpp"
#include "stator/optim/sequential_lr.hpp"
#include "stator/optim/swa_lr.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <vector>

namespace stator::optim {

/// Options of StepLR.
struct StepLROptions {
  Index step_size = 1; ///< epochs with one rate
  double gamma = 0.1;  ///< factor after each of these
};

/// The rule of StepLR.
struct StepLRRule {
  using Options = StepLROptions;
  Options o;

  explicit StepLRRule(const Options& options) : o(options) {
    if (o.step_size < 1) raise(ValueError("StepLR: step_size must be at least 1"));
  }
  double next(double lr, double, Index epoch) const {
    return epoch == 0 || epoch % o.step_size != 0 ? lr : lr * o.gamma;
  }
};

/// Multiplies the rate by gamma every `step_size` epochs.
template<class O>
class StepLR : public LRScheduler<StepLRRule, O> {
public:
  StepLR(O& optimizer, StepLROptions options = {})
      : LRScheduler<StepLRRule, O>(optimizer, std::move(options)) {}
};

/// Options of MultiStepLR.
struct MultiStepLROptions {
  std::vector<Index> milestones; ///< epochs at which the rate is multiplied
  double gamma = 0.1;            ///< factor at each milestone
};

/// The rule of MultiStepLR.
struct MultiStepLRRule {
  using Options = MultiStepLROptions;
  Options o;

  explicit MultiStepLRRule(Options options) : o(std::move(options)) {}
  double next(double lr, double, Index epoch) const {
    int times = 0;
    for (const Index milestone : o.milestones) times += milestone == epoch ? 1 : 0;
    return times == 0 ? lr : lr * std::pow(o.gamma, times);
  }
};

/// Multiplies the rate by gamma at each of the milestones, once for each time that it is listed.
template<class O>
class MultiStepLR : public LRScheduler<MultiStepLRRule, O> {
public:
  MultiStepLR(O& optimizer, MultiStepLROptions options = {})
      : LRScheduler<MultiStepLRRule, O>(optimizer, std::move(options)) {}
};

/// Options of ExponentialLR.
struct ExponentialLROptions {
  double gamma = 0.95; ///< factor of each epoch
};

/// The rule of ExponentialLR.
struct ExponentialLRRule {
  using Options = ExponentialLROptions;
  Options o;

  explicit ExponentialLRRule(const Options& options) : o(options) {}
  double next(double lr, double, Index epoch) const { return epoch == 0 ? lr : lr * o.gamma; }
};

/// Multiplies the rate by gamma in every epoch.
template<class O>
class ExponentialLR : public LRScheduler<ExponentialLRRule, O> {
public:
  ExponentialLR(O& optimizer, ExponentialLROptions options = {})
      : LRScheduler<ExponentialLRRule, O>(optimizer, std::move(options)) {}
};

/// Options of ConstantLR.
struct ConstantLROptions {
  double factor = 1.0 / 3; ///< of the rate at first
  Index total_iters = 5;   ///< epochs with this factor
};

/// The rule of ConstantLR.
struct ConstantLRRule {
  using Options = ConstantLROptions;
  Options o;

  explicit ConstantLRRule(const Options& options) : o(options) {
    if (o.factor > 1.0 || o.factor < 0)
      raise(ValueError("Constant multiplicative factor expected to be between 0 and 1."));
  }
  double next(double lr, double, Index epoch) const {
    if (epoch == 0) return lr * o.factor;
    return epoch == o.total_iters ? lr * (1.0 / o.factor) : lr;
  }
};

/// Multiplies the rate by `factor` until epoch `total_iters`.
template<class O>
class ConstantLR : public LRScheduler<ConstantLRRule, O> {
public:
  ConstantLR(O& optimizer, ConstantLROptions options = {})
      : LRScheduler<ConstantLRRule, O>(optimizer, std::move(options)) {}
};

/// Options of LinearLR.
struct LinearLROptions {
  double start_factor = 1.0 / 3; ///< of the rate at first
  double end_factor = 1.0;       ///< of the rate in the end
  Index total_iters = 5;         ///< epochs from the one to the other
};

/// The rule of LinearLR.
struct LinearLRRule {
  using Options = LinearLROptions;
  Options o;

  explicit LinearLRRule(const Options& options) : o(options) {
    if (o.start_factor > 1.0 || o.start_factor < 0)
      raise(ValueError("Starting multiplicative factor expected to be between 0 and 1."));
    if (o.end_factor > 1.0 || o.end_factor < 0)
      raise(ValueError("Ending multiplicative factor expected to be between 0 and 1."));
  }
  double next(double lr, double, Index epoch) const {
    if (epoch == 0) return lr * o.start_factor;
    if (epoch > o.total_iters) return lr;
    const double change = o.end_factor - o.start_factor;
    return lr * (1. + change / (static_cast<double>(o.total_iters) * o.start_factor +
                                static_cast<double>(epoch - 1) * change));
  }
};

/// Multiplies the rate by a factor that goes evenly from `start_factor` to `end_factor` in `total_iters`
/// epochs.
template<class O>
class LinearLR : public LRScheduler<LinearLRRule, O> {
public:
  LinearLR(O& optimizer, LinearLROptions options = {})
      : LRScheduler<LinearLRRule, O>(optimizer, std::move(options)) {}
};

/// Options of CosineAnnealingLR.
struct CosineAnnealingLROptions {
  Index T_max = 1;    ///< epochs of half a period
  double eta_min = 0; ///< the lowest rate
};

/// The rule of CosineAnnealingLR.
struct CosineAnnealingLRRule {
  using Options = CosineAnnealingLROptions;
  Options o;

  explicit CosineAnnealingLRRule(const Options& options) : o(options) {
    if (o.T_max < 1) raise(ValueError("CosineAnnealingLR: T_max must be at least 1"));
  }
  double next(double lr, double base, Index epoch) const {
    if (epoch == 0) return lr;
    const auto cosine = [&](Index t) {
      return std::cos(std::numbers::pi * static_cast<double>(t) / static_cast<double>(o.T_max));
    };
    if ((epoch - 1 - o.T_max) % (2 * o.T_max) == 0) return lr + (base - o.eta_min) * (1 - cosine(1)) / 2;
    return (1 + cosine(epoch)) / (1 + cosine(epoch - 1)) * (lr - o.eta_min) + o.eta_min;
  }
};

/// From the first rate down to `eta_min` along half a cosine, and up again.
/// Source: Loshchilov and Hutter 2017, without restarts.
template<class O>
class CosineAnnealingLR : public LRScheduler<CosineAnnealingLRRule, O> {
public:
  CosineAnnealingLR(O& optimizer, CosineAnnealingLROptions options = {})
      : LRScheduler<CosineAnnealingLRRule, O>(optimizer, std::move(options)) {}
};

/// Options of CosineAnnealingWarmRestarts.
struct CosineAnnealingWarmRestartsOptions {
  Index T_0 = 1;      ///< epochs until the first restart
  Index T_mult = 1;   ///< each period is so many times longer than the last
  double eta_min = 0; ///< the lowest rate
};

/// The rule of CosineAnnealingWarmRestarts.
struct CosineAnnealingWarmRestartsRule {
  using Options = CosineAnnealingWarmRestartsOptions;
  Options o;

  explicit CosineAnnealingWarmRestartsRule(const Options& options) : o(options) {
    if (o.T_0 <= 0) raise(ValueError("Expected positive integer T_0, but got " + std::to_string(o.T_0)));
    if (o.T_mult < 1) raise(ValueError("Expected integer T_mult >= 1, but got " + std::to_string(o.T_mult)));
  }
  double next(double, double base, Index epoch) const {
    Index period = o.T_0;
    if (o.T_mult == 1) epoch %= period;
    while (epoch >= period) {
      epoch -= period;
      period *= o.T_mult;
    }
    const double cosine =
        std::cos(std::numbers::pi * static_cast<double>(epoch) / static_cast<double>(period));
    return o.eta_min + (base - o.eta_min) * (1 + cosine) / 2;
  }
};

/// From the first rate down to `eta_min` along half a cosine, then from the first rate again.
/// Source: Loshchilov and Hutter 2017, eq. 5.
template<class O>
class CosineAnnealingWarmRestarts : public LRScheduler<CosineAnnealingWarmRestartsRule, O> {
public:
  CosineAnnealingWarmRestarts(O& optimizer, CosineAnnealingWarmRestartsOptions options = {})
      : LRScheduler<CosineAnnealingWarmRestartsRule, O>(optimizer, std::move(options)) {}
};

/// The factor of the first rate in an epoch.
using LambdaLROptions = std::function<double(Index)>;

/// The rule of LambdaLR.
struct LambdaLRRule {
  using Options = LambdaLROptions;
  Options o;

  explicit LambdaLRRule(Options options) : o(std::move(options)) {}
  double next(double, double base, Index epoch) const { return base * o(epoch); }
};

/// The first rate times a function of the epoch:
/// `LambdaLR scheduler{optimizer, [](Index epoch) { return std::pow(0.95, epoch); }};`.
template<class O>
class LambdaLR : public LRScheduler<LambdaLRRule, O> {
public:
  LambdaLR(O& optimizer, LambdaLROptions options)
      : LRScheduler<LambdaLRRule, O>(optimizer, std::move(options)) {}
};

/// The factor that the rate is multiplied by when an epoch begins, from epoch 1 on.
using MultiplicativeLROptions = std::function<double(Index)>;

/// The rule of MultiplicativeLR.
struct MultiplicativeLRRule {
  using Options = MultiplicativeLROptions;
  static constexpr bool from_current_lr = true; ///< see LRScheduler::restart
  Options o;

  explicit MultiplicativeLRRule(Options options) : o(std::move(options)) {}
  double next(double lr, double, Index epoch) const { return epoch == 0 ? lr : lr * o(epoch); }
};

/// In each epoch the rate of the one before times a function of the epoch.
template<class O>
class MultiplicativeLR : public LRScheduler<MultiplicativeLRRule, O> {
public:
  MultiplicativeLR(O& optimizer, MultiplicativeLROptions options)
      : LRScheduler<MultiplicativeLRRule, O>(optimizer, std::move(options)) {}
};

/// Options of PolynomialLR.
struct PolynomialLROptions {
  Index total_iters = 5; ///< epochs until the rate is 0
  double power = 1;      ///< of the part of the epochs that is left
};

/// The rule of PolynomialLR.
struct PolynomialLRRule {
  using Options = PolynomialLROptions;
  Options o;

  explicit PolynomialLRRule(const Options& options) : o(options) {
    if (o.total_iters < 1) raise(ValueError("PolynomialLR: total_iters must be at least 1"));
  }
  double next(double lr, double, Index epoch) const {
    if (epoch == 0 || epoch > o.total_iters) return lr;
    const auto total = static_cast<double>(o.total_iters), now = static_cast<double>(epoch);
    return lr * std::pow((1.0 - now / total) / (1.0 - (now - 1) / total), o.power);
  }
};

/// The first rate times (1 - epoch / total_iters)^power, and 0 afterwards.
template<class O>
class PolynomialLR : public LRScheduler<PolynomialLRRule, O> {
public:
  PolynomialLR(O& optimizer, PolynomialLROptions options = {})
      : LRScheduler<PolynomialLRRule, O>(optimizer, std::move(options)) {}
};

} // namespace stator::optim
