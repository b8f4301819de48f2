// SPDX-License-Identifier: BSL-1.0
// What all optimisers share: groups of parameters with options of their own, the state beside the parameters,
// and the pass over the model's arena. An optimiser's own file is its rule: pure arithmetic on spans.
//
// A rule has: `Options`; `state_names`, PyTorch's keys; `uses(options)`, which states are needed;
// `check(options)`, throws; `keeps_zero(options)`, whether padding stays zero; `begin(options, step)`, once a
// step; `update(options, param, grad, states)`, on any part of the arena; and, if a state does not begin with
// 0, `initial(options, state)`.
#pragma once

#include "stator/core/error.hpp"
#include "stator/core/glob.hpp"
#include "stator/core/parallel.hpp"
#include "stator/core/workspace.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stator::optim {

/// Parameters that share options, as torch's param_groups.
template<class Rule>
struct ParamGroup {
  typename Rule::Options options;
  std::vector<std::size_t> parameters; ///< indices into the model's `parameter_table`
  Rule rule{};                         ///< what the rule keeps besides the states
};

/// `M` has `parameter_arena()` and `gradient_arena()` (spans of `M::scalar`; the gradients' has the layout of
/// the beginning of the parameters', frozen ones are behind it; padding is 0), `zero_grad()`, and the
/// constant `parameter_table` of unique parameters in the arena's order with `name`, `offset` in bytes and
/// `numel`.
template<class Rule, class M>
class Optimizer {
public:
  using T = typename M::scalar;
  using Options = typename Rule::Options;
  using Group = ParamGroup<Rule>;
  static constexpr auto state_names = Rule::state_names;

  Optimizer(M& model, const Options& options) : model_(&model) {
    Rule::check(options);
    Group all{.options = options, .parameters = std::vector<std::size_t>(table().size())};
    std::iota(all.parameters.begin(), all.parameters.end(), std::size_t{0});
    groups_.push_back(std::move(all));
  }

  /// Moves the parameters whose name has the form of `pattern` ("*.bias") to a group with other options.
  /// Throws KeyError when there are none, ValueError for options out of range.
  Group& add_param_group(std::string_view pattern, const Options& options) {
    Rule::check(options);
    Group group{.options = options, .parameters = {}};
    for (std::size_t i = 0; i < table().size(); ++i)
      if (glob_match(pattern, table()[i].name)) group.parameters.push_back(i);
    if (group.parameters.empty())
      throw KeyError("add_param_group: no parameter has the form '" + std::string(pattern) + "'");
    for (Group& other : groups_)
      std::erase_if(other.parameters,
                    [&](std::size_t i) { return std::ranges::count(group.parameters, i) > 0; });
    groups_.push_back(std::move(group));
    return groups_.back();
  }

  /// The options of the first group; `options().lr = 1e-4` holds from the next step on.
  Options& options() { return groups_.front().options; }
  const Options& options() const { return groups_.front().options; }
  std::span<Group> param_groups() { return groups_; }
  std::span<const Group> param_groups() const { return groups_; }

  /// Changes the parameters by one step along the gradients that the model has now.
  /// After the first step nothing is allocated.
  void step() {
    allocate_states();
    ++steps_;
    for (Group& group : groups_) {
      group.rule.begin(group.options, steps_);
      const bool whole = Rule::keeps_zero(group.options);
      for (std::size_t i = 0; i < group.parameters.size(); ++i) {
        const std::size_t first = begin_of(group.parameters[i]);
        // Neighbours in the arena are done together, padding included.
        while (whole && i + 1 < group.parameters.size() && group.parameters[i + 1] == group.parameters[i] + 1)
          ++i;
        const std::size_t last = group.parameters[i];
        update(group, first, whole ? begin_of(last + 1) : begin_of(last) + numel(last));
      }
    }
  }

  void zero_grad() { model_->zero_grad(); }

  M& model() const { return *model_; }

  /// How many steps were taken; PyTorch's state "step". Can be set, when training is resumed.
  Index steps() const { return steps_; }
  void set_steps(Index steps) { steps_ = steps; }

  /// The state with one of `state_names`, in the layout of the parameter arena. Empty as long as it is not
  /// used, before the first step for example. Throws KeyError for another name.
  std::span<T> state(std::string_view name) {
    for (std::size_t s = 0; s < state_names.size(); ++s)
      if (name == state_names[s]) return states_[s];
    throw KeyError("this optimizer has no state '" + std::string(name) + "'");
  }

  /// Calls `f(parameter name, state name, elements)` for all states that are in use: for saving, and, after
  /// `allocate_states()`, for loading.
  template<class F>
  void for_each_state(F&& f) {
    for (std::size_t i = 0; i < table().size(); ++i)
      for (std::size_t s = 0; s < state_names.size(); ++s)
        if (!states_[s].empty())
          f(std::string_view(table()[i].name), std::string_view(state_names[s]),
            states_[s].subspan(begin_of(i), numel(i)));
  }

  /// Gives the states that the options need their memory and first values. `step()` does this itself.
  void allocate_states() {
    for (const Group& group : groups_)
      for (std::size_t s = 0; s < state_names.size(); ++s)
        if (Rule::uses(group.options)[s] && states_[s].empty()) allocate(s);
  }

private:
  static constexpr const auto& table() { return M::parameter_table; }
  static std::size_t numel(std::size_t i) { return static_cast<std::size_t>(table()[i].numel); }
  /// Where parameter `i` begins in the arena, in elements.
  std::size_t begin_of(std::size_t i) const {
    return i < table().size() ? static_cast<std::size_t>(table()[i].offset) / sizeof(T)
                              : model_->gradient_arena().size();
  }

  void allocate(std::size_t s) {
    const std::size_t size = model_->gradient_arena().size();
    memory_[s] = MemoryBlock(size * sizeof(T));
    states_[s] = {reinterpret_cast<T*>(memory_[s].data()), size};
    std::ranges::fill(states_[s], T{0});
    if constexpr (requires { Rule::initial(groups_[0].options, s); })
      for (const Group& group : groups_)
        for (const std::size_t i : group.parameters)
          std::ranges::fill(states_[s].subspan(begin_of(i), numel(i)),
                            static_cast<T>(Rule::initial(group.options, s)));
  }

  void update(const Group& group, std::size_t first, std::size_t last) {
    const std::span<T> parameters = model_->parameter_arena();
    const std::span<const T> gradients = model_->gradient_arena();
    const auto count = static_cast<Index>(last - first);
    // Starting threads costs more than small networks take.
    const Index grain = count > parallel_size ? parallel_size / 16 : count;
    parallel_for(count, grain, [&](Index from, Index to, int) {
      const std::size_t begin = first + static_cast<std::size_t>(from),
                        size = static_cast<std::size_t>(to - from);
      std::array<T*, state_names.size()> states{};
      for (std::size_t s = 0; s < states.size(); ++s)
        if (!states_[s].empty()) states[s] = states_[s].data() + begin;
      group.rule.update(group.options, parameters.subspan(begin, size), gradients.subspan(begin, size),
                        states);
    });
  }

  static constexpr Index parallel_size = Index{1} << 19;

  M* model_;
  std::vector<Group> groups_;
  std::array<MemoryBlock, state_names.size()> memory_{};
  std::array<std::span<T>, state_names.size()> states_{};
  Index steps_ = 0;
};

} // namespace stator::optim
