// SPDX-License-Identifier: BSL-1.0
// What all optimisers share: groups of parameters with options of their own, the state beside the parameters,
// and the pass over the model's arena. What a rule is says param_group.hpp.
//
// A parameter without a gradient (PyTorch's `p.grad is None`) is passed over: it, its states and its count of
// steps stay as they are. So each parameter has a count of its own, as in PyTorch. Neighbours in the arena
// that have a gradient and equal counts are done together; where everything is used, that is the whole arena.
#pragma once

#include "stator/core/compiler.hpp"
#include "stator/core/error.hpp"
#include "stator/core/grad_state.hpp"
#include "stator/core/parallel.hpp"
#include "stator/optim/master_weights.hpp"
#include "stator/optim/param_group.hpp"
#include "stator/optim/states.hpp"
#include "stator/optim/step_options.hpp"

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace stator::optim {

namespace detail {
template<class M>
struct model_scalar {
  static_assert(
      requires(M& m) {
        m.parameter_arena();
        m.gradient_arena();
      }, "stator: an optimizer needs a model whose parameters can be changed: "
         "Adam optimizer{model, {.lr = 1e-3}}, not its parameters()");
  using type = float;
};
template<class M>
  requires requires(M& m) {
    m.parameter_arena();
    m.gradient_arena();
  }
struct model_scalar<M> {
  using type = typename M::scalar;
};
/// The type of a model's parameters; a mistake in words where there are none to be changed.
template<class M>
using scalar_of_model = typename model_scalar<M>::type;
} // namespace detail

/// `M` has `parameter_arena()` and `gradient_arena()` (spans of `M::scalar`, gradients of
/// arithmetic_of<M::scalar>; the gradients' has the layout of the beginning of the parameters', frozen ones
/// follow it; padding is 0), `zero_grad()`, the constant `parameter_table` of unique parameters in the
/// arena's order with `name`, `offset` in bytes and `numel`, and, if some may be without a gradient,
/// `has_grad(row of the table)`.
template<class Rule, class M>
class Optimizer : public ParamGroups<Rule>,
                  public MasterWeights<Optimizer<Rule, M>, detail::scalar_of_model<M>> {
public:
  /// The type that parameters are computed in, and that gradients and states have: see arithmetic_of.
  using T = arithmetic_of<detail::scalar_of_model<M>>;
  using model_type = M; ///< whose parameters are changed
  using typename ParamGroups<Rule>::Options;
  using typename ParamGroups<Rule>::Group;
  static constexpr auto state_names = Rule::state_names;

  Optimizer(M& model, const Options& options)
      : ParamGroups<Rule>(options, table().size()), model_(&model), progress_(table().size()) {}

  /// Moves the parameters whose name matches `pattern` ("*.bias") to a group with other options.
  /// Throws KeyError when there are none, ValueError for options out of range.
  /// The reference holds as long as the optimiser.
  Group& add_param_group(std::string_view pattern, const Options& options) {
    return this->add_group(table(), pattern, options);
  }

  /// Changes the parameters that have a gradient by one step along it.
  /// After the first step nothing is allocated.
  void step() {
    if constexpr (HasStateExtents<Rule>)
      step_one_by_one();
    else if (can_step_together())
      step_together();
    else
      step_one_by_one();
  }

  /// The same between clip_grad_norm_, `{.max_norm = 1.0}`, and zero_grad, `{.zero_grad = true}`, to the bit,
  /// with a pass fewer over the gradients. Returns the norm that clip_grad_norm_ returns, 0 without a limit;
  /// throws what it throws, before anything is changed.
  double step(const StepOptions& options) {
    const ClipOptions clip{options.norm_type, options.error_if_nonfinite};
    detail::Scaling scaling{.kept = !options.zero_grad};
    bool together = detail::updates_anywhere<Rule, M> && options.clips() && can_step_together() &&
                    states_.keeps_all(gradients().size());
    double norm = 0;
    if (together) {
      norm = grad_norm(*model_, clip);
      scaling.factor = detail::clip_scale(norm, options.max_norm, clip);
      together = scaling.factor == scaling.factor; // NaN would reach the padding
    }
    if (!together && options.clips()) norm = clip_grad_norm_(*model_, options.max_norm, clip);
    if constexpr (detail::updates_anywhere<Rule, M>)
      if (together) step_together(scaling);
    if (!together) step();
    if (options.zero_grad) zero_grad();
    return norm;
  }

  /// As the model's: gradients become None, or with `{.set_to_none = false}` those that are there become 0.
  void zero_grad(const ZeroGradOptions& options = {}) {
    if constexpr (requires { model_->zero_grad(options); })
      model_->zero_grad(options);
    else
      model_->zero_grad();
  }

  /// The model whose parameters are changed.
  M& model() const { return *model_; }

  /// How many steps were taken: by the parameter that took the most, or by one of them (its row in
  /// `parameter_table`), PyTorch's state "step". Can be set, when training is resumed.
  Index steps() const {
    if (together_ && !progress_.empty()) return progress_[0].steps;
    Index most = 0;
    for (const Progress& p : progress_) most = std::max(most, p.steps);
    return most;
  }
  Index steps(std::size_t parameter) const { return progress_[together_ ? 0 : parameter].steps; }
  /// Sets the counts that `steps` returns.
  void set_steps(Index steps) {
    for (Progress& p : progress_) p.steps = steps;
  }
  void set_steps(std::size_t parameter, Index steps) {
    separate();
    progress_[parameter].steps = steps;
  }
  /// What the rule keeps for a parameter besides the states.
  Rule& rule(std::size_t parameter) {
    separate();
    return progress_[parameter].rule;
  }
  /// Whether PyTorch's optimizer.state has an entry for a parameter: it has taken a step, or the states begin
  /// with the optimiser.
  bool has_state(std::size_t parameter) const {
    return steps(parameter) > 0 || requires { Rule::state_from_the_start; };
  }
  /// As if a parameter had taken no step.
  void reset_state(std::size_t parameter) {
    separate();
    progress_[parameter] = {};
    for (std::size_t s = 0; s < state_names.size(); ++s) std::ranges::fill(part(s, parameter), T{0});
    begin_states(this->group_of(parameter), parameter);
  }

  /// The state with one of `state_names`, in the layout of the parameter arena. Empty as long as it is not
  /// used, before the first step for example. Throws KeyError for another name.
  std::span<T> state(std::string_view name) { return states_.all(States<Rule, M>::number_of(name)); }
  /// The same of one parameter, its row in `parameter_table`.
  std::span<T> state(std::string_view name, std::size_t parameter) {
    return states_.part(States<Rule, M>::number_of(name), parameter);
  }
  /// The extents of a state of one parameter; without elements where it has no such state.
  static Extents state_extents(std::string_view name, std::size_t parameter) {
    return States<Rule, M>::extents(States<Rule, M>::number_of(name), table()[parameter]);
  }

  /// Calls `f(parameter name, state name, elements)` for all states of the parameters that have some.
  template<class F>
  void for_each_state(F&& f) {
    for (std::size_t i = 0; i < table().size(); ++i)
      for (std::size_t s = 0; s < state_names.size(); ++s)
        if (!states_.all(s).empty() && has_state(i) && (!HasStateExtents<Rule> || !part(s, i).empty()))
          f(std::string_view(table()[i].name), std::string_view(state_names[s]), part(s, i));
  }

  /// From here on only these elements of the arena are changed, and the states are those of these elements:
  /// what was there of them stays. In ascending order. For processes that share the work of one optimiser
  /// (distributed/zero_redundancy_optimizer.hpp).
  void keep_only(std::vector<ArenaPart> parts) {
    states_.keep_only(std::move(parts), [this](std::size_t s) { allocate(s); });
  }

  /// Gives the states that the options need their memory and first values. `step()` does this itself.
  /// Throws UnboundError when the model has been moved from.
  void allocate_states() {
    for (const Group& group : this->param_groups()) allocate_states(group);
  }

private:
  /// How far the optimiser has come with a parameter.
  struct Progress {
    Index steps = 0;
    Rule rule{};
    bool operator==(const Progress& other) const {
      if constexpr (std::equality_comparable<Rule>)
        return steps == other.steps && rule == other.rule;
      else
        return steps == other.steps;
    }
  };

  /// Of the parameters that have one; the rest may be anything.
  std::span<T> gradients() const { return detail::gradients_of<T>(*model_, false); }
  static constexpr const auto& table() { return M::parameter_table; }
  static std::size_t numel(std::size_t i) { return static_cast<std::size_t>(table()[i].numel); }
  /// Where parameter `i` begins in the arena, in elements.
  std::size_t begin_of(std::size_t i) const {
    return i < table().size() ? static_cast<std::size_t>(table()[i].offset) / sizeof(typename M::scalar)
                              : gradients().size();
  }

  bool has_grad(std::size_t i) const {
    if constexpr (requires { model_->has_grad(i); })
      return model_->has_grad(i);
    else
      return true;
  }

  void allocate_states(const Group& group) {
    for (std::size_t s = 0; s < state_names.size(); ++s)
      if (Rule::uses(group.options)[s] && !states_.has_memory(s)) allocate(s);
  }

  /// Whether one step of the whole arena is that of each parameter: they are one group, have come equally far
  /// and have a gradient.
  bool can_step_together() const {
    // A model without memory is refused by what allocates.
    if (!together_ || gradients().empty()) return false;
    const Group& all = this->param_groups().front(); // where one has all parameters, others have none
    if (all.parameters.size() != table().size() || !Rule::keeps_zero(all.options)) return false;
    for (std::size_t i = 0; i < table().size(); ++i)
      if (!has_grad(i)) return false;
    return true;
  }
  void step_together(const detail::Scaling& scaling = {}) {
    const Group& all = this->param_groups().front();
    allocate_states(all);
    Progress& progress = progress_[0];
    if (progress.steps == 0)
      for (std::size_t p = 0; p < table().size(); ++p) begin_states(all, p);
    progress.rule.begin(all.options, ++progress.steps);
    update(progress.rule, all.options, begin_of(0), begin_of(table().size()), scaling);
  }
  STATOR_NOINLINE void step_one_by_one() {
    allocate_states();
    separate();
    for (const Group& group : this->param_groups())
      for (std::size_t i = 0; i < group.parameters.size();) i = step_from(group, i);
  }
  /// From here on each parameter has a progress of its own.
  void separate() {
    if (!together_) return;
    together_ = false;
    for (std::size_t i = 1; i < progress_.size(); ++i) progress_[i] = progress_[0];
  }

  /// A step of the parameter at place `i` of its group and of as many after it as can be done with it,
  /// padding included. Returns the place of the next one.
  std::size_t step_from(const Group& group, std::size_t i) {
    const std::vector<std::size_t>& list = group.parameters;
    const std::size_t first = list[i++];
    if (!has_grad(first)) return i;
    const bool whole = !HasStateExtents<Rule> && Rule::keeps_zero(group.options);
    Progress& progress = progress_[first];
    std::size_t last = first;
    while (whole && i < list.size() && list[i] == last + 1 && has_grad(list[i]) &&
           progress_[list[i]] == progress)
      last = list[i++];
    if (progress.steps == 0)
      for (std::size_t p = first; p <= last; ++p) begin_states(group, p);
    progress.rule.begin(group.options, ++progress.steps);
    for (std::size_t p = first + 1; p <= last; ++p) progress_[p] = progress;
    const std::size_t begin = begin_of(first);
    if constexpr (HasStateExtents<Rule>)
      this->change(model_->parameter_arena().subspan(begin, numel(first)), begin, true,
                   [&](std::span<T> values, std::size_t) {
                     progress.rule.update(group.options, table()[first].extents, values,
                                          std::span<const T>(gradients()).subspan(begin, numel(first)),
                                          states_.of(first));
                   });
    else
      update(progress.rule, group.options, begin, whole ? begin_of(last + 1) : begin_of(last) + numel(last));
    return i;
  }

  /// Gives the states of a parameter the values that they have before its first step, where these are not 0.
  void begin_states([[maybe_unused]] const Group& group, [[maybe_unused]] std::size_t parameter) {
    if constexpr (requires { Rule::initial(group.options, parameter); })
      for (std::size_t s = 0; s < state_names.size(); ++s)
        std::ranges::fill(part(s, parameter), static_cast<T>(Rule::initial(group.options, s)));
  }

  void allocate(std::size_t s) {
    states_.allocate(s, gradients().size());
    for (const Group& group : this->param_groups())
      for (const std::size_t i : group.parameters) begin_states(group, i);
  }
  std::span<T> part(std::size_t s, std::size_t parameter) { return states_.part(s, parameter); }

  void update(const Rule& rule, const Options& options, std::size_t first, std::size_t last,
              const detail::Scaling& scaling = {}) {
    const KeptElements& kept = states_.kept();
    const std::size_t begin = kept.place(first), end = kept.place(last);
    if (begin == end) return;
    const auto parameters = model_->parameter_arena();
    const std::span<T> slopes = gradients();
    const auto count = static_cast<Index>(end - begin);
    const auto piece = [&](std::size_t place, std::size_t at, std::size_t size) {
      this->change(parameters.subspan(at, size), at, false, [&](std::span<T> values, std::size_t before) {
        detail::update_scaled(rule, options, values, slopes.subspan(at + before, values.size()),
                              states_.at(place + before), scaling);
      });
    };
    const auto part = [&](Index from, Index to, int) {
      kept.for_each(begin + static_cast<std::size_t>(from), begin + static_cast<std::size_t>(to), piece);
    };
    // Starting threads costs more than small networks take.
    if (count > parallel_size)
      parallel_for(count, parallel_size / 16, part);
    else
      part(0, count, 0);
  }

  static constexpr Index parallel_size = Index{1} << 19;
  M* model_;
  States<Rule, M> states_;         ///< and the elements of the arena that it changes
  std::vector<Progress> progress_; ///< one for each row of the table
  bool together_ = true;           ///< all have come as far as the first, and only that one is kept up
};

} // namespace stator::optim
