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

#include "stator/core/requirements.hpp"

#include <cstddef>
#include <vector>

namespace stator::optim {

/// Parameters that share options, as torch's param_groups.
template<class Rule>
struct ParamGroup {
  typename Rule::Options options;      ///< may be changed between steps
  std::vector<std::size_t> parameters; ///< indices into the model's `parameter_table`
  double initial_lr = -1;              ///< the rate when the first scheduler came; -1: none has come
};

} // namespace stator::optim
