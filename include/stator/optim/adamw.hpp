// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stator/optim/adam.hpp"

namespace stator::optim {

/// Options of AdamW, those of torch.optim.AdamW.
struct AdamWOptions {
  double lr = 1e-3;                        ///< learning rate
  std::array<double, 2> betas{0.9, 0.999}; ///< decay of the averages of the gradient and of its square
  double eps = 1e-8;                       ///< added to the root in the denominator
  double weight_decay = 1e-2;              ///< parameters shrink by lr * weight_decay in each step
  bool amsgrad = false;                    ///< divide by the largest average so far
  bool maximize = false;                   ///< gradient ascent, not descent
};

/// Adam on parameters that shrink first: p *= 1 - lr * weight_decay.
/// Source: Loshchilov and Hutter 2019.
using AdamWRule = AdamLikeRule<AdamWOptions, true>;

/// torch.optim.AdamW. Throws ValueError for options out of range.
template<class M>
class AdamW : public Optimizer<AdamWRule, M> {
public:
  explicit AdamW(M& model, const AdamWOptions& options = {}) : Optimizer<AdamWRule, M>(model, options) {}
};
/// What is no model is refused in words.
template<class Other>
AdamW(const Other&, const AdamWOptions& = {}) -> AdamW<const Other>;

} // namespace stator::optim
