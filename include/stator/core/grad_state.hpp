// SPDX-License-Identifier: BSL-1.0
// What is known of a parameter's gradient besides its elements: PyTorch's `p.grad is None` and
// `p.requires_grad`.
#pragma once

#include "stator/core/requirements.hpp"

namespace stator::inline v0_2 {

/// One for each parameter that gets a gradient, in the memory of its model. `backward()` sets `present` where
/// it has added a gradient and passes over what is `disabled`; `zero_grad()` clears `present`; optimisers and
/// clipping leave alone what is not present. As long as `present` is false, the elements of the gradient are
/// 0.
struct GradState {
  bool present = false;  ///< there is a gradient: not None
  bool disabled = false; ///< `requires_grad_(false)` at run time
};

/// torch.nn.Module.zero_grad's options.
struct ZeroGradOptions {
  bool set_to_none = true; ///< false: gradients that are there stay there, as zeros
};

} // namespace stator::inline v0_2
