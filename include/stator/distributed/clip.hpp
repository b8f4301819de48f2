// SPDX-License-Identifier: BSL-1.0
// clip_grad_norm_ of a DataParallel model whose gradients are in parts: the norm is added up over ranks.
#pragma once

#include "stator/distributed/data_parallel.hpp"
#include "stator/optim/clip.hpp"

#include <cmath>
#include <limits>

namespace stator::optim {

/// As of any model. Where each rank has a part of the gradients (ZeroRedundancyOptimizer), the norm is that
/// of all parts together, and all ranks call it; the sum is the same on all of them, and rounds in another
/// way than that of whole gradients.
template<class M, std::size_t BucketBytes>
double clip_grad_norm_(distributed::DataParallel<M, BucketBytes>& model, double max_norm,
                       const ClipOptions& options = {}) {
  if (!model.scatters_gradients()) return clip_grad_norm_(static_cast<M&>(model), max_norm, options);
  detail::check(options.norm_type > 0, "norm_type value", options.norm_type);
  // Other ranks' parts are zeros here, and add nothing.
  const double mine = detail::norm_of(model.gradient_arena(), options.norm_type);
  double norm = 0;
  if (options.norm_type == std::numeric_limits<double>::infinity()) {
    for (const double part : distributed::all_gather(std::array{mine}, model.world()))
      norm = part > norm || part != part ? part : norm;
  } else {
    const double sum =
        distributed::all_reduce(std::pow(mine, options.norm_type), distributed::ReduceOp::sum, model.world());
    norm = std::pow(sum, 1 / options.norm_type);
  }
  const double scale = detail::clip_scale(norm, max_norm, options);
  detail::for_each_gradient(model, [&](auto gradient) { detail::multiply(gradient, scale); });
  return norm;
}

} // namespace stator::optim
