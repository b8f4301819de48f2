// SPDX-License-Identifier: BSL-1.0
// Groups of parameters that share the options of a rule, and what a rule is: pure arithmetic on spans.
//
// A rule is the numbers that an optimiser keeps for one parameter between its steps. It has: `name`,
// PyTorch's; `Options`; `state_names`, PyTorch's keys; `uses(options)`, which states are needed;
// `check(options)`, throws; `keeps_zero(options)`, whether padding stays zero; `begin(options, step)`, once a
// step; `update(options, param, grad, states)`, on any part of the arena; if a state does not begin with 0,
// `initial(options, state)`; if states have shapes of their own, `state_extents(state, extents)`: then
// `update(options, extents, param, grad, states)` gets whole parameters, one at a time; and, if the numbers
// are more than `begin` makes from the step, `for_each_number`, for checkpoints, and ==.
#pragma once

#include "stator/core/error.hpp"
#include "stator/core/glob.hpp"
#include "stator/core/requirements.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stator::optim {

/// Parameters that share options, as torch's param_groups.
template<class Rule>
struct ParamGroup {
  typename Rule::Options options;      ///< may be changed between steps
  std::vector<std::size_t> parameters; ///< indices into the model's `parameter_table`
  double initial_lr = -1;              ///< the rate when the first scheduler came; -1: none has come
};

/// The groups of an optimiser; each parameter is in one of them.
template<class Rule>
class ParamGroups {
public:
  using Options = typename Rule::Options;
  /// An element of `param_groups()`.
  using Group = ParamGroup<Rule>;

  /// The options of the first group; `options().lr = 1e-4` holds from the next step on, and the reference as
  /// long as the optimiser.
  Options& options() { return groups_.front().options; }
  const Options& options() const { return groups_.front().options; }
  /// All groups, as a range with [] and size(); the one that was made with the optimiser first.
  std::deque<Group>& param_groups() { return groups_; }
  const std::deque<Group>& param_groups() const { return groups_; }

protected:
  /// One group of all parameters, of which there are `count`.
  ParamGroups(const Options& options, std::size_t count) {
    Rule::check(options);
    Group all{.options = options, .parameters = std::vector<std::size_t>(count)};
    std::iota(all.parameters.begin(), all.parameters.end(), std::size_t{0});
    groups_.push_back(std::move(all));
  }

  /// What add_param_group does with the parameters of a model's table.
  Group& add_group(const auto& table, std::string_view pattern, const Options& options) {
    Rule::check(options);
    Group group{.options = options, .parameters = {}};
    for (std::size_t i = 0; i < table.size(); ++i)
      if (glob_match(pattern, table[i].name)) group.parameters.push_back(i);
    if (group.parameters.empty())
      raise(KeyError("add_param_group: no parameter matches '" + std::string(pattern) + "'"));
    for (Group& other : groups_)
      std::erase_if(other.parameters,
                    [&](std::size_t i) { return std::ranges::count(group.parameters, i) > 0; });
    groups_.push_back(std::move(group));
    return groups_.back();
  }

  const Group& group_of(std::size_t parameter) const {
    for (const Group& group : groups_)
      if (std::ranges::count(group.parameters, parameter) > 0) return group;
    return groups_.front();
  }

private:
  std::deque<Group> groups_; // which stay where they are when another one comes
};

} // namespace stator::optim
