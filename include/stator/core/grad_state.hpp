// SPDX-License-Identifier: BSL-1.0
// What is known of a parameter's gradient besides its elements: PyTorch's `p.grad is None` and
// `p.requires_grad`.
#pragma once

#include "stator/core/requirements.hpp"

#include <cstddef>
#include <cstring>

namespace stator::inline v0_2 {

/// One for each parameter that gets a gradient, in the memory of its model. `backward()` sets `present` where
/// it has added a gradient and passes over what is `disabled`; `zero_grad()` clears `present`; optimisers and
/// clipping leave alone what is not present. As long as `present` is false, the elements of the gradient are
/// 0 to everyone who reads them. A large one that nobody outside of the library has seen since it was made is
/// `stale` after `zero_grad()`: it holds what it held, the first backward() writes it instead of adding to
/// it, and who reaches for it before sets it to 0.
struct GradState {
  bool present = false;  ///< there is a gradient: not None
  bool disabled = false; ///< `requires_grad_(false)` at run time
  bool stale = false;    ///< the elements count as 0, whatever they are
  bool seen = false;     ///< somebody may look at the elements at any time: never stale

  /// Bytes of a gradient from which it may be stale: less is cleared faster than it is asked about.
  static constexpr std::size_t large = std::size_t{1} << 14;
  /// Makes the elements what they count as.
  void settle(void* gradient, std::size_t bytes) {
    if (stale) std::memset(gradient, 0, bytes);
    stale = false;
  }
  /// The same, for good.
  void show(void* gradient, std::size_t bytes) {
    settle(gradient, bytes);
    seen = true;
  }
};

/// torch.nn.Module.zero_grad's options.
struct ZeroGradOptions {
  bool set_to_none = true; ///< false: gradients that are there stay there, as zeros
};

} // namespace stator::inline v0_2
