// SPDX-License-Identifier: BSL-1.0
// detach and no_grad: the same values, through which no gradient flows.
#pragma once

#include "stator/trace/operation.hpp"

namespace stator::inline v0_2 {

namespace ops {

/// The operand itself, without a gradient.
struct Detach {
  static constexpr bool is_constant = true;
  static constexpr std::string_view name = "Detach";
  static constexpr bool is_view = true;
  static constexpr Extents shape(const Extents& x) { return x; }
};

} // namespace ops

/// torch.Tensor.detach: no gradient flows through it.
inline constexpr operation<ops::Detach> detach;
/// torch.no_grad around an expression: `no_grad(model(x)).value()` runs as in training, and keeps nothing for
/// a backward.
inline constexpr operation<ops::Detach> no_grad;

} // namespace stator::inline v0_2
