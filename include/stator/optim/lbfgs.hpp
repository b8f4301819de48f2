// SPDX-License-Identifier: BSL-1.0
// torch.optim.LBFGS: a step evaluates the function several times, so it is given a function that does it.
//   LBFGS optimizer{model, {.line_search_fn = "strong_wolfe"}};
//   optimizer.step([&] {
//     const auto loss = mean(square(model(x) - y));
//     optimizer.zero_grad();
//     loss.backward();
//     return loss.item();
//   });
#pragma once

#include "stator/core/dtype.hpp"
#include "stator/core/error.hpp"
#include "stator/core/grad_state.hpp"
#include "stator/core/shape.hpp"
#include "stator/optim/check.hpp"
#include "stator/optim/strong_wolfe.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stator::optim {

/// Options of LBFGS, those of torch.optim.LBFGS.
struct LBFGSOptions {
  double lr = 1;                        ///< length of a step; of the first one at most lr / sum(|g|)
  Index max_iter = 20;                  ///< directions in one step
  Index max_eval = 0;                   ///< evaluations in one step; 0: 5 / 4 max_iter
  double tolerance_grad = 1e-7;         ///< a step ends when no element of the gradient is larger
  double tolerance_change = 1e-9;       ///< or when neither parameters nor function change by more
  Index history_size = 100;             ///< changes that the curvature is estimated from
  std::string_view line_search_fn = ""; ///< "strong_wolfe", or empty: each direction is gone lr far
};

/// Limited-memory BFGS: the direction is minus the gradient times an estimate of the inverse Hessian, which
/// the last `history_size` changes of parameters and gradient make. Everything is one group; parameters
/// without a gradient count as if it were 0. Memory: 2 history_size + 6 times that of the parameters.
/// Throws ValueError for options out of range.
/// Source: Nocedal and Wright 2006, algorithm 7.4; line search: algorithms 3.5 and 3.6, as in minFunc.
template<class M>
class LBFGS {
  static_assert(
      std::is_same_v<typename M::scalar, arithmetic_of<typename M::scalar>>,
      "stator: LBFGS: parameters of 16 bits cannot take the steps of a line search: make the network "
      "one of float, or take SGD, Adam or another optimiser with use_master_weights()");

public:
  /// Element type of the parameters.
  using T = arithmetic_of<typename M::scalar>;
  using Options = LBFGSOptions;
  /// The only element of `param_groups()`.
  struct Group {
    Options options;        ///< may be changed between steps
    double initial_lr = -1; ///< as ParamGroup's
  };

  explicit LBFGS(M& model, const LBFGSOptions& options = {}) : model_(&model), groups_{Group{options}} {
    detail::check_not_negative("learning rate", options.lr);
    detail::check(options.max_iter > 0, "max_iter value", static_cast<double>(options.max_iter));
    detail::check(options.max_eval >= 0, "max_eval value", static_cast<double>(options.max_eval));
    detail::check(options.history_size > 0, "history_size value", static_cast<double>(options.history_size));
    detail::check_not_negative("tolerance_grad value", options.tolerance_grad);
    detail::check_not_negative("tolerance_change value", options.tolerance_change);
    if (!options.line_search_fn.empty() && options.line_search_fn != "strong_wolfe")
      raise(ValueError("LBFGS: line_search_fn is '" + std::string(options.line_search_fn) +
                       "', only 'strong_wolfe' is supported"));
  }

  /// Goes at most `max_iter` directions. `closure` forgets the gradients, computes the loss and its gradient,
  /// and returns the loss, a number; the first one is returned. Throws UnboundError when the model has been
  /// moved from.
  template<class F>
  double step(F&& closure) {
    static_assert(
        requires {
          { closure() } -> std::convertible_to<double>;
        },
        "stator: LBFGS::step needs a function that computes the gradient and returns the loss as a number: "
        "return loss.item();");
    if (model_->gradient_arena().empty() && M::parameter_table.size() > 0)
      raise(UnboundError("LBFGS: the model has no memory: it has been moved from"));
    const Options& o = options();
    const Index most = o.max_eval > 0 ? o.max_eval : o.max_iter * 5 / 4;
    const auto evaluate = [&](std::vector<T>& gradient) {
      const auto loss = static_cast<double>(closure());
      gather(gradient);
      ++func_evals_;
      return loss;
    };
    const Index evals_before = func_evals_;
    const double first_loss = evaluate(gradient_);
    if (detail::largest<T>(gradient_) <= o.tolerance_grad) return first_loss;

    double loss = first_loss;
    for (Index iteration = 1; iteration <= o.max_iter; ++iteration) {
      find_direction();
      prev_gradient_ = gradient_;
      prev_loss_ = loss;
      t_ = o.lr;
      if (++n_iter_ == 1) t_ *= std::min(1.0, 1 / detail::sum_of_sizes<T>(gradient_));
      const double slope = detail::dot<T>(gradient_, direction_);
      if (slope > -o.tolerance_change) break;

      const bool last = iteration == o.max_iter;
      if (!o.line_search_fn.empty()) {
        start_.assign(parameters().begin(), parameters().end());
        const auto at = [&](double t, std::vector<T>& gradient) {
          move(t);
          const double value = evaluate(gradient);
          std::ranges::copy(start_, parameters().begin());
          return value;
        };
        loss = search_(at, t_, detail::largest<T>(direction_), loss, gradient_, slope, direction_,
                       o.tolerance_change);
        move(t_);
      } else {
        move(t_);
        if (!last) loss = evaluate(gradient_);
      }
      if (last || func_evals_ - evals_before >= most || detail::largest<T>(gradient_) <= o.tolerance_grad ||
          std::abs(t_) * detail::largest<T>(direction_) <= o.tolerance_change ||
          std::abs(loss - prev_loss_) < o.tolerance_change)
        break;
    }
    return first_loss;
  }

  /// The options; `options().lr = 0.5` holds from the next step on.
  Options& options() { return groups_[0].options; }
  const Options& options() const { return groups_[0].options; }
  /// One group of all parameters, for schedulers.
  std::array<Group, 1>& param_groups() { return groups_; }
  const std::array<Group, 1>& param_groups() const { return groups_; }
  /// As the model's.
  void zero_grad(const ZeroGradOptions& options = {}) {
    if constexpr (requires { model_->zero_grad(options); })
      model_->zero_grad(options);
    else
      model_->zero_grad();
  }
  /// The model whose parameters are changed.
  M& model() const { return *model_; }
  /// How many directions were gone in all steps.
  Index n_iter() const { return n_iter_; }
  /// How often the function was evaluated in all steps.
  Index func_evals() const { return func_evals_; }

  /// The state and the numbers among the options, for checkpoints, with PyTorch's names; the old directions
  /// and steps one after the other, padded as the model's arena is.
  void for_each_number(auto&& f) {
    f("state.func_evals", func_evals_);
    f("state.n_iter", n_iter_);
    f("state.t", t_);
    f("state.H_diag", h_diag_);
    f("state.prev_loss", prev_loss_);
    f("state.oldest", oldest_);
    f("state.d", direction_);
    f("state.prev_flat_grad", prev_gradient_);
    f("state.old_dirs", old_dirs_);
    f("state.old_stps", old_stps_);
    f("state.ro", ro_);
    Options& o = options();
    f("param_groups.0.lr", o.lr);
    f("param_groups.0.max_iter", o.max_iter);
    f("param_groups.0.max_eval", o.max_eval);
    f("param_groups.0.tolerance_grad", o.tolerance_grad);
    f("param_groups.0.tolerance_change", o.tolerance_change);
    f("param_groups.0.history_size", o.history_size);
  }
  /// Throws ValueError for a state of a file that does not fit the model or itself.
  void check_state() const {
    (void)LBFGS(*model_, options());
    const std::size_t size = direction_.size(), known = ro_.size();
    if ((n_iter_ > 0 && size != parameters().size()) || prev_gradient_.size() != size ||
        old_dirs_.size() != known * size || old_stps_.size() != known * size || n_iter_ < 0 ||
        func_evals_ < 0 || known > static_cast<std::size_t>(options().history_size) || oldest_ < 0 ||
        (oldest_ > 0 && static_cast<std::size_t>(oldest_) >= known))
      raise(ValueError("LBFGS: the saved directions do not fit this model and history_size"));
  }

private:
  /// The parameters that have gradients, padding included: it is 0 in both.
  std::span<T> parameters() const { return model_->parameter_arena().first(model_->gradient_arena().size()); }
  void move(double t) {
    const std::span<T> to = parameters();
    const T size = static_cast<T>(t);
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += size * direction_[i];
  }
  void gather(std::vector<T>& gradient) const {
    const std::span<const T> from = model_->gradient_arena();
    gradient.assign(from.begin(), from.end());
    if constexpr (requires { model_->has_grad(std::size_t{}); })
      for (std::size_t i = 0; i < M::parameter_table.size(); ++i)
        if (!model_->has_grad(i))
          std::fill_n(gradient.begin() + static_cast<Index>(M::parameter_table[i].offset / sizeof(T)),
                      M::parameter_table[i].numel, T{0});
  }

  /// Minus the inverse Hessian's estimate times the gradient.
  void find_direction() {
    const std::size_t size = gradient_.size();
    if (n_iter_ == 0) {
      direction_.resize(size);
      for (std::size_t i = 0; i < size; ++i) direction_[i] = -gradient_[i];
      return;
    }
    learn_curvature();
    const std::size_t known = ro_.size(), oldest = static_cast<std::size_t>(oldest_);
    for (std::size_t i = 0; i < size; ++i) direction_[i] = -gradient_[i];
    al_.resize(known);
    const auto part = [&](const std::vector<T>& of, std::size_t i) {
      return std::span<const T>(of).subspan((oldest + i) % known * size, size);
    };
    const auto add = [&](double factor, std::span<const T> what) {
      const T by = static_cast<T>(factor);
      for (std::size_t i = 0; i < size; ++i) direction_[i] += by * what[i];
    };
    for (std::size_t i = known; i-- > 0;) {
      al_[i] = detail::dot<T>(part(old_stps_, i), direction_) * ro_[(oldest + i) % known];
      add(-al_[i], part(old_dirs_, i));
    }
    for (T& d : direction_) d *= static_cast<T>(h_diag_);
    for (std::size_t i = 0; i < known; ++i) {
      const double be = detail::dot<T>(part(old_dirs_, i), direction_) * ro_[(oldest + i) % known];
      add(al_[i] - be, part(old_stps_, i));
    }
  }

  /// Keeps the last change of gradient and parameters, in place of the oldest when the history is full.
  void learn_curvature() {
    const std::size_t size = gradient_.size(), room = static_cast<std::size_t>(options().history_size);
    change_.resize(size);
    for (std::size_t i = 0; i < size; ++i) change_[i] = gradient_[i] - prev_gradient_[i];
    for (T& d : direction_) d *= static_cast<T>(t_);
    const double ys = detail::dot<T>(change_, direction_);
    if (!(ys > 1e-10)) return;
    if (ro_.size() < room) {
      // A ring grows at its end: a history_size that has been raised finds the oldest in the middle.
      if (oldest_ > 0) straighten();
      old_dirs_.insert(old_dirs_.end(), change_.begin(), change_.end());
      old_stps_.insert(old_stps_.end(), direction_.begin(), direction_.end());
      ro_.push_back(1 / ys);
    } else {
      const std::size_t place = static_cast<std::size_t>(oldest_);
      std::ranges::copy(change_, old_dirs_.begin() + static_cast<Index>(place * size));
      std::ranges::copy(direction_, old_stps_.begin() + static_cast<Index>(place * size));
      ro_[place] = 1 / ys;
      oldest_ = static_cast<Index>((place + 1) % ro_.size());
    }
    h_diag_ = ys / detail::dot<T>(change_, change_);
  }
  void straighten() {
    const auto turn = [&](auto& ring, std::size_t width) {
      std::ranges::rotate(ring, ring.begin() + oldest_ * static_cast<Index>(width));
    };
    turn(old_dirs_, gradient_.size()), turn(old_stps_, gradient_.size()), turn(ro_, 1);
    oldest_ = 0;
  }

  M* model_;
  std::array<Group, 1> groups_;
  Index n_iter_ = 0, func_evals_ = 0, oldest_ = 0;
  double t_ = 0, h_diag_ = 1, prev_loss_ = 0;
  std::vector<T> direction_, gradient_, prev_gradient_, change_, start_, old_dirs_, old_stps_;
  std::vector<double> ro_, al_;
  detail::StrongWolfe<T> search_;
};

} // namespace stator::optim
